"""Steps so small that the net ends where it began."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.diagnosis.causes.rate_too_high import rates

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan


@causes.add("rate-too-low")
class RateTooLow(Cause):
    """The learning rate is far below what the tuning and the optimiser usually take, and little was learnt."""

    means = "the learning rate is too low, so that the net does not adapt"
    advice = "raise the learning rate to what the tuning usually takes"
    source = "Li et al. 2020, arXiv:2002.11770"

    def evidence(self, case: Case) -> Evidence:
        """How many times the rate is below the usual one."""
        times = case.usual_rate / case.rate
        if times < 2:
            return NOTHING
        words = f"the rate {case.rate:.2g} is {times:.0f} times below the usual {case.usual_rate:.2g}"
        strength = rising(math.log10(times), 1.0, 0.5) * case.unfinished
        return Evidence(strength, words, {"rate": case.rate, "times below": times}, rates(case))

    def without(self, case: Case) -> Plan | None:
        """The same with the usual rate."""
        return case.plan.but(lr=case.usual_rate)
