"""Class frequencies that differ in the target domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext


@causes.add("label-shift")
class LabelShift(Cause):
    """Class frequencies in training that differ from those of the evaluation images."""

    problem = "the class frequencies differ from those in training"
    advice = "train with the class frequencies of the target"
    paper = "Lipton et al. 2018, arXiv:1802.03916"

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Measure the distance of the class frequencies, and the probability that the shift is nothing else."""
        comparison = context.domain_comparison
        if comparison is None:
            return NO_EVIDENCE
        shares = comparison.kind.class_shares
        distance = float((shares["source"] - shares["target"]).abs().sum() / 2)
        probability = comparison.kind.probabilities["label"]
        most = shares.iloc[int((shares["target"] - shares["source"]).abs().argmax())]
        name = context.images.classes[int(most["class"])]
        summary = f"{name} is {most['source']:.0%} of the training domain and {most['target']:.0%} of the other"
        strength = logistic_step(distance, 0.28, 0.08) * (0.6 + 0.4 * probability)
        numbers = {"distance": distance, "label alone": probability}
        return Evidence(strength, summary, numbers, {"shares": shares}, is_observed=True)

    def fix_images(self, context: DiagnosisContext) -> Any:
        """Return training images in the class frequencies of the target, as many as possible."""
        comparison = context.domain_comparison
        if comparison is None:
            return None
        train, shares = context.images.subset("train"), comparison.kind.class_shares
        target_shares = np.zeros(len(context.images.classes))
        target_shares[shares["class"].to_numpy().astype(int)] = shares["target"]
        return subsample_to_class_shares(context, train.labels(), train.frame["id"].to_numpy(), target_shares)


def subsample_to_class_shares(
    context: DiagnosisContext, labels: np.ndarray, ids: np.ndarray, target_shares: np.ndarray
) -> Any:
    """Remove training images until their classes have the target shares; the rarest classes keep all images."""
    counts = np.bincount(labels, minlength=len(target_shares))
    present = (target_shares > 0) & (counts > 0)
    # a class that would force most other images out may stay rarer than its target share
    total = np.quantile(counts[present] / target_shares[present], 0.25)
    rng = np.random.default_rng(0)
    excluded: list[str] = []
    for k in np.flatnonzero(counts):
        rows = rng.permutation(np.flatnonzero(labels == k))
        excluded += ids[rows[max(int(np.ceil(total * target_shares[k])), 1) :]].tolist()
    return context.exclude_images(excluded)
