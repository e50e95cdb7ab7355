"""A few classes have most of the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case


@causes.add("imbalanced-classes")
class ImbalancedClasses(Cause):
    """Rare classes are given up for frequent ones: the accuracy looks fine, the balanced accuracy does not."""

    means = "a few classes have most of the images, and the rare ones are given up"
    source = "Cui et al. 2019, arXiv:1901.05555"

    def evidence(self, case: Case) -> Evidence:
        """How many times the most frequent class outnumbers the rarest, and how many classes are rare."""
        counts = case.counts[case.counts > 0]
        ratio = float(counts.max() / counts.min())
        if ratio < 4:
            return NOTHING
        most, least = (case.images.classes[int(pick(case.counts))] for pick in (np.argmax, np.argmin))
        effective = float(np.exp(-(p := counts / counts.sum()) @ np.log(p)) / len(counts))
        words = f"{most} has {ratio:.0f} times as many images as {least}; the classes weigh as {effective:.0%} of their number"
        return Evidence(rising(np.log(ratio), np.log(12), 0.6), words, {"ratio": ratio, "effective share": effective})
