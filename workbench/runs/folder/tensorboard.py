"""Export of a run's points as TensorBoard events."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench import _paths
from workbench.errors import Unavailable

if TYPE_CHECKING:
    import pandas as pd


def write_events(points: pd.DataFrame, folder: Path) -> Path:
    """Write `points` below `folder`, one writer per split, so that TensorBoard overlays the curves of the splits.

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
        with _paths.raise_disk_errors(folder), SummaryWriter(str(folder / str(split))) as writer:
            for name in metrics:
                for step, value in part[["step", name]].dropna().itertuples(index=False):
                    writer.add_scalar(name, value, int(step))
    return folder
