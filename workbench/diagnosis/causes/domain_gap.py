"""Evaluation images that look different from the training images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes, compare_values
from workbench.diagnosis.evidence.domain_comparison import add_target_images
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext


@causes.add("domain-gap")
class GapOfDomains(Cause):
    """Training on one domain and evaluation on another that looks different."""

    problem = "the evaluation images look different from the training images"
    advice = "train on images of the target domain too, or adapt to it (strategy dann)"
    paper = "Ben-David et al. 2010, doi:10.1007/s10994-009-5152-4"
    alternative_causes = ("spurious-cue", "label-shift")

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Measure the probability of covariate shift, the domain distance, and the accuracy drop of a linear head."""
        comparison = context.domain_comparison
        if comparison is None:
            return NO_EVIDENCE
        probability, distance = comparison.kind.probabilities["covariate"], comparison.gap.distance
        summary = (
            f"the distance of the domains is {distance:.2f} of 2 (proxy A-distance); a linear head that gets "
            f"{comparison.source_accuracy:.0%} right on the training domain gets {comparison.target_accuracy:.0%} on "
            "the other"
        )
        numbers = {"covariate": probability, "proxy A-distance": distance, "drop": comparison.accuracy_drop}
        large_drop = logistic_step(comparison.accuracy_drop, 0.08, 0.05)
        strength = probability * logistic_step(distance, 0.8, 0.4) * large_drop
        return Evidence(strength, summary, numbers, compare_values("linear head right", comparison.accuracies))

    def fix_images(self, context: DiagnosisContext) -> Any:
        """Return images with the training images of both domains."""
        return add_target_images(context)
