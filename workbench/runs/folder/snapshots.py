"""Snapshots of the moving weights by epoch: small files from which a run's net of that epoch is restored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import _paths
from workbench.errors import BadValue
from workbench.runs.folder.file_readers import damaged_file_error

if TYPE_CHECKING:
    from workbench.loop.training import Training
    from workbench.nets.net import Net

SNAPSHOT_FOLDER = "snapshots"
_FILE_NAME = re.compile(r"epoch-(\d+)\.safetensors")


def list_snapshot_epochs(folder: Path) -> tuple[int, ...]:
    """List the epochs that have a snapshot in a run's folder, in order."""
    subfolder = folder / SNAPSHOT_FOLDER
    names = (_FILE_NAME.fullmatch(path.name) for path in subfolder.iterdir()) if subfolder.is_dir() else ()
    return tuple(sorted(int(name[1]) for name in names if name))


def is_snapshot_due(interval: int, epoch: float, epochs: int) -> bool:
    """True if a snapshot is due after this epoch: at every `interval` epochs, and after the last."""
    return bool(interval) and epoch == int(epoch) and (epoch % interval == 0 or epoch == epochs)


def take_snapshot(training: Training, folder: Path, epoch: int) -> None:
    """Save the tensors moved by the end of an epoch, counted from 1; matrices and kernels in half precision."""
    from safetensors.torch import save

    net = training.net
    weights = frozenset[str]().union(*(moving.names for moving in training.moving_weights[:epoch]))
    buffers = {name for name, _ in net.named_buffers()}
    moved = {
        name
        for at, stage in enumerate(net.stages)
        if any(moving.lr_multipliers[at] > 0 for moving in training.moving_weights[:epoch])
        for name in stage.tensor_names
        if name in weights or name in buffers
    }
    tensors = {name: value.detach().cpu() for name, value in net.state_dict().items() if name in moved}
    # norms, biases and statistics are few and may exceed the range of half precision
    compact = {name: v.half() if v.is_floating_point() and v.ndim > 1 else v for name, v in tensors.items()}
    _paths.make_folder(folder / SNAPSHOT_FOLDER)
    _paths.write_file(snapshot_path(folder, epoch), save({name: v.clone().contiguous() for name, v in compact.items()}))


def fill_from_snapshot(net: Net, folder: Path, epoch: int) -> None:
    """Load the tensors that had moved by the end of an epoch into the initial net.

    Raises:
        BadData: the snapshot is damaged.
        BadValue: the snapshot belongs to another net.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    known, file = set(net.state_dict()), snapshot_path(folder, epoch)
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise damaged_file_error(file, error) from error
    if foreign := sorted(set(tensors) - known):
        raise BadValue(f"the snapshot of epoch {epoch} belongs to another net: it contains {foreign[0]}")
    net.load_state_dict(tensors, strict=False)


def snapshot_path(folder: Path, epoch: int) -> Path:
    """Return the file of an epoch's snapshot."""
    return folder / SNAPSHOT_FOLDER / f"epoch-{epoch:04d}.safetensors"
