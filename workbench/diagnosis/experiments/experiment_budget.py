"""Experiments within a time budget: the plan, its controls and tests of the leading causes, seed by seed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.cost import estimate_cost
from workbench.diagnosis.experiments.accuracy_gaps import AccuracyGap, accuracy_gap
from workbench.diagnosis.experiments.plan_outcomes import ANSWERS_FILE, ExperimentRunner, Outcome
from workbench.errors import RunFailed
from workbench.runs.folder import run_files as files

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan
    from workbench.runs.run import Run

COST_BATCH_SIZE = 32
DURATION_MARGIN = 1.15  # safety factor on the duration of earlier trainings of the same kind


@dataclass
class BudgetedExperiments:
    """Trainings within a time budget, each evaluated on the same images.

    Args:
        context: plan and images under diagnosis.
        deadline: time after which no training is started, in seconds of `time.monotonic`.
        callback: called with a reason and the fraction of a training that is done.
        epoch_fraction: fraction of a plan's epochs that every training runs, so that all fit into the budget.

    Attributes:
        outcomes: by name, one outcome per seed, in the order of the seeds.
        plans: by name, as requested: with all epochs, and the first seed.
        failures: by name, reason of a failed training, whose outcome is uniform probabilities (the first class).
    """

    context: DiagnosisContext
    deadline: float
    callback: Callable[[str, float], None]
    epoch_fraction: float = 1.0
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    _durations: dict[tuple[str, bool], float] = field(default_factory=dict)

    def run_experiment(
        self, name: str, plan: Plan, seed: int, reason: str, data: Images | None = None, required: bool = False
    ) -> bool:
        """Train and evaluate a plan with a seed, if the time budget allows.

        Args:
            data: training images, if other than those of the context.
            required: train even if the budget is spent.

        Returns:
            True if there is an outcome.
        """
        self.plans.setdefault(name, plan if data is None else plan.replace(data=data))
        runner = ExperimentRunner(self.context.data if data is None else data, self.callback, self.context.eval_images)
        plan = plan.replace(seed=plan.seed + seed, epochs=max(1, round(plan.schedule.epochs * self.epoch_fraction)))
        if len(self.outcomes.get(name, ())) > seed:
            return True
        kind = plan.tuning.name, bool(plan.backbone.params.get("pretrained", True))
        expected = DURATION_MARGIN * self._durations.get(kind, min(self._durations.values(), default=0.0))
        if not required and time.monotonic() + expected > self.deadline and not self._is_cached(runner, plan):
            return False
        start = time.monotonic()
        try:
            outcome = runner.run_plan(plan, reason)
            self._durations[kind] = max(time.monotonic() - start, self._durations.get(kind, 0.0))
        except RunFailed as failure:
            self.failures[name] = str(failure)
            outcome = self._failure_outcome(plan, time.monotonic() - start)
        self.outcomes.setdefault(name, []).append(outcome)
        return True

    def adopt_run(self, name: str, run: Run) -> None:
        """Use a finished run as the outcome of the first seed, if it is in the runs folder."""
        folder = Path(run.folder)
        if folder.parent == files.runs_folder():
            self.plans.setdefault(name, self.context.plan)
            runner = ExperimentRunner(self.context.data, self.callback, self.context.eval_images)
            self.outcomes[name] = [runner.read_outcome(self.context.plan, folder, time.monotonic())]

    def accuracy_gain(self, name: str, baseline: str, class_balanced: bool = False) -> AccuracyGap | None:
        """Compute the accuracy gap of one experiment to another over their common seeds; None if there are none."""
        first, second = self.outcomes.get(name, []), self.outcomes.get(baseline, [])
        seeds = min(len(first), len(second))
        if not seeds:
            return None
        weights = class_balance_weights(second[0].labels) if class_balanced else 1.0
        sides = [np.stack([o.is_correct for o in side[:seeds]]) * weights for side in (first, second)]
        return accuracy_gap(sides[0], sides[1])

    @property
    def all_outcomes(self) -> Mapping[str, tuple[Outcome, ...]]:
        """Outcomes of all trainings, by name."""
        return {name: tuple(by_seed) for name, by_seed in self.outcomes.items()}

    def estimate_seconds(self, plan: Plan) -> float:
        """Estimate the duration of a training with all stages trainable, in seconds."""
        cost = estimate_cost(
            self.context.net, [1.0] * len(self.context.net.stages), len(self.context.train_labels), COST_BATCH_SIZE
        )
        return cost.caching_seconds + cost.seconds_per_epoch * plan.schedule.epochs

    @staticmethod
    def _is_cached(runner: ExperimentRunner, plan: Plan) -> bool:
        return bool(list(runner.experiment_folder(plan.replace(data=runner.images)).glob(f"*{ANSWERS_FILE}")))

    def _failure_outcome(self, plan: Plan, seconds: float) -> Outcome:
        images = self.context.eval_images
        uniform = np.full((len(images), len(images.classes)), 1 / len(images.classes), np.float32)
        ids = np.asarray([str(i) for i in images.frame["id"]])
        return Outcome(plan, "", ids, images.labels(), uniform, seconds)


def class_balance_weights(labels: np.ndarray) -> np.ndarray:
    """Compute weights (N,) of mean 1 under which every class has the same total weight."""
    counts = np.bincount(labels)
    return len(labels) / (np.count_nonzero(counts) * counts[labels])
