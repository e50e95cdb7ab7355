"""What would have to change stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, compared, rising

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan


@causes.add("froze-too-much")
class FrozeTooMuch(Cause):
    """The frozen features do not tell the target's classes apart, and nothing else may move."""

    means = "the layers that would have to adapt are frozen"
    advice = "let every stage move"
    source = "Kornblith et al. 2019, arXiv:1805.08974"
    yields_to = (
        "rate-too-low",
        "rate-too-high",
        "too-few-epochs",
        "preprocessing-mismatch",
        "foreign-batch-norm",
        "poor-source",
        "noisy-labels",
    )

    def evidence(self, case: Case) -> Evidence:
        """The share of stages that never move, and how far a linear head on what they give is from knowing all."""
        still = float((case.rates.max(1)[:-1] == 0).mean())
        if still < 0.5:
            return NOTHING
        known = case.told()
        words = f"{still:.0%} of the stages never move; a linear head on what they give gets {known:.0%} right"
        numbers = {"frozen stages": still, "linear head": known}
        right = {stage: case.told(stage) for stage in case.gains if stage != "features"}
        return Evidence(rising(1 - known, 0.3, 0.15) * still, words, numbers, compared("right by stage", right))

    def without(self, case: Case) -> Plan | None:
        """Everything moves."""
        return case.plan.but(tuning="full", lr=case.rate_for("full"))
