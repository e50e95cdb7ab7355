"""Frozen layers that would need to adapt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes, compare_values
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan


@causes.add("froze-too-much")
class FrozeTooMuch(Cause):
    """Frozen features that do not separate the target's classes, with hardly anything else trainable."""

    problem = "the layers that need to adapt are frozen"
    advice = "train every stage"
    paper = "Kornblith et al. 2019, arXiv:1805.08974"
    alternative_causes = (
        "rate-too-low",
        "rate-too-high",
        "too-few-epochs",
        "preprocessing-mismatch",
        "foreign-batch-norm",
        "poor-source",
        "noisy-labels",
    )

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Measure the fraction of frozen stages, and the error of a linear head on their features."""
        frozen = float((context.lr_grid.max(1)[:-1] == 0).mean())
        if frozen < 0.5:
            return NO_EVIDENCE
        accuracy = context.cv_probe_accuracy()
        summary = f"{frozen:.0%} of the stages are frozen; a linear head on their features gets {accuracy:.0%} right"
        numbers = {"frozen stages": frozen, "linear head": accuracy}
        by_stage = {s: context.cv_probe_accuracy(s) for s in context.pretraining_gains if s != "features"}
        strength = logistic_step(1 - accuracy, 0.3, 0.15) * frozen
        return Evidence(strength, summary, numbers, compare_values("right by stage", by_stage))

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with every stage trainable."""
        return context.plan.replace(tuning="full", lr=context.lr_for_tuning("full"))
