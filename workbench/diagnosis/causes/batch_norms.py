"""The batch norms remember another domain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, compared, rising
from workbench.diagnosis.recalibration import has_statistics, recalibrated

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan


@causes.add("foreign-batch-norm")
class ForeignBatchNorm(Cause):
    """The statistics of frozen batch norms are those of other images, so that features come out crooked."""

    means = "the batch norms keep the statistics of other images"
    advice = "take the statistics of the batch norms anew from the training images"
    source = "Li et al. 2016, arXiv:1603.04779"
    yields_to = ("preprocessing-mismatch",)

    def evidence(self, case: Case) -> Evidence:
        """What a linear head gains where the statistics are taken from the training images."""
        if not has_statistics(case.net):
            return NOTHING
        still = case.plan.schedule.batch_norm == "still"
        kept = 1.0 if still else float((case.rates.max(1)[:-1] == 0).mean())
        if "taken anew" not in case.kept:
            case.kept["taken anew"] = case.probe_of(recalibrated(case))
        before, after = case.probe(), case.kept["taken anew"]
        words = f"with statistics of the training images, a linear head gets {after:.0%} right instead of {before:.0%}"
        numbers = {"kept statistics": kept, "linear head": before, "recalibrated": after}
        # statistics that follow the training come right by themselves
        drawn = compared("linear head right", {"statistics as they are": before, "of the training images": after})
        return Evidence(rising(after - before, 0.06, 0.04) * max(kept, 0.3), words, numbers, drawn)

    def without(self, case: Case) -> Plan | None:
        """The same net with statistics of the training images."""
        return case.plan.but(backbone=recalibrated(case)) if has_statistics(case.net) else None
