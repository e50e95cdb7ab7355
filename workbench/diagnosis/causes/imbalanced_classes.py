"""Few classes with most of the images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import entropy

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes, compare_values
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext


@causes.add("imbalanced-classes")
class ImbalancedClasses(Cause):
    """Rare classes ignored in favour of frequent ones: high accuracy, low balanced accuracy."""

    problem = "a few classes have most of the images, and rare classes are ignored"
    advice = "train on equally many images per class, and evaluate by balanced accuracy"
    is_class_balanced = True
    paper = "Cui et al. 2019, arXiv:1901.05555"

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Measure the ratio of the most frequent to the rarest class, and the effective number of classes."""
        counts = context.class_counts[context.class_counts > 0]
        ratio = float(counts.max() / counts.min())
        if ratio < 4:
            return NO_EVIDENCE
        most, least = (context.images.classes[int(pick(context.class_counts))] for pick in (np.argmax, np.argmin))
        effective = float(np.exp(entropy(counts)) / len(counts))
        summary = (
            f"{most} has {ratio:.0f} times as many images as {least}; the effective number of classes is "
            f"{effective:.0%} of the actual one"
        )
        numbers = {"ratio": ratio, "effective share": effective}
        frames = compare_values(
            "training images", dict(zip(context.images.classes, context.class_counts.tolist(), strict=True))
        )
        return Evidence(logistic_step(np.log(ratio), np.log(12), 0.6), summary, numbers, frames, is_observed=True)

    def fix_images(self, context: DiagnosisContext) -> Any:
        """Return images with those of rare classes repeated in training until all classes are equally frequent."""
        train = context.images.subset("train")
        labels, most = train.labels(), int(context.class_counts.max())
        row_of_id = {name: row for row, name in enumerate(context.data.frame["id"])}
        rows = [np.arange(len(context.data))]
        for k in np.flatnonzero(context.class_counts):
            of_class = [row_of_id[name] for name in train.frame["id"].to_numpy()[labels == k]]
            rows.append(np.resize(of_class, most - len(of_class)))
        return context.data.subset(rows=np.concatenate(rows).astype(int))
