"""Learning rate so high that pretrained features are destroyed before the head can use them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes, compare_values
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan


@causes.add("rate-too-high")
class RateTooHigh(Cause):
    """Learning rate far above the usual one of the tuning and the optimiser."""

    problem = "the learning rate is too high, so that features are destroyed"
    advice = "lower the learning rate to the usual one of the tuning"
    paper = "Li et al. 2020, arXiv:2002.11770"

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Compute the ratio of the learning rate to the usual one."""
        times = context.base_lr / context.default_lr
        if times < 2:
            return NO_EVIDENCE
        summary = f"the rate {context.base_lr:.2g} is {times:.0f} times the usual {context.default_lr:.2g}"
        numbers = {"rate": context.base_lr, "times the usual": times}
        return Evidence(logistic_step(math.log10(times), 1.0, 0.5), summary, numbers, compare_base_lr(context))

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with the usual learning rate."""
        return context.plan.replace(lr=context.default_lr)


def compare_base_lr(context: DiagnosisContext) -> dict[str, pd.DataFrame]:
    """Build a frame with the plan's learning rate beside the usual one of its tuning and optimiser."""
    return compare_values("learning rate", {"your plan": context.base_lr, "usual": context.default_lr})
