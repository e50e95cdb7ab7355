"""A few classes have most of the images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, compared, rising

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case


@causes.add("imbalanced-classes")
class ImbalancedClasses(Cause):
    """Rare classes are given up for frequent ones: the accuracy looks fine, the balanced accuracy does not."""

    means = "a few classes have most of the images, and the rare ones are given up"
    advice = "train on as many images of each class, and judge by the balanced accuracy"
    balanced = True
    source = "Cui et al. 2019, arXiv:1901.05555"

    def evidence(self, case: Case) -> Evidence:
        """How many times the most frequent class outnumbers the rarest, and how many classes are rare."""
        counts = case.counts[case.counts > 0]
        ratio = float(counts.max() / counts.min())
        if ratio < 4:
            return NOTHING
        most, least = (case.images.classes[int(pick(case.counts))] for pick in (np.argmax, np.argmin))
        effective = float(np.exp(-(p := counts / counts.sum()) @ np.log(p)) / len(counts))
        words = f"{most} has {ratio:.0f} times as many images as {least}; they weigh as {effective:.0%} of their number"
        numbers = {"ratio": ratio, "effective share": effective}
        drawn = compared("training images", dict(zip(case.images.classes, case.counts.tolist(), strict=True)))
        return Evidence(rising(np.log(ratio), np.log(12), 0.6), words, numbers, drawn, fact=True)

    def data_without(self, case: Case) -> Any:
        """The images with those of rare classes repeated in training until every class comes as often."""
        part = case.images.part("train")
        labels, most = part.labels(), int(case.counts.max())
        places = {name: row for row, name in enumerate(case.data.frame["id"])}
        rows = [np.arange(len(case.data))]
        for k in np.flatnonzero(case.counts):
            own = [places[name] for name in part.frame["id"].to_numpy()[labels == k]]
            rows.append(np.resize(own, most - len(own)))
        return case.data.part(rows=np.concatenate(rows).astype(int))
