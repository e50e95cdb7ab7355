"""Learning-rate range test: a short training in which the rate rises until the loss diverges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.loop import device as devices
from workbench.loop.freezing import freeze_all_but
from workbench.loop.optimizer import set_learning_rates
from workbench.loop.training import Training, show_batch
from workbench.plan import Plan
from workbench.runs.build import open_training

__all__ = ["LRFinding", "find_lr"]

SMOOTHING = 0.9  # weight of the past in the smoothed loss
LearningRate = Annotated[float, Range(1e-12, 1e3)]
DIVERGENCE_FACTOR = 4.0  # times the best smoothed loss at which the test ends


@dataclass(frozen=True)
class LRFinding:
    """Result of the learning-rate range test.

    Attributes:
        frame: lr, loss and smooth (loss averaged over the past steps), one row per step.
        suggestion: learning rate for the plan: a tenth of the rate at which the smoothed loss was lowest.
        paper: source of the method.
    """

    frame: pd.DataFrame
    suggestion: float
    paper: str = "Smith 2017, arXiv:1506.01186"


@check_arguments
def find_lr(
    plan: Plan, low: LearningRate = 1e-6, high: LearningRate = 1.0, steps: Annotated[int, Range(2, 100_000)] = 100
) -> LRFinding:
    """Train with rising learning rates under the plan's own tuning, strategy and batches; no run is kept.

    Args:
        low, high: rates of the first and the last step.
        steps: number of steps at most; the test ends early when the loss diverges.

    Raises:
        BadValue: `low` is not below `high`.
        WorkbenchError: the plan's parts do not fit together.
    """
    if not low < high:
        raise BadValue(f"expected low < high, got low={low:g} and high={high:g}")
    training = open_training(plan)
    # the rate must suit the phase in which most stages move
    moving = max(training.moving_weights, key=lambda moving: sum(rate > 0 for rate in moving.lr_multipliers))
    freeze_all_but(training.net, moving, norms_in_eval=plan.schedule.batch_norm == "eval")
    training.strategy.train()
    multipliers = {stage.name: rate for stage, rate in zip(training.net.stages, moving.lr_multipliers, strict=True)}
    rows, smooth, best = [], 0.0, math.inf
    for step, lr in enumerate(np.geomspace(low, high, steps)):
        loss = compute_step_loss(training, step, multipliers, float(lr))
        smooth = SMOOTHING * smooth + (1 - SMOOTHING) * loss
        level = smooth / (1 - SMOOTHING ** (step + 1))
        if not math.isfinite(loss) or (step > 10 and level > DIVERGENCE_FACTOR * best):
            break
        best = min(best, level)
        rows.append({"lr": float(lr), "loss": loss, "smooth": level})
    frame = pd.DataFrame(rows, columns=["lr", "loss", "smooth"])
    return LRFinding(frame, suggest_lr(frame))


def compute_step_loss(training: Training, step: int, lr_multipliers: dict[str, float], lr: float) -> float:
    """Train one step at rate `lr` and return its loss."""
    batches = training.tasks[0]
    epoch, epoch_step = divmod(step, batches.steps)
    set_learning_rates(training.optimizer, lr_multipliers, lr)
    devices.seed_generators(training.device, training.seed + step)
    batch = show_batch(batches.load_batch(epoch, epoch_step), training.device, batches.size, training.schedule.augment)
    return float(sum(training.update(batch, 0.0).values()))


def suggest_lr(frame: pd.DataFrame) -> float:
    """Return a tenth of the rate with the lowest smoothed loss, to one digit; NaN for an empty test."""
    if not len(frame):
        return math.nan
    lr = frame["lr"].iloc[int(frame["smooth"].argmin())] / 10
    digits = 10 ** math.floor(math.log10(lr))
    return float(f"{round(lr / digits) * digits:.0e}")
