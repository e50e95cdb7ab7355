"""What would have to change stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan


@causes.add("froze-too-much")
class FrozeTooMuch(Cause):
    """The frozen features do not tell the target's classes apart, and nothing else may move."""

    means = "the layers that would have to adapt are frozen"
    source = "Kornblith et al. 2019, arXiv:1805.08974"

    def evidence(self, case: Case) -> Evidence:
        """The share of stages that never move, and how well a linear head does even on the images that it learnt from."""
        still = float((case.rates.max(1)[:-1] == 0).mean())
        if still < 0.5:
            return NOTHING
        train = case.features("train")["features"]
        from workbench.probes.tasks import linear_accuracy

        fitted = linear_accuracy(train.array, train.labels, train.array, train.labels, len(case.images.classes))
        words = f"{still:.0%} of the stages never move; a linear head on what they give fits {fitted:.0%} of the training images"
        return Evidence(rising(1 - fitted, 0.25, 0.12) * still, words, {"frozen stages": still, "fitted": fitted})

    def without(self, case: Case) -> Plan | None:
        """A linear probe, and then everything."""
        return case.plan.but(tuning="lp-ft", lr=None)
