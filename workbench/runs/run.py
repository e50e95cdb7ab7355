"""One run, by its folder: status, results, stop and resume."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from workbench import _paths
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, RunFailed, Unavailable, escape_control_characters
from workbench.forms import Range
from workbench.plan import Plan
from workbench.runs.folder import file_readers, snapshots
from workbench.runs.folder import run_files as files
from workbench.runs.folder.run_files import Status
from workbench.runs.processes import liveness
from workbench.runs.processes.launching import start_worker

if TYPE_CHECKING:
    import pandas as pd

    from workbench.data.labeled_images import Images
    from workbench.metrics import Evaluation
    from workbench.nets.net import Net

__all__ = ["Run", "load_run"]


@check_arguments
def load_run(name: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> Run:
    """Load the run of that name, or in that folder.

    Raises:
        UnknownName: no such run; with near misses.
    """
    return Run(files.find_run_folder(name, folder))


class Run:
    """Run, identified by its folder: two objects of the same folder are equal, in this kernel or the next."""

    @check_arguments
    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.name = self.folder.name

    def __fspath__(self) -> str:
        return str(self.folder)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.folder.resolve() == self.folder.resolve()

    def __hash__(self) -> int:
        return hash(self.folder.resolve())

    def __repr__(self) -> str:
        status = self.status
        return escape_control_characters(
            f"Run {self.name}: {status.state}" + (f", {status.message}" if status.message else "")
        )

    @property
    def plan(self) -> Plan:
        """Plan of the run."""
        return files.load_plan(self.folder)

    @property
    def status(self) -> Status:
        """Present status."""
        return files.read_status(self.folder)

    @property
    def is_active(self) -> bool:
        """True if a worker trains the run or waits for the device."""
        return self.status.is_active

    @property
    def points(self) -> pd.DataFrame:
        """All measurements, one row per point: step, epoch, split, loss and its terms, metrics, rates, speed."""
        import pandas as pd

        frame = pd.DataFrame(files.read_points(self.folder / files.POINTS)[0])
        return frame if len(frame) else pd.DataFrame(columns=["step", "epoch", "split", "loss"])

    @check_arguments
    def new_points(self, since: Annotated[int, Range(0, math.inf)] = 0) -> tuple[list[dict[str, Any]], int]:
        """Return the points since byte `since`, and the byte at which to continue; for live views of a run."""
        return files.read_points(self.folder / files.POINTS, since)

    @property
    def log(self) -> str:
        """Log of the worker."""
        path = self.folder / files.LOG
        return escape_control_characters(path.read_text(encoding="utf-8", errors="replace")) if path.exists() else ""

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, machine and device of the training."""
        return file_readers.read_environment(self.folder)

    @property
    def frozen_check(self) -> pd.DataFrame:
        """Hashes of all frozen weights before and after training; `unchanged` confirms that they did not change.

        One row per stage and range of epochs; `whole` is False if only some weights of the stage were frozen, and
        `tensors` counts the tensors that were hashed.
        """
        import pandas as pd

        return pd.DataFrame(
            file_readers.read_frozen_check(self.folder), columns=[*file_readers.FROZEN_CHECK_FIELDS, "whole", "tensors"]
        )

    @property
    def grid(self) -> dict[str, Any]:
        """Learning-rate multipliers of the run: names of `stages`, stem first, and `rates`, shape (stages, epochs).

        Empty until the worker has opened the backbone.
        """
        return file_readers.read_lr_grid(self.folder)

    @property
    def images(self) -> Images:
        """Images of the training."""
        from workbench.runs.build import open_images

        return open_images(self.plan, self.folder)

    @property
    def snapshots(self) -> tuple[int, ...]:
        """Epochs whose net can be loaded: 0 for the initial net, and those kept by the schedule's `snapshots`."""
        return (0, *snapshots.list_snapshot_epochs(self.folder))

    @check_arguments
    def net(self, epoch: int | None = None) -> Net:
        """Load the net as the schedule selects it; for an unfinished run, the net as last saved.

        Args:
            epoch: one of `snapshots`, for the net after that many epochs, in half precision; 0 is the initial net.

        Raises:
            Unavailable: nothing was saved yet.
            BadValue: no net of that epoch was kept; the message lists the epochs that were.
        """
        from workbench.nets.loading.net_loader import load_net

        if epoch is not None:
            return self._net_at_epoch(epoch)
        if self._has_weights:
            return load_net(self.folder / files.WEIGHTS)
        return self._unfinished_net()

    @check_arguments
    def evaluate(self, split: str | None = "valid", domain: str | None = None) -> Evaluation:
        """Evaluate the net on a split of its images, in the source domain unless another is named.

        The logits are those that were validated: computed by the strategy's `logits`, in the precision of the run.
        """
        from workbench.evaluation import evaluate
        from workbench.runs.folder.saved_net import make_logits_function

        images, state = self.images, None if self._has_weights else self._read_saved_state()
        net = self.net()
        data = images if domain is not None else images.source
        predict = make_logits_function(self.plan, net, images, self.folder, state)
        return evaluate(net, data, split=split, domain=domain, predict=predict, autocast=self._autocast_dtype())

    @check_arguments
    def to_tensorboard(self, folder: str | os.PathLike[str] | None = None) -> Path:
        """Write all points as TensorBoard events, one series per metric and split; return their folder.

        Args:
            folder: where to write; `tensorboard` in the run's folder if None.

        Raises:
            Unavailable: TensorBoard is not installed.
        """
        from workbench.runs.folder.tensorboard import write_events

        return write_events(self.points, Path(folder) if folder is not None else self.folder / "tensorboard")

    @check_arguments
    def stop(self, wait: Annotated[float, Range(0.0, math.inf)] = 0.0) -> Run:
        """Ask the worker to save its state and end; return at once, or after at most `wait` seconds."""
        if self.is_active:
            _paths.touch_file(self.folder / files.STOP)
            if wait:
                self.wait(wait)
        return self

    @check_arguments
    def resume(self, restart: bool = False) -> Run:
        """Continue in the background from the last state; without effect if the run is done.

        Args:
            restart: whether to begin from the first step instead, with the present plan, images and weights; earlier
                results are removed.

        Raises:
            Unavailable: a worker trains the run already.
            BadValue: the folder holds no run.
        """
        self._check_is_run()
        if restart or self.status.state != "done":
            start_worker(self.folder, restart)
        return self

    @check_arguments
    def wait(self, timeout: Annotated[float, Range(0.0, math.inf)] | None = None) -> Run:
        """Wait until no worker trains the run, at most `timeout` seconds.

        Raises:
            RunFailed: the run failed.
            Unavailable: the run is still active after `timeout`.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while self.is_active:
            if end is not None and time.monotonic() > end:
                raise Unavailable(f"{self.name} is still {self.status.state} after {timeout:g} s")
            time.sleep(0.1)
        status = self.status
        if status.state == "failed":
            raise RunFailed(f"{self.name} failed: {status.message}")
        return self

    @check_arguments
    def delete(self) -> None:
        """Delete the files of the run, and its folder unless that holds other files.

        Raises:
            BadValue: a worker trains the run, or the folder holds no run.
            DiskError: a file cannot be removed.
        """
        from workbench.runs.folder import removal

        self._check_is_run()
        if self.is_active:
            raise BadValue(f"{self.name} is being trained; stop it first")
        with liveness.lock_folder(self.folder):
            removal.remove_run(self.folder.resolve())

    def _check_is_run(self) -> None:
        from workbench.runs.folder.removal import is_run_folder

        if not is_run_folder(self.folder):
            raise BadValue(
                f"{self.folder} is not a run folder: it has no readable {files.PLAN}, so nothing in it is changed; "
                "wb.list_runs() lists all runs"
            )

    def _initial_net(self) -> Net:
        """Open the net before its first step, with the grafts of the tuning."""
        from workbench.runs.build import open_net
        from workbench.runs.folder.saved_net import apply_tuning

        plan = self.plan
        return apply_tuning(plan, open_net(plan, self.images, self.folder))

    def _net_at_epoch(self, epoch: int) -> Net:
        epochs = self.snapshots
        if isinstance(epoch, bool) or not hasattr(epoch, "__index__") or epoch not in epochs:
            raise BadValue(_missing_epoch_message(self, epoch, list(epochs)))
        net = self._initial_net()
        if epoch:
            snapshots.fill_from_snapshot(net, self.folder, int(epoch))
        return net.requires_grad_(True).eval()

    @property
    def _has_weights(self) -> bool:
        """True if the verified weights of a finished run exist."""
        return (self.folder / files.WEIGHTS).exists()

    def _unfinished_net(self) -> Net:
        from workbench.runs.folder.saved_net import fill_from_state

        return fill_from_state(self.plan, self._initial_net(), self.images, self._read_saved_state())

    def _read_saved_state(self) -> dict[str, Any]:
        from workbench.runs.folder.saved_state import read_state

        state = read_state(self.folder)
        if state is None:
            raise Unavailable(f"{self.name} has saved no weights yet; it is {self.status.state}")
        return state

    def _autocast_dtype(self) -> Any:
        """Autocast dtype of the validation, if it ran on a CPU, as here; else None."""
        import torch

        environment = self.environment
        return torch.bfloat16 if environment.get("precision") == "bf16" and environment.get("device") == "cpu" else None


def _missing_epoch_message(run: Run, epoch: object, epochs: list[int]) -> str:
    """Return the message for a missing epoch: which epochs exist, and how to keep more."""
    if len(epochs) == 1:
        return (
            f"{run.name} has no net of epoch {epoch}, only the initial one (0) and that returned "
            f"without an epoch; wb.Plan(..., snapshots=1) keeps one per epoch in the next run"
        )
    known = (
        ", ".join(map(str, epochs)) if len(epochs) <= 12 else f"{epochs[0]}, {epochs[1]}, {epochs[2]} … {epochs[-1]}"
    )
    near = min(epochs, key=lambda k: abs(k - epoch)) if isinstance(epoch, (int, float)) else epochs[-1]
    return f"{run.name} has no snapshot of epoch {epoch!r}; did you mean {near}? There are snapshots of {known}"
