"""Labels with another meaning in the target domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes, compare_values
from workbench.diagnosis.evidence.domain_comparison import add_target_images
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext


@causes.add("concept-shift")
class ConceptShift(Cause):
    """Similar images in both domains, labelled by different definitions of the classes."""

    problem = "the labels have another meaning than in training"
    advice = "agree on what the classes mean, and relabel one of the domains"
    paper = "Moreno-Torres et al. 2012, doi:10.1016/j.patcog.2011.06.019"
    alternative_causes = ("spurious-cue", "label-shift")

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Measure whether images of one class differ while domains as a whole look alike, and the drop."""
        comparison = context.domain_comparison
        if comparison is None:
            return NO_EVIDENCE
        probability = comparison.kind.probabilities["concept"]
        summary = (
            f"both domains look alike as a whole, but not within a class; a linear head that gets "
            f"{comparison.source_accuracy:.0%} right on the training domain gets {comparison.target_accuracy:.0%} on "
            "the other"
        )
        strength = probability * logistic_step(comparison.accuracy_drop, 0.1, 0.05)
        numbers = {"concept": probability, "drop": comparison.accuracy_drop}
        return Evidence(strength, summary, numbers, compare_values("linear head right", comparison.accuracies))

    def fix_images(self, context: DiagnosisContext) -> Any:
        """Return images with the training images of both domains, with the labels of each."""
        return add_target_images(context)
