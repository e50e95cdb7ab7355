"""Validation images that are also among the training images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext


@causes.add("leaked-duplicates")
class LeakedDuplicates(Cause):
    """Inflated validation accuracy: validation images are in the training split too, perhaps saved again."""

    problem = "the validation accuracy is too high: validation images are in the training split as well"
    advice = "remove the leaked validation images, and evaluate again"
    has_experiment = False
    is_validity_threat = True
    paper = "Barz and Denzler 2020, arXiv:1902.00423"

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Measure the fraction of validation images with an exact or near duplicate in the training split."""
        leaks = context.leaks
        if not len(leaks):
            return NO_EVIDENCE
        fraction = len(leaks) / max(len(context.images.subset("valid")), 1)
        same = int((leaks["distance"] == 0).sum())
        summary = (
            f"{len(leaks)} validation images ({fraction:.1%}) are in the training split as well, {same} pixel by pixel"
        )
        numbers = {"leaked": len(leaks), "share": fraction, "pixel by pixel": same}
        return Evidence(logistic_step(fraction, 0.02, 0.015), summary, numbers, {"leaked images": leaks})

    def fix_images(self, context: DiagnosisContext) -> Any:
        """Return the images without the leaked validation images."""
        return context.exclude_images(context.leaks["id"])
