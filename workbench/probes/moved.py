"""How far each filter moved between two states of one net: what fine-tuning changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue

if TYPE_CHECKING:
    from workbench.nets import Net


@dataclass(frozen=True)
class Moves:
    """How far the filters of every stage moved.

    Attributes:
        frame: a row a filter (a row of any weight matrix): stage, module, filter, moved (norm of the difference over
            the norm before), angle (degrees between before and after).
        stages: a row a stage, in order: stage, filters, and the medians moved and angle; the head only where both nets
            have the same.
    """

    frame: pd.DataFrame
    stages: pd.DataFrame


@check_arguments
def filter_moves(before: Net, after: Net) -> Moves:
    """How far each filter moved, by length and by angle.

    Args:
        before: the net as it began.
        after: the same architecture, later.

    Raises:
        BadValue: nets that share no weights.
    """
    weights = dict(after.named_parameters())
    parts = []
    for stage in before.stages:
        for name in stage.tensors:
            if name in dict(before.named_parameters()):
                old, new = before.get_parameter(name), weights.get(name)
                if old.ndim >= 2 and new is not None and new.shape == old.shape:
                    a, b = (w.detach().double().cpu().flatten(1).numpy() for w in (old, new))
                    parts.append(_moved(stage.name, name.removesuffix(".weight"), a, b))
    if not parts:
        raise BadValue("these nets share no filters: compare two states of one architecture, such as a run's net")
    frame = pd.concat(parts, ignore_index=True)
    groups = frame.groupby("stage", sort=False)
    stages = groups.agg(filters=("filter", "size"), moved=("moved", "median"), angle=("angle", "median"))
    return Moves(frame, stages.reset_index())


def _moved(stage: str, module: str, a: np.ndarray, b: np.ndarray) -> pd.DataFrame:
    size, other = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    step = np.linalg.norm(b - a, axis=1)
    moved = np.divide(step, size, out=np.where(step > 0, np.inf, 0.0), where=size > 0)
    # by half chords: the cosine of a small angle loses all its digits
    unit, turned = (w / np.where(s > 0, s, 1)[:, None] for w, s in ((a, size), (b, other)))
    angle = np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(turned - unit, axis=1) / 2, 0, 1)))
    return pd.DataFrame({"stage": stage, "module": module, "filter": np.arange(len(a)), "moved": moved, "angle": angle})
