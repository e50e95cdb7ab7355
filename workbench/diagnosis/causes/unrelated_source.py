"""The late stages answer another question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.diagnosis.fewer_stages import kept_up_to
from workbench.diagnosis.other_backbones import nearer, with_another

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.case import Case
    from workbench.plan import Plan

LOST = (0.11, 0.05)  # accuracy from which on much is lost from the best stage to the last, and how sharply that counts


@causes.add("unrelated-source")
class UnrelatedSource(Cause):
    """An earlier stage tells the target's classes apart better than the last: late ones serve the source's task."""

    means = "the late stages are specialised in another task"
    advice = "take a backbone that was asked such a question, or transfer fewer stages and let the late ones begin anew"
    source = "Yosinski et al. 2014, arXiv:1411.1792"
    yields_to = ("preprocessing-mismatch", "foreign-batch-norm", "poor-source", "spurious-cue", "source-too-far")

    def evidence(self, case: Case) -> Evidence:
        """Linear heads on every stage: where classes are told apart best, and what is lost from there to the end."""
        if not case.pretrained:
            return NOTHING
        stage, best = best_stage(case)
        lost = lost_on_the_way(case)
        words = f"a linear head gets {best:.0%} right on {stage}, and {case.told():.0%} on the last stage"
        drawn = {"linear heads by stage": _heads(case)}
        return Evidence(rising(lost, *LOST), words, {"lost": lost, "best stage": best}, drawn)

    def without(self, case: Case) -> Plan | None:
        """The best of the other built-in backbones, or the stages up to the best one alone: what promises more.

        A linear head tells which: on the other's last stage, or on this one's best.
        """
        if nearer(case) > lost_on_the_way(case):
            return with_another(case)
        return kept_up_to(case, best_stage(case)[0])


def lost_on_the_way(case: Case) -> float:
    """How much more a linear head tells from the best stage than from the last."""
    return best_stage(case)[1] - case.told()


def best_stage(case: Case) -> tuple[str, float]:
    """The stage that tells the classes apart best, and the accuracy of a linear head on it."""
    known = {stage: case.told(stage) for stage in case.gains if stage != "features"}
    best = max(known, key=lambda stage: known[stage])
    return best, known[best]


def _heads(case: Case) -> pd.DataFrame:
    import pandas as pd

    stages = [stage for stage in case.gains if stage != "features"]
    rows = [(stage, case.told(stage), case.told(stage, pretrained=False)) for stage in stages]
    return pd.DataFrame(rows, columns=["stage", "weights", "untrained"])
