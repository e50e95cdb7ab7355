"""Training too short."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.diagnosis.causes.base import NO_EVIDENCE, Cause, Evidence, causes, compare_values
from workbench.diagnosis.evidence.strength import logistic_step

if TYPE_CHECKING:
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan

ENOUGH_UPDATES = 200  # optimiser steps after which head and backbone have usually converged


@causes.add("too-few-epochs")
class TooFewEpochs(Cause):
    """Too few optimiser steps for the head and the layers below it to converge."""

    problem = "the training is too short, so that the net does not adapt"
    advice = "train for more epochs"
    paper = "Li et al. 2020, arXiv:2002.11770"
    alternative_causes = ("rate-too-low",)

    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Count the optimiser steps, weighted by underfitting."""
        if context.n_updates >= ENOUGH_UPDATES:
            return NO_EVIDENCE
        epochs = context.plan.schedule.epochs
        summary = f"{epochs} epochs of {len(context.train_labels)} images are {context.n_updates} updates"
        strength = logistic_step(math.log2(ENOUGH_UPDATES / context.n_updates), 2.3, 0.8)
        numbers = {"updates": context.n_updates, "epochs": epochs}
        frames = compare_values("updates", {"your plan": context.n_updates, "usually enough": ENOUGH_UPDATES})
        return Evidence(strength * context.underfitting, summary, numbers, frames)

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the plan with enough epochs for the usual number of optimiser steps."""
        return context.plan.replace(epochs=math.ceil(context.plan.schedule.epochs * ENOUGH_UPDATES / context.n_updates))
