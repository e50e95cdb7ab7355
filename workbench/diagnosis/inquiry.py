"""What there is time for: the plan, its controls and the experiments of the leading causes, seed by seed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.cost import estimate
from workbench.diagnosis.experiments import Experiments, Outcome
from workbench.diagnosis.gaps import Gap, gap
from workbench.errors import RunFailed
from workbench.runs import folder as files

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.images import Images
    from workbench.plan import Plan
    from workbench.runs.record import Run

BATCH = 32
LATE = 1.15  # a training may take so much longer than the last one like it


@dataclass
class Inquiry:
    """Trainings within a time budget, each judged on the same images.

    Args:
        case: what is diagnosed.
        ends: when no new training is begun, in seconds of `time.monotonic`.
        tell: called with a sentence and the share of a training that is done.
        share: of a plan's epochs that every training gets, so that there is time for all.

    Attributes:
        outcomes: by name, one a seed, in the order of the seeds.
        plans: by name, as asked for: with all epochs, and the first seed.
        failures: by name, why a training failed; it counts as one that answers the first class always.
    """

    case: Case
    ends: float
    tell: Callable[[str, float], None]
    share: float = 1.0
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    _took: dict[tuple[str, bool], float] = field(default_factory=dict)

    def carry_out(
        self, name: str, plan: Plan, seed: int, why: str, data: Images | None = None, needed: bool = False
    ) -> bool:
        """Trains and judges a plan with a seed, if there is time for it; whether there was.

        Args:
            data: other training images than the case's.
            needed: whether it is done in any case.
        """
        self.plans.setdefault(name, plan if data is None else plan.but(data=data))
        place = Experiments(self.case.data if data is None else data, self.tell, self.case.judged)
        one = plan.but(seed=plan.seed + seed, epochs=max(1, round(plan.schedule.epochs * self.share)))
        if len(self.outcomes.get(name, ())) > seed:
            return True
        kind = plan.tuning.name, bool(plan.backbone.params.get("pretrained", True))
        expected = LATE * self._took.get(kind, min(self._took.values(), default=0.0))
        if not needed and time.monotonic() + expected > self.ends and not self._kept(place, one):
            return False
        began = time.monotonic()
        try:
            outcome = place.outcome(one, why)
            self._took[kind] = max(time.monotonic() - began, self._took.get(kind, 0.0))
        except RunFailed as failure:
            self.failures[name] = str(failure)
            outcome = self._failed(one, time.monotonic() - began)
        self.outcomes.setdefault(name, []).append(outcome)
        return True

    def adopt(self, name: str, done: Run) -> None:
        """Takes a finished run for the first seed's, where it lies among the runs."""
        folder = Path(done.folder)
        if folder.parent == files.root():
            self.plans.setdefault(name, self.case.plan)
            place = Experiments(self.case.data, self.tell, self.case.judged)
            self.outcomes[name] = [place.said(self.case.plan, folder, time.monotonic())]

    def gain(self, name: str, over: str, balanced: bool = False) -> Gap | None:
        """How much better one does than another over the seeds that both have; None where they share none."""
        first, second = self.outcomes.get(name, []), self.outcomes.get(over, [])
        seeds = min(len(first), len(second))
        if not seeds:
            return None
        weights = even(second[0].labels) if balanced else 1.0
        sides = [np.stack([o.right for o in side[:seeds]]) * weights for side in (first, second)]
        return gap(sides[0], sides[1])

    @property
    def complete(self) -> Mapping[str, tuple[Outcome, ...]]:
        """Everything that was carried out."""
        return {name: tuple(found) for name, found in self.outcomes.items()}

    def seconds_of(self, plan: Plan) -> float:
        """About how long a training takes where every stage moves."""
        found = estimate(self.case.net, [1.0] * len(self.case.net.stages), len(self.case.train_labels), BATCH)
        return found.seconds_once + found.seconds_per_epoch * plan.schedule.epochs

    @staticmethod
    def _kept(place: Experiments, plan: Plan) -> bool:
        return bool(list(place.folder(plan.but(data=place.images)).glob("*judged.npz")))

    def _failed(self, plan: Plan, seconds: float) -> Outcome:
        images = self.case.judged
        flat = np.full((len(images), len(images.classes)), 1 / len(images.classes), np.float32)
        ids = np.asarray([str(i) for i in images.frame["id"]])
        return Outcome(plan, "", ids, images.labels(), flat, seconds)


def even(labels: np.ndarray) -> np.ndarray:
    """Weights (N,) of mean 1 under which every class weighs the same."""
    counts = np.bincount(labels)
    return len(labels) / (np.count_nonzero(counts) * counts[labels])
