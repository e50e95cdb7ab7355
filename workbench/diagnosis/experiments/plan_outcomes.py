"""Training of plans, once each and as runs of their own, with evaluation on the same held-out images."""

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

from workbench import _paths
from workbench.errors import RunFailed
from workbench.evaluation import evaluate
from workbench.plan import Plan
from workbench.runs.build import check_plan
from workbench.runs.folder import run_files as files
from workbench.runs.processes.launching import create_run_folder, stop_cleanly_on_interrupt
from workbench.runs.processes.runner import Runner
from workbench.runs.run import Run

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

ANSWERS_FILE = "judged.npz"  # in the run's folder: predictions of its net on the held-out images


@dataclass(frozen=True)
class Outcome:
    """Predictions of one trained plan on the held-out images.

    Attributes:
        plan: plan as trained, including its seed.
        run: name of the run's folder; `wb.load_run(name)` opens it.
        ids: (N,) ids of the images.
        labels: (N,) class indices.
        probabilities: (N, K).
        seconds: time to obtain the outcome; short if the plan had been trained before.
    """

    plan: Plan
    run: str
    ids: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    seconds: float

    @property
    def is_correct(self) -> np.ndarray:
        """Mask of the images classified correctly, (N,) bool."""
        return self.probabilities.argmax(1) == self.labels

    @property
    def accuracy(self) -> float:
        """Fraction of images classified correctly."""
        return float(self.is_correct.mean())


class ExperimentRunner:
    """Runner of plans on one set of images; outcomes of plans trained before, in any session, are read from disk.

    Args:
        images: images with a training and a validation split.
        callback: called before and during each training with its reason and the fraction that is done.
        eval_images: images to evaluate on; default: the validation images of the source.
    """

    def __init__(
        self, images: Images, callback: Callable[[str, float], None] | None = None, eval_images: Images | None = None
    ) -> None:
        self.images, self.eval_images = images, eval_images
        self._callback = callback or (lambda _, __: None)

    def run_plan(self, plan: Plan, reason: str) -> Outcome:
        """Train a plan on these images, unless that was done before, and return its outcome.

        Args:
            reason: purpose of the training, in a few words.

        Raises:
            RunFailed: the training failed; its folder keeps the log.
            KeyboardInterrupt: the training was stopped; a second call resumes it.
        """
        plan = plan.replace(data=self.images)
        folder, start_time = self.experiment_folder(plan), time.monotonic()
        if not self._answers_file(folder).exists():
            self._train(plan, folder, reason)
        return self.read_outcome(plan, folder, start_time)

    def read_outcome(self, plan: Plan, folder: Path, start_time: float) -> Outcome:
        """Read the predictions of a finished training on the evaluation images; computed first if they are not stored.

        Args:
            start_time: time of the request, in seconds of `time.monotonic`.
        """
        path = self._answers_file(folder)
        if not path.exists():
            self._evaluate_run(folder, path)
        with np.load(path, allow_pickle=False) as arrays:
            answers = {name: arrays[name] for name in ("ids", "labels", "probabilities")}
        return Outcome(plan=plan, run=folder.name, seconds=time.monotonic() - start_time, **answers)

    def experiment_folder(self, plan: Plan) -> Path:
        """Return the run folder of a plan, named by a hash of the plan and of the images' content."""
        record = json.loads(plan.replace(threads=0).to_json())
        if "data" in plan.in_memory:
            del record["data"]  # identity is the content of the images, not their location
        text = json.dumps(record, sort_keys=True) + self.images.fingerprint
        if "backbone" in plan.in_memory:
            text += hash_net(plan.in_memory["backbone"])
        return files.runs_folder() / f"experiment-{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"

    def _train(self, plan: Plan, folder: Path, reason: str) -> None:
        self._callback(reason, 0.0)
        if not (folder / files.PLAN).exists():
            check_plan(plan)
            create_run_folder(plan, folder)
        if files.read_status(folder).state == "done":
            return
        with stop_cleanly_on_interrupt(folder):
            status = Runner(
                folder, callback=lambda _, s: self._callback(reason, s.step / max(s.steps, 1)), save_interval=20.0
            ).run()
        if status.state == "stopped":
            raise KeyboardInterrupt(f"{folder.name} was stopped and its state saved: call it again to resume")
        if status.state == "failed":
            raise RunFailed(f"the experiment {reason!r} failed: {status.message}")

    def _answers_file(self, folder: Path) -> Path:
        return folder / (ANSWERS_FILE if self.eval_images is None else f"{self.eval_images.fingerprint}-{ANSWERS_FILE}")

    def _evaluate_run(self, folder: Path, path: Path) -> None:
        images = self.images.source.subset("valid") if self.eval_images is None else self.eval_images
        evaluation = evaluate(Run(folder).net(), images, split=None)
        ids, probabilities = np.asarray([str(i) for i in evaluation.ids]), evaluation.probabilities.astype(np.float32)
        buffer = io.BytesIO()
        np.savez(buffer, ids=ids, labels=evaluation.labels, probabilities=probabilities)
        _paths.write_file(path, buffer.getvalue())


def hash_net(net: Any) -> str:
    """Compute a hash of a net's layers and weights, for a plan that holds the net in memory."""
    from workbench.nets.structure import hash_net

    return hash_net(net)
