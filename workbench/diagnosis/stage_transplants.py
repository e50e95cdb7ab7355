"""How far up the weights serve: the stages up to one transferred, those after it grown anew, in short trainings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis import control_plans as named
from workbench.diagnosis.fewer_stages import grafted
from workbench.plan import Choice

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.diagnosis.inquiry import Inquiry
    from workbench.plan import Plan

KINDS = {"transplant": "kept as it is", "tuned": "trained on"}  # column of the stages -> what becomes of the transplant
MOST = 4  # stages that are cut after
FEWER, LEAST = 1 / 3, 3  # share of a training's epochs, and how many say something
UNTIMELY = "there was no time to transplant stages; with more minutes the stages say how far up the weights serve"


def carry_out(case: Case, inquiry: Inquiry, kind: str, done: Callable[[], None]) -> None:
    """Trains the transplants of a kind, from the last stage down, as far as there is time.

    Yosinski et al. 2014, arXiv:1411.1792.
    """
    if not case.pretrained:
        return
    for stage in reversed(cuts(case)):
        why = f"how far up do the weights serve? Those up to {stage}, {KINDS[kind]}"
        if not inquiry.carry_out(_name(kind, stage), planned(case, inquiry, kind, stage), 0, why):
            return
        done()


def cuts(case: Case) -> list[str]:
    """The stages to cut after: all, or some from the first to the last."""
    stages = [stage.name for stage in case.net.stages[:-1]]
    places = np.unique(np.linspace(0, len(stages) - 1, min(MOST, len(stages))).round().astype(int))
    return [stages[place] for place in places]


def planned(case: Case, inquiry: Inquiry, kind: str, stage: str) -> Plan:
    """A short training of what is grown anew, with the transplant frozen or not."""
    stages = [s.name for s in case.net.stages[:-1]]
    above = len(stages) - 1 - stages.index(stage)
    tuning = Choice("last-k", {"k": above}) if kind == "transplant" else Choice("full")
    epochs = case.plan.schedule.epochs * inquiry.share
    few = min(max(LEAST, round(FEWER * epochs)), epochs)
    plain = named.controls_of(case.plan)[named.FROZEN]
    # the inquiry shortens every plan alike
    return plain.but(backbone=grafted(case, stage), tuning=tuning, epochs=max(1, round(few / inquiry.share)))


def curve(inquiry: Inquiry, kind: str, stages: list[str]) -> list[float]:
    """Accuracy by stage; NaN where it was not transplanted."""
    found = [inquiry.outcomes.get(_name(kind, stage)) for stage in stages]
    return [outcomes[0].accuracy if outcomes else float("nan") for outcomes in found]


def _name(kind: str, stage: str) -> str:
    return f"{kind} up to {stage}"
