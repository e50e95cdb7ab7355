"""A run's points as TensorBoard events, for people whose curves live there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench import disk
from workbench.errors import Unavailable

if TYPE_CHECKING:
    import pandas as pd


def write_events(points: pd.DataFrame, folder: Path) -> Path:
    """Writes `points` below `folder`, one writer a split, so that TensorBoard lays their curves over each other.

    Raises:
        Unavailable: TensorBoard is not installed.
        DiskError: the folder cannot be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise Unavailable("TensorBoard is not installed here: pip install tensorboard") from error
    metrics = [name for name in points.columns if name not in ("step", "epoch", "split")]
    for split, part in points.groupby("split"):
        with disk.explain_failures(folder), SummaryWriter(str(folder / str(split))) as writer:
            for name in metrics:
                for step, value in part[["step", name]].dropna().itertuples(index=False):
                    writer.add_scalar(name, value, int(step))
    return folder
