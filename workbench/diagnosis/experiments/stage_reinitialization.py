"""Transfer of the first stages alone, with later stages reinitialized."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.nets.net import Net
    from workbench.plan import Plan


def reinitialize_later_stages(context: DiagnosisContext, stage: str) -> Net:
    """Return a copy of the net with the weights up to a stage; later stages are random."""
    net, names = copy.deepcopy(context.net), [s.name for s in context.net.stages]
    untrained, state = context.untrained_net.state_dict(), net.state_dict()
    for later in net.stages[names.index(stage) + 1 : -1]:
        state.update({name: untrained[name] for name in later.tensor_names if name in untrained and name in state})
    net.load_state_dict(state)
    return net


def keep_stages_up_to(context: DiagnosisContext, stage: str) -> Plan:
    """Return the plan with the weights up to a stage and random weights after it.

    If the plan froze any of the random stages, all stages become trainable.
    """
    names = [s.name for s in context.net.stages]
    plan = context.plan.replace(backbone=reinitialize_later_stages(context, stage))
    is_frozen = (context.lr_grid.max(1)[names.index(stage) + 1 : -1] == 0).any()
    return plan.replace(tuning="full", lr=context.lr_for_tuning("full")) if is_frozen else plan
