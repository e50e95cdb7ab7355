"""Plans carried out once each, as runs of their own, and judged on the same held-out images."""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import disk
from workbench.errors import RunFailed
from workbench.evaluation import evaluate
from workbench.plan import Plan
from workbench.runs import folder as files
from workbench.runs.assembly import check
from workbench.runs.carrying import Carrier
from workbench.runs.launching import create, gentle
from workbench.runs.record import Run

if TYPE_CHECKING:
    from workbench.images import Images

JUDGED = "judged.npz"  # in the run's folder: what its net said of the held-out images


@dataclass(frozen=True)
class Outcome:
    """One plan's answers on the held-out images.

    Attributes:
        plan: as it was carried out, its seed included.
        run: the folder's name; `wb.run(name)` opens it.
        ids: (N,) the images.
        labels: (N,) class indices.
        probabilities: (N, K).
        seconds: that it took to have them; a moment where the plan had been carried out before.
    """

    plan: Plan
    run: str
    ids: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    seconds: float

    @property
    def right(self) -> np.ndarray:
        """Which images are answered rightly, (N,) bool."""
        return self.probabilities.argmax(1) == self.labels

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.right.mean())


class Experiments:
    """Carries plans out on one set of images; a plan that was carried out before, in any session, is read.

    Args:
        images: with a training and a validation split.
        tell: called with a sentence before each training, and the share of it that is done.
        judged: the images that everything is judged by; the validation images of the source unless given.
    """

    def __init__(
        self, images: Images, tell: Callable[[str, float], None] | None = None, judged: Images | None = None
    ) -> None:
        self.images, self.judged = images, judged
        self._tell = tell or (lambda _, __: None)

    def outcome(self, plan: Plan, why: str) -> Outcome:
        """What comes of a plan on these images.

        Args:
            why: what the training is for, in a few words.

        Raises:
            RunFailed: the training failed; its folder keeps the log.
            KeyboardInterrupt: it was stopped; asked again, it goes on.
        """
        plan = plan.but(data=self.images)
        folder, began = self.folder(plan), time.monotonic()
        if not self._file(folder).exists():
            self._train(plan, folder, why)
        return self.said(plan, folder, began)

    def said(self, plan: Plan, folder: Path, began: float) -> Outcome:
        """What the net of a finished training says of the images that are judged by.

        Args:
            began: when it was asked for, in seconds of `time.monotonic`.
        """
        file = self._file(folder)
        if not file.exists():
            self._judge(folder, file)
        with np.load(file, allow_pickle=False) as found:
            answers = {name: found[name] for name in ("ids", "labels", "probabilities")}
        return Outcome(plan=plan, run=folder.name, seconds=time.monotonic() - began, **answers)

    def folder(self, plan: Plan) -> Path:
        """Named after the plan and the images' content: the same experiment is the same folder."""
        told = json.loads(plan.but(threads=0).to_json())
        if "data" in plan.held:
            del told["data"]  # where they are stored is no part of what they are
        text = json.dumps(told, sort_keys=True) + self.images.fingerprint
        if "backbone" in plan.held:
            text += weights(plan.held["backbone"])
        return files.root() / f"experiment-{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"

    def _train(self, plan: Plan, folder: Path, why: str) -> None:
        self._tell(why, 0.0)
        if not (folder / files.PLAN).exists():
            check(plan)
            create(plan, folder)
        if files.read_status(folder).state == "done":
            return
        with gentle(folder):
            status = Carrier(
                folder, watch=lambda _, s: self._tell(why, s.step / max(s.steps, 1)), save_every=20.0
            ).carry_out()
        if status.state == "stopped":
            raise KeyboardInterrupt(f"{folder.name} was stopped and its state saved: asked again, it goes on")
        if status.state == "failed":
            raise RunFailed(f"the experiment {why!r} failed: {status.sentence}")

    def _file(self, folder: Path) -> Path:
        return folder / (JUDGED if self.judged is None else f"{self.judged.fingerprint}-{JUDGED}")

    def _judge(self, folder: Path, file: Path) -> None:
        judged = self.images.source.part("valid") if self.judged is None else self.judged
        said = evaluate(Run(folder).net(), judged, split=None)
        packed = io.BytesIO()
        ids = np.asarray([str(i) for i in said.ids])
        np.savez(packed, ids=ids, labels=said.labels, probabilities=said.probabilities.astype(np.float32))
        disk.write(file, packed.getvalue())


def weights(net: Any) -> str:
    """A hash of a net's layers and weights, for a plan that holds the net itself."""
    from workbench.nets.structure import identity

    return identity(net)
