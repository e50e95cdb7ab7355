"""Wrong labels of training images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes
from workbench.diagnosis.evidence.cross_validation import cross_validated_accuracy
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.probes.label_noise import LabelIssues

TOP_CONFIDENCE_FRACTION = 0.2  # fraction of predictions that counts as most confident
MIN_IMAGES_PER_CLASS = 8  # images per class that cross-validation needs
N_FOLDS = 5  # of cross-validation
MAX_HARD_TASK_STRENGTH = 0.45  # greatest strength of evidence that a hard task would give too


@causes.add("noisy-labels")
class NoisyLabels(Cause):
    """Wrong labels among the training images, which a net memorizes."""

    problem = "labels of the training images are wrong"
    advice = "inspect the images with suspicious labels, correct or remove them, and train again"
    paper = "Northcutt et al. 2021, arXiv:1911.00068"
    alternative_causes = ("poor-source", "preprocessing-mismatch", "foreign-batch-norm", "leaked-duplicates")

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Compare training with validation labels, and count labels that contradict confident predictions.

        A linear head trained on wrong labels is still about right: it agrees with the validation labels, but not with
        training labels that it was not fitted to. Where the validation labels are equally wrong, labels contradict
        even its most confident predictions; but so they do where a task is hard, and only the experiment can decide.
        """
        if context.class_counts[context.class_counts > 0].min() < MIN_IMAGES_PER_CLASS:
            return NO_EVIDENCE
        features, n_valid = context.extract_stage_features("train")["features"], len(context.images.subset("valid"))
        train = cross_validated_accuracy(features.array, features.labels, len(context.images.classes), N_FOLDS)
        valid = context.probe_accuracy()
        error = float(np.sqrt(train * (1 - train) / len(features) + valid * (1 - valid) / max(n_valid, 1)))
        result = context.label_issues
        summary = (
            f"a linear head agrees with {valid:.0%} of the validation labels, and with {train:.0%} of the training "
            f"labels of held-out folds; {len(result.issues)} of {len(result.frame)} are likely wrong"
        )
        chance = float(context.class_counts.max() / context.class_counts.sum())
        contradicted, suspicion = measure_contradiction(result, chance)
        strength = max(logistic_step(valid - train - error, 0.1, 0.025), MAX_HARD_TASK_STRENGTH * suspicion)
        numbers = {
            "validation": valid,
            "training": train,
            "contradicted": contradicted,
            "estimated share": result.noise_rate,
        }
        return Evidence(strength, summary, numbers, {"labels": result.issues.head(100)}, is_observed=True)

    def fix_images(self, context: DiagnosisContext) -> Any:
        """Return the images without training images whose label is likely wrong; validation images are unchanged."""
        return context.exclude_images(context.label_issues.issues["id"])


def measure_contradiction(result: LabelIssues, chance: float) -> tuple[float, float]:
    """Compute how often labels contradict the most confident predictions, and how suspicious that is, each 0 to 1.

    A hard task has easy images, on which the most confident predictions are right; wrong labels occur on easy images
    too. The suspicion is near 0 where the features separate no classes, since nothing can be concluded there.
    """
    frame = result.frame
    agrees = frame["margin"] > 0
    confidence = np.maximum(frame["confidence"], frame["confidence"] - frame["margin"])
    is_top = confidence >= np.quantile(confidence, 1 - TOP_CONFIDENCE_FRACTION)
    agreement, top = float(agrees.mean()), float(agrees[is_top].mean())
    suspicion = logistic_step(1 - top, 0.29, 0.06) * logistic_step(agreement / max(top, 0.01), 0.55, 0.08)
    return 1 - top, suspicion * logistic_step(agreement - chance, 0.15, 0.05)
