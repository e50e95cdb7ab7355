"""The training ends before it is over."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, compared, rising

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan

ENOUGH = 200  # updates after which a head, and what it stands on, have usually settled


@causes.add("too-few-epochs")
class TooFewEpochs(Cause):
    """So few updates that neither the head nor what it stands on has settled."""

    means = "the training ends too early, so that the net does not adapt"
    advice = "train for more epochs"
    source = "Li et al. 2020, arXiv:2002.11770"
    yields_to = ("rate-too-low",)

    def evidence(self, case: Case) -> Evidence:
        """How many updates the weights get."""
        if case.updates >= ENOUGH:
            return NOTHING
        words = f"{case.plan.schedule.epochs} epochs of {len(case.train_labels)} images are {case.updates} updates"
        strength = rising(math.log2(ENOUGH / case.updates), 2.3, 0.8)
        numbers = {"updates": case.updates, "epochs": case.plan.schedule.epochs}
        drawn = compared("updates", {"your plan": case.updates, "usually enough": ENOUGH})
        return Evidence(strength * case.unfinished, words, numbers, drawn)

    def without(self, case: Case) -> Plan | None:
        """As many epochs as make up enough updates."""
        return case.plan.but(epochs=math.ceil(case.plan.schedule.epochs * ENOUGH / case.updates))
