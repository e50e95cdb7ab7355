"""Steps so large that what the backbone knew is gone before the head has learnt to read it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, compared, rising

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.case import Case
    from workbench.plan import Plan


@causes.add("rate-too-high")
class RateTooHigh(Cause):
    """The learning rate is far above what the tuning and the optimiser usually bear."""

    means = "the learning rate is too high, so that features are destroyed"
    advice = "lower the learning rate to what the tuning usually takes"
    source = "Li et al. 2020, arXiv:2002.11770"

    def evidence(self, case: Case) -> Evidence:
        """How many times the rate is above the usual one."""
        times = case.rate / case.usual_rate
        if times < 2:
            return NOTHING
        words = f"the rate {case.rate:.2g} is {times:.0f} times the usual {case.usual_rate:.2g}"
        numbers, drawn = {"rate": case.rate, "times the usual": times}, rates(case)
        return Evidence(rising(math.log10(times), 1.0, 0.5), words, numbers, drawn)

    def without(self, case: Case) -> Plan | None:
        """The same with the usual rate."""
        return case.plan.but(lr=case.usual_rate)


def rates(case: Case) -> dict[str, pd.DataFrame]:
    """The plan's base rate beside the usual one of its tuning and optimiser."""
    return compared("base rate", {"your plan": case.rate, "usual": case.usual_rate})
