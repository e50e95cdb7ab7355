"""Fewer transferred stages: those after one of them begin anew."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.nets import Net
    from workbench.plan import Plan


def grafted(case: Case, stage: str) -> Net:
    """The net with the weights up to a stage; later ones are random."""
    net, names = copy.deepcopy(case.net), [s.name for s in case.net.stages]
    fresh, state = case.blank.state_dict(), net.state_dict()
    for later in net.stages[names.index(stage) + 1 : -1]:
        state.update({name: fresh[name] for name in later.tensors if name in fresh and name in state})
    net.load_state_dict(state)
    return net


def kept_up_to(case: Case, stage: str) -> Plan:
    """The plan with the weights up to a stage; later ones are random, and move if the plan let nothing but the head."""
    names = [s.name for s in case.net.stages]
    plan = case.plan.but(backbone=grafted(case, stage))
    frozen = (case.rates.max(1)[names.index(stage) + 1 : -1] == 0).any()
    return plan.but(tuning="full", lr=case.rate_for("full")) if frozen else plan
