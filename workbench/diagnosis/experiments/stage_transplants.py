"""Transfer of the first stages only: stages up to one keep their weights, later ones restart from random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.experiments.control_plans import FROZEN, build_control_plans
from workbench.diagnosis.experiments.stage_reinitialization import reinitialize_later_stages
from workbench.plan import Choice

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.diagnosis.experiments.experiment_budget import BudgetedExperiments
    from workbench.plan import Plan

# column of the stage table -> treatment of the transplanted stages
KINDS = {"transplant": "frozen", "tuned": "fine-tuned"}
MAX_CUTS = 4  # cut positions at most
EPOCH_FRACTION, MIN_EPOCHS = 1 / 3, 3  # fraction of a training's epochs, and the fewest that are meaningful
NO_TIME_NOTE = "time ran out before stage transplants; a larger time budget measures up to which stage the weights help"


def run_transplants(
    context: DiagnosisContext, experiments: BudgetedExperiments, kind: str, callback: Callable[[], None]
) -> None:
    """Train the transplants of one kind, from the last stage down, as far as the time budget allows.

    Source: Yosinski et al. 2014, arXiv:1411.1792.
    """
    if not context.is_pretrained:
        return
    for stage in reversed(select_cut_stages(context)):
        reason = f"up to which stage do the weights help? stages up to {stage}, {KINDS[kind]}"
        plan = build_transplant_plan(context, experiments, kind, stage)
        if not experiments.run_experiment(_transplant_name(kind, stage), plan, 0, reason):
            return
        callback()


def select_cut_stages(context: DiagnosisContext) -> list[str]:
    """Select the stages to cut after: all, or at most 4, evenly spaced from the first to the last."""
    stages = [stage.name for stage in context.net.stages[:-1]]
    cuts = np.unique(np.linspace(0, len(stages) - 1, min(MAX_CUTS, len(stages))).round().astype(int))
    return [stages[index] for index in cuts]


def build_transplant_plan(context: DiagnosisContext, experiments: BudgetedExperiments, kind: str, stage: str) -> Plan:
    """Build the plan of a short training of the reinitialized stages, with the transplanted stages frozen or not."""
    stages = [s.name for s in context.net.stages[:-1]]
    n_later = len(stages) - 1 - stages.index(stage)
    tuning = Choice("last-k", {"k": n_later}) if kind == "transplant" else Choice("full")
    all_epochs = context.plan.schedule.epochs * experiments.epoch_fraction
    epochs = min(max(MIN_EPOCHS, round(EPOCH_FRACTION * all_epochs)), all_epochs)
    # every plan is shortened by `epoch_fraction` again when it is run
    return build_control_plans(context.plan)[FROZEN].replace(
        backbone=reinitialize_later_stages(context, stage),
        tuning=tuning,
        epochs=max(1, round(epochs / experiments.epoch_fraction)),
    )


def transplant_accuracies(experiments: BudgetedExperiments, kind: str, stages: list[str]) -> list[float]:
    """Return the accuracy by stage; NaN where no transplant was trained."""
    by_stage = [experiments.outcomes.get(_transplant_name(kind, stage)) for stage in stages]
    return [outcomes[0].accuracy if outcomes else float("nan") for outcomes in by_stage]


def _transplant_name(kind: str, stage: str) -> str:
    return f"{kind} up to {stage}"
