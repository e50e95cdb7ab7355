"""The learning-rate range test: one short run in which the rate rises until the loss breaks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.loop import device as devices
from workbench.loop.optimiser import set_rates
from workbench.loop.phase import set_phase
from workbench.loop.training import Training, shown
from workbench.plan import Plan
from workbench.runs.assembly import assemble

SMOOTH = 0.9  # weight of the past in the smoothed loss
Rate = Annotated[float, Range(1e-12, 1e3)]
BROKEN = 4.0  # times the best smoothed loss at which the test ends


@dataclass(frozen=True)
class LRFinding:
    """What the range test saw.

    Attributes:
        frame: lr, loss and smooth (loss averaged over the past steps), a row a step.
        suggestion: a base rate for the plan: a tenth of the rate at which the smoothed loss was lowest.
        source: the paper.
    """

    frame: pd.DataFrame
    suggestion: float
    source: str = "Smith 2017, arXiv:1506.01186"


@check_arguments
def find_lr(
    plan: Plan, low: Rate = 1e-6, high: Rate = 1.0, steps: Annotated[int, Range(2, 100_000)] = 100
) -> LRFinding:
    """Tries rising learning rates on the plan's own tuning, strategy and batches; no run is kept.

    Args:
        low, high: the rates of the first and the last step.
        steps: at most; the test ends early where the loss breaks.

    Raises:
        BadValue: rates that do not rise.
        WorkbenchError: the plan's parts do not fit together.
    """
    if not low < high:
        raise BadValue(f"low is the rate of the first step and high a greater one; got {low:g} and {high:g}")
    training = assemble(plan)
    # the phase in which most stages move is the one that a rate must suit
    moving = max(training.moving, key=lambda moving: sum(rate > 0 for rate in moving.rates))
    set_phase(training.net, moving, norms_still=plan.schedule.batch_norm == "still")
    training.strategy.train()
    multipliers = {stage.name: rate for stage, rate in zip(training.net.stages, moving.rates, strict=True)}
    rows, smooth, best = [], 0.0, math.inf
    for step, lr in enumerate(np.geomspace(low, high, steps)):
        loss = one_loss(training, step, multipliers, float(lr))
        smooth = SMOOTH * smooth + (1 - SMOOTH) * loss
        level = smooth / (1 - SMOOTH ** (step + 1))
        if not math.isfinite(loss) or (step > 10 and level > BROKEN * best):
            break
        best = min(best, level)
        rows.append({"lr": float(lr), "loss": loss, "smooth": level})
    frame = pd.DataFrame(rows, columns=["lr", "loss", "smooth"])
    return LRFinding(frame, suggest(frame))


def one_loss(training: Training, step: int, multipliers: dict[str, float], lr: float) -> float:
    """The loss of one update at rate `lr`."""
    batches = training.tasks[0]
    epoch, place = divmod(step, batches.steps)
    set_rates(training.optimizer, multipliers, lr)
    devices.seed(training.place, training.seed + step)
    batch = shown(batches.batch(epoch, place), training.place, batches.size, training.schedule.augment)
    return float(sum(training.update(batch, 0.0).values()))


def suggest(frame: pd.DataFrame) -> float:
    """A tenth of the rate at which the smoothed loss was lowest, to one digit; NaN of an empty test."""
    if not len(frame):
        return math.nan
    lr = frame["lr"].iloc[int(frame["smooth"].argmin())] / 10
    digits = 10 ** math.floor(math.log10(lr))
    return float(f"{round(lr / digits) * digits:.0e}")
