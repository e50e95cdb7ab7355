"""What moved, epoch by epoch: small files in a run's folder, from which its net of an earlier epoch is filled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import disk
from workbench.errors import BadValue
from workbench.runs.folder_contents import damaged

if TYPE_CHECKING:
    from workbench.loop import Training
    from workbench.nets import Net

FOLDER = "snapshots"
_NAME = re.compile(r"epoch-(\d+)\.safetensors")


def kept(folder: Path) -> tuple[int, ...]:
    """The epochs of which there is a snapshot in a run's folder, in order."""
    place = folder / FOLDER
    names = (_NAME.fullmatch(path.name) for path in place.iterdir()) if place.is_dir() else ()
    return tuple(sorted(int(name[1]) for name in names if name))


def due(every: int, epoch: float, epochs: int) -> bool:
    """Whether an epoch that is just over is kept: every so many, and the last."""
    return bool(every) and epoch == int(epoch) and (epoch % every == 0 or epoch == epochs)


def take(training: Training, folder: Path, epoch: int) -> None:
    """Keeps what has moved by the end of an epoch, counted from 1: matrices and kernels in half precision."""
    from safetensors.torch import save

    net = training.net
    weights = frozenset[str]().union(*(moving.names for moving in training.moving[:epoch]))
    buffers = {name for name, _ in net.named_buffers()}
    moved = {
        name
        for at, stage in enumerate(net.stages)
        if any(moving.rates[at] > 0 for moving in training.moving[:epoch])
        for name in stage.tensors
        if name in weights or name in buffers
    }
    held = {name: value.detach().cpu() for name, value in net.state_dict().items() if name in moved}
    # norms, biases and statistics are few and may lie out of half precision's range
    small = {name: v.half() if v.is_floating_point() and v.ndim > 1 else v for name, v in held.items()}
    disk.make_folder(folder / FOLDER)
    disk.write(path(folder, epoch), save({name: v.clone().contiguous() for name, v in small.items()}))


def fill(net: Net, folder: Path, epoch: int) -> None:
    """Puts what had moved by the end of an epoch into the net as it began.

    Raises:
        BadData: the snapshot is damaged.
        BadValue: it is of another net.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    known, file = set(net.state_dict()), path(folder, epoch)
    try:
        held = load_file(file)
    except (OSError, SafetensorError) as error:
        raise damaged(file, error) from error
    if strangers := sorted(set(held) - known):
        raise BadValue(f"the snapshot of epoch {epoch} is of another net: it holds {strangers[0]}")
    net.load_state_dict(held, strict=False)


def path(folder: Path, epoch: int) -> Path:
    """Where the snapshot of an epoch stands."""
    return folder / FOLDER / f"epoch-{epoch:04d}.safetensors"
