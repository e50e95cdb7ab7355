"""Learning rate so low that the net hardly changes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes
from workbench.diagnosis.causes.rate_too_high import compare_base_lr
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan


@causes.add("rate-too-low")
class RateTooLow(Cause):
    """Learning rate far below the usual one of the tuning and the optimiser, with an underfitted net."""

    problem = "the learning rate is too low, so that the net does not adapt"
    advice = "raise the learning rate to the usual one of the tuning"
    paper = "Li et al. 2020, arXiv:2002.11770"

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Compute the ratio of the usual learning rate to the plan's, weighted by underfitting."""
        times = context.default_lr / context.base_lr
        if times < 2:
            return NO_EVIDENCE
        summary = f"the rate {context.base_lr:.2g} is {times:.0f} times below the usual {context.default_lr:.2g}"
        strength = logistic_step(math.log10(times), 1.0, 0.5) * context.underfitting
        return Evidence(strength, summary, {"rate": context.base_lr, "times below": times}, compare_base_lr(context))

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with the usual learning rate."""
        return context.plan.replace(lr=context.default_lr)
