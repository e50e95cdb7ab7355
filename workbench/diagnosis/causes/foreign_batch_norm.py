"""Batch norms with the statistics of another domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes, compare_values
from workbench.diagnosis.evidence.batch_norm_recalibration import has_batch_norm_statistics
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan


@causes.add("foreign-batch-norm")
class ForeignBatchNorm(Cause):
    """Frozen batch norms with the statistics of other images, which distort the features."""

    problem = "the batch norms keep the statistics of other images"
    advice = "recompute the batch-norm statistics on the training images"
    paper = "Li et al. 2016, arXiv:1603.04779"
    alternative_causes = ("preprocessing-mismatch",)

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Measure the gain of a linear head when batch norms take the statistics of the training images."""
        if not has_batch_norm_statistics(context.net):
            return NO_EVIDENCE
        is_fixed = context.plan.schedule.batch_norm == "eval"
        fixed = 1.0 if is_fixed else float((context.lr_grid.max(1)[:-1] == 0).mean())
        before, after = context.probe_accuracy(), context.recalibrated_accuracy
        summary = (
            f"with statistics of the training images, a linear head gets {after:.0%} right instead of {before:.0%}"
        )
        numbers = {"fixed statistics": fixed, "linear head": before, "recalibrated": after}
        # statistics that are updated in training correct themselves
        strength = logistic_step(after - before, 0.06, 0.04) * max(fixed, 0.3)
        frames = compare_values("linear head right", {"current statistics": before, "of the training images": after})
        return Evidence(strength, summary, numbers, frames)

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with batch-norm statistics of the training images."""
        if not has_batch_norm_statistics(context.net):
            return None
        return context.plan.replace(backbone=context.recalibrated_net)
