"""So much may move that a few images suffice to unlearn what the backbone knew."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, compared, rising

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.plan import Plan

FEW = 40  # training images a class above which every stage may move
SETTLED = 300  # updates after which a head alone has settled


@causes.add("froze-too-little")
class FrozeTooLittle(Cause):
    """Every stage moves on few images: they are learnt by heart, and the rest is forgotten."""

    means = "too much may move for so few images, and they are learnt by heart"
    advice = "freeze the backbone and train the head alone, or slow the early stages down"
    source = "Kumar et al. 2022, arXiv:2202.10054"
    yields_to = ("rate-too-high", "rate-too-low", "too-few-epochs", "preprocessing-mismatch", "imbalanced-classes")

    def evidence(self, case: Case) -> Evidence:
        """What moves, how few images there are for it, and a linear head on the frozen features, which does better."""
        moving = float((case.rates.max(1)[:-1] > 0).mean())
        each = float(case.counts.sum() / max(np.count_nonzero(case.counts), 1))
        if moving < 0.5 or each >= FEW:
            return NOTHING
        known = case.told()
        words = (
            f"{moving:.0%} of the stages move on {each:.0f} images a class; a linear head alone gets {known:.0%} right"
        )
        numbers = {"moving": moving, "images a class": each, "linear head": known}
        few = rising(np.log2(FEW / each), 0.5, 0.5)
        if case.outcome is None:
            drawn = compared("images a class", {"yours": each, "usually enough to move all": float(FEW)})
            return Evidence(0.6 * moving * few * known, words, numbers, drawn)
        reached, fitted = case.accuracy(case.outcome), case.fitted(case.outcome)
        words += f", the plan {reached:.0%}, and {fitted:.0%} of the images that it learnt from"
        better = rising(known - reached, 0.06, 0.05)
        right = {"linear head alone": known, "your plan": reached, "your plan, images it learnt from": fitted}
        numbers |= {"plan": reached, "fitted": fitted}
        return Evidence(moving * few * better, words, numbers, compared("right", right))

    def without(self, case: Case) -> Plan | None:
        """The head alone, for as many epochs as a head needs on so few images."""
        epochs = math.ceil(case.plan.schedule.epochs * SETTLED / case.updates)
        return case.plan.but(tuning="head", lr=None, epochs=max(epochs, case.plan.schedule.epochs))
