"""One run, by its folder: how it stands, what came out, stop and resume."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from workbench import disk
from workbench.arguments import check_arguments
from workbench.errors import BadValue, RunFailed, Unavailable, printable
from workbench.forms import Range
from workbench.plan import Plan
from workbench.runs import folder as files
from workbench.runs import folder_contents, liveness, snapshots
from workbench.runs.folder import Status

if TYPE_CHECKING:
    import pandas as pd

    from workbench.images import Images
    from workbench.metrics import Evaluation
    from workbench.nets import Net


@check_arguments
def run(name: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> Run:
    """The run of that name, or in that folder.

    Raises:
        UnknownName: no such run, with near misses.
    """
    return Run(files.find(name, folder))


class Run:
    """A run is its folder: two objects of the same folder are the same run, in this kernel or the next."""

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
        return printable(f"Run {self.name}: {status.state}" + (f", {status.sentence}" if status.sentence else ""))

    @property
    def plan(self) -> Plan:
        """What was planned."""
        return files.read_whole_plan(self.folder)

    @property
    def status(self) -> Status:
        """How it stands now."""
        return files.read_status(self.folder)

    @property
    def alive(self) -> bool:
        """Whether a worker is at it."""
        return self.status.alive

    @property
    def points(self) -> pd.DataFrame:
        """Everything measured: a row a point, with step, epoch, split, loss and its terms, metrics, rates, speed."""
        import pandas as pd

        frame = pd.DataFrame(files.read_points(self.folder / files.POINTS)[0])
        return frame if len(frame) else pd.DataFrame(columns=["step", "epoch", "split", "loss"])

    @check_arguments
    def new_points(self, since: Annotated[int, Range(0, math.inf)] = 0) -> tuple[list[dict[str, Any]], int]:
        """The points since byte `since`, and where to go on: for views that follow a run."""
        return files.read_points(self.folder / files.POINTS, since)

    @property
    def log(self) -> str:
        """What the worker said."""
        path = self.folder / files.LOG
        return printable(path.read_text(encoding="utf-8", errors="replace")) if path.exists() else ""

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, machine and device that it was made with."""
        return folder_contents.read_environment(self.folder)

    @property
    def proof(self) -> pd.DataFrame:
        """What was frozen with its hashes before and after: `unchanged` is the proof that it stood still.

        A row a stage and a stretch of epochs; `whole` is False where only some of a stage's weights were frozen, and
        `tensors` counts what was hashed.
        """
        import pandas as pd

        return pd.DataFrame(
            folder_contents.read_proof(self.folder), columns=[*folder_contents.PROVED, "whole", "tensors"]
        )

    @property
    def grid(self) -> dict[str, Any]:
        """The tuning as it was obeyed: `stages` by name, stem first, and `rates`, a row a stage and a column an epoch.

        Empty until the worker has opened the backbone.
        """
        return folder_contents.read_grid(self.folder)

    @property
    def images(self) -> Images:
        """The images that it is trained on."""
        from workbench.runs.assembly import open_images

        return open_images(self.plan, self.folder)

    @property
    def snapshots(self) -> tuple[int, ...]:
        """The epochs whose net can be had: 0, as it began, and those that the schedule's `snapshots` kept."""
        return (0, *snapshots.kept(self.folder))

    @check_arguments
    def net(self, epoch: int | None = None) -> Net:
        """The net as the schedule keeps it; of a run that is not done, as it was saved last.

        Args:
            epoch: one of `snapshots` instead: the net after so many epochs, in half precision; 0 is as it began.

        Raises:
            Unavailable: nothing was saved yet.
            BadValue: of that epoch nothing was kept; says which are there.
        """
        from workbench.nets import load

        if epoch is not None:
            return self._at(epoch)
        if self._kept:
            return load(self.folder / files.WEIGHTS)
        return self._unfinished()

    @check_arguments
    def evaluate(self, split: str | None = "valid", domain: str | None = None) -> Evaluation:
        """What the net is worth on a split of its images, of the source domain unless another is named.

        It answers as it was validated: by the strategy's own way to predict, in the precision of the run.
        """
        from workbench.evaluation import evaluate
        from workbench.runs.kept_net import make_predict

        images, state = self.images, None if self._kept else self._state()
        net = self.net()
        data = images if domain is not None else images.source
        predict = make_predict(self.plan, net, images, self.folder, state)
        return evaluate(net, data, split=split, domain=domain, predict=predict, autocast=self._autocast())

    @check_arguments
    def to_tensorboard(self, folder: str | os.PathLike[str] | None = None) -> Path:
        """Writes every point as TensorBoard events, a series a metric and split; the folder they are in.

        Args:
            folder: where to write; `tensorboard` in the run's folder unless given.

        Raises:
            Unavailable: TensorBoard is not installed.
        """
        from workbench.runs.tensorboard import write_events

        return write_events(self.points, Path(folder) if folder is not None else self.folder / "tensorboard")

    @check_arguments
    def stop(self, wait: Annotated[float, Range(0.0, math.inf)] = 0.0) -> Run:
        """Asks the worker to save its state and end; returns at once, or after at most `wait` seconds."""
        if self.alive:
            disk.touch(self.folder / files.STOP)
            if wait:
                self.wait(wait)
        return self

    @check_arguments
    def resume(self, anew: bool = False) -> Run:
        """Goes on in the background from the last state; of a finished run nothing is left to do.

        Args:
            anew: whether to begin from the first step instead, with the plan, images and weights that there are now;
                what the run has come to is removed.

        Raises:
            Unavailable: it is under way already.
            BadValue: the folder holds no run.
        """
        from workbench.runs.launching import start

        self._must_be_run()
        if anew or self.status.state != "done":
            start(self.folder, anew)
        return self

    @check_arguments
    def wait(self, timeout: Annotated[float, Range(0.0, math.inf)] | None = None) -> Run:
        """Waits until no worker is at it, at most `timeout` seconds.

        Raises:
            RunFailed: the run failed.
            Unavailable: it is still under way after `timeout`.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while self.alive:
            if end is not None and time.monotonic() > end:
                raise Unavailable(f"{self.name} is still {self.status.state} after {timeout:g} s")
            time.sleep(0.1)
        status = self.status
        if status.state == "failed":
            raise RunFailed(f"{self.name} failed: {status.sentence}")
        return self

    @check_arguments
    def delete(self) -> None:
        """Removes what the run wrote, and the folder, unless something else is in it.

        Raises:
            BadValue: a worker is at it, or the folder holds no run.
            DiskError: it cannot be removed.
        """
        from workbench.runs import removal

        self._must_be_run()
        if self.alive:
            raise BadValue(f"{self.name} is under way; stop it first")
        with liveness.hold(self.folder):
            removal.remove(self.folder.resolve())

    def _must_be_run(self) -> None:
        from workbench.runs.removal import is_run

        if not is_run(self.folder):
            raise BadValue(
                f"{self.folder} is no run: it holds no {files.PLAN} that can be read, so nothing in it is touched; "
                "wb.runs() lists the runs that there are"
            )

    def _begun(self) -> Net:
        """The net before its first step, with what the tuning grafts on it."""
        from workbench.runs.assembly import open_net
        from workbench.runs.kept_net import graft

        plan = self.plan
        return graft(plan, open_net(plan, self.images, self.folder))

    def _at(self, epoch: int) -> Net:
        there = self.snapshots
        if isinstance(epoch, bool) or not hasattr(epoch, "__index__") or epoch not in there:
            raise BadValue(_not_kept(self, epoch, list(there)))
        net = self._begun()
        if epoch:
            snapshots.fill(net, self.folder, int(epoch))
        return net.requires_grad_(True).eval()

    @property
    def _kept(self) -> bool:
        """Whether the net stands in a file of its own, which was opened once to see that it can be."""
        return (self.folder / files.WEIGHTS).exists()

    def _unfinished(self) -> Net:
        from workbench.runs.kept_net import fill_unfinished

        return fill_unfinished(self.plan, self._begun(), self.images, self._state())

    def _state(self) -> dict[str, Any]:
        from workbench.runs.saved_state import read_state

        state = read_state(self.folder)
        if state is None:
            raise Unavailable(f"{self.name} has saved no weights yet; it is {self.status.state}")
        return state

    def _autocast(self) -> Any:
        """The precision that it was validated in, where that was on a CPU, as it is here; else None."""
        import torch

        made = self.environment
        return torch.bfloat16 if made.get("precision") == "bf16" and made.get("device") == "cpu" else None


def _not_kept(run: Run, epoch: object, there: list[int]) -> str:
    """What to do where the net of an epoch is not there."""
    if len(there) == 1:
        return (
            f"{run.name} has kept no net of epoch {epoch}, only the one it began with (0) and the one it gives "
            f"without an epoch; the next run keeps one every epoch with wb.Plan(..., snapshots=1)"
        )
    known = ", ".join(map(str, there)) if len(there) <= 12 else f"{there[0]}, {there[1]}, {there[2]} … {there[-1]}"
    near = min(there, key=lambda k: abs(k - epoch)) if isinstance(epoch, (int, float)) else there[-1]
    return f"{run.name} has kept no net of epoch {epoch!r}; did you mean {near}? Kept are {known}"
