"""Change of each filter between two states of one net, such as before and after fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue

if TYPE_CHECKING:
    from workbench.nets.net import Net

__all__ = ["FilterDrift", "filter_drift"]


@dataclass(frozen=True)
class FilterDrift:
    """Change of the filters of every stage.

    Attributes:
        frame: one row per filter (a row of any weight matrix): stage, module, filter, relative_change (norm of the
            difference over the norm before), angle (degrees between before and after).
        stages: one row per stage, in order: stage, filters, and the medians of relative_change and angle; the head only
            if both nets have the same.
    """

    frame: pd.DataFrame
    stages: pd.DataFrame


@check_arguments
def filter_drift(before: Net, after: Net) -> FilterDrift:
    """Measure the change of each filter, by norm and by angle.

    Args:
        before: the net before training.
        after: the same architecture, later.

    Raises:
        BadValue: nets that share no weights.
    """
    weights = dict(after.named_parameters())
    parts = []
    for stage in before.stages:
        for name in stage.tensor_names:
            if name in dict(before.named_parameters()):
                old, new = before.get_parameter(name), weights.get(name)
                if old.ndim >= 2 and new is not None and new.shape == old.shape:
                    a, b = (w.detach().double().cpu().flatten(1).numpy() for w in (old, new))
                    parts.append(_compare_filters(stage.name, name.removesuffix(".weight"), a, b))
    if not parts:
        raise BadValue("these nets share no filters: compare two states of one architecture, such as a run's net")
    frame = pd.concat(parts, ignore_index=True)
    groups = frame.groupby("stage", sort=False)
    stages = groups.agg(
        filters=("filter", "size"), relative_change=("relative_change", "median"), angle=("angle", "median")
    )
    return FilterDrift(frame, stages.reset_index())


def _compare_filters(stage: str, module: str, a: np.ndarray, b: np.ndarray) -> pd.DataFrame:
    norm, other_norm = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    distance = np.linalg.norm(b - a, axis=1)
    change = np.divide(distance, norm, out=np.where(distance > 0, np.inf, 0.0), where=norm > 0)
    # from half the chord: the cosine of a small angle has no precision
    unit, turned = (w / np.where(s > 0, s, 1)[:, None] for w, s in ((a, norm), (b, other_norm)))
    angle = np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(turned - unit, axis=1) / 2, 0, 1)))
    columns = {"filter": np.arange(len(a)), "relative_change": change, "angle": angle}
    return pd.DataFrame({"stage": stage, "module": module, **columns})
