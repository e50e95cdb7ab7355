"""A case: a plan on its images, and what is measured of them, each thing once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes.base import rising
from workbench.diagnosis.control_plans import unpretrained
from workbench.diagnosis.recalibration import has_statistics, taken_anew
from workbench.embeddings import features
from workbench.errors import BadData
from workbench.evaluation import evaluate
from workbench.probes.samples import folds
from workbench.probes.tasks import linear_accuracy
from workbench.runs.assembly import open_net
from workbench.runs.record import run
from workbench.tunings import grid, tunings

if TYPE_CHECKING:
    from workbench.diagnosis.experiments import Outcome
    from workbench.embeddings import Features
    from workbench.images import Images
    from workbench.nets import Net
    from workbench.plan import Plan

PARTS = ("train", "valid")
SGD = 30.0  # how many times faster SGD with momentum goes than AdamW for the same progress


class Case:
    """What causes look at.

    Args:
        plan: what the person trains.
        data: opened; of several domains, the source's are trained on.

    Attributes:
        outcome: what came of the plan, once it was carried out; causes may look at it, and do without.
        kept: what causes measured of the case, by name, so that it is measured once.
    """

    def __init__(self, plan: Plan, data: Images) -> None:
        self.plan, self.data = plan, data
        self.outcome: Outcome | None = None
        self.kept: dict[str, Any] = {}
        self._features: dict[tuple[bool, str], dict[str, Features]] = {}
        self._fitted: dict[str, float] = {}
        self._probed: dict[tuple[str, bool], float] = {}
        self._told: dict[tuple[str, bool], float] = {}

    @cached_property
    def images(self) -> Images:
        """The images that are trained on, with their validation split."""
        return self.data.source

    @cached_property
    def target(self) -> Images | None:
        """The images of another domain that the plan is for, if there are any."""
        there = self.data.target
        return there if there is not None and set(there.domains) - set(self.images.domains) else None

    @cached_property
    def judged(self) -> Images:
        """The images that everything is judged by: the validation images, of the target domain if there is one."""
        there = self.target.part("valid") if self.target is not None else None
        return there if there is not None and len(there) else self.images.part("valid")

    @cached_property
    def train_labels(self) -> np.ndarray:
        """Of the training images, (N,)."""
        return self.images.part("train").labels()

    @cached_property
    def counts(self) -> np.ndarray:
        """Training images of each class, (K,)."""
        return np.bincount(self.train_labels, minlength=len(self.images.classes))

    @cached_property
    def updates(self) -> int:
        """Of the whole plan."""
        schedule = self.plan.schedule
        return schedule.epochs * -(-len(self.train_labels) // schedule.batch_size)

    @cached_property
    def net(self) -> Net:
        """The net as the plan begins with it."""
        return open_net(self.plan, self.images)

    @cached_property
    def broken(self) -> tuple[str, ...]:
        """Tensors of the backbone that hold what is no number."""
        state = self.net.backbone.state_dict()
        return tuple(n for n, t in state.items() if t.is_floating_point() and not t.isfinite().all())

    @cached_property
    def pretrained(self) -> bool:
        """Whether it begins with weights that were learnt."""
        return "backbone" in self.plan.held or bool(self.plan.backbone.params.get("pretrained", True))

    @cached_property
    def blank(self) -> Net:
        """The same architecture without its weights; its batch norms know the images, or it would tell nothing."""
        net = open_net(unpretrained(self.plan), self.images)
        return taken_anew(net, self.images.part("train")) if has_statistics(net) else net

    @cached_property
    def rates(self) -> np.ndarray:
        """The plan's grid, (stages, epochs); 0 is frozen."""
        return grid(self.plan.tuning, self.net, self.plan.schedule.epochs)

    @cached_property
    def usual_rate(self) -> float:
        """The base rate that suits the plan's tuning and optimiser."""
        return tunings[self.plan.tuning.name].lr * (SGD if self.plan.schedule.optimizer == "sgd" else 1.0)

    @cached_property
    def rate(self) -> float:
        """The base rate that the plan names, or that its tuning does."""
        return self.plan.schedule.lr or tunings[self.plan.tuning.name].lr

    def leaving_out(self, ids: Any) -> Images:
        """The images without those of these names."""
        return self.data.part(rows=~self.data.frame["id"].isin(ids).to_numpy())

    def features(self, split: str, pretrained: bool = True) -> dict[str, Features]:
        """Pooled features of every stage before the head, and `features`, which the head reads; from the store."""
        if (pretrained, split) not in self._features:
            net = self.net if pretrained else self.blank
            wanted = [s.name for s in net.stages[:-1] if s.shape is not None]
            self._features[pretrained, split] = features(net, self.images, [*wanted, None], split=split)
        return self._features[pretrained, split]

    def probe(self, stage: str = "features", pretrained: bool = True) -> float:
        """Accuracy on the validation images of a linear head that learnt a stage's features of the training images."""
        if (stage, pretrained) not in self._probed:
            train, valid = (self.features(part, pretrained)[stage] for part in PARTS)
            self._probed[stage, pretrained] = self.head_accuracy(train, valid)
        return self._probed[stage, pretrained]

    def head_accuracy(self, train: Features, valid: Features) -> float:
        """Accuracy of a linear head that learns from some features on others.

        Raises:
            BadData: features that are not finite.
        """
        if not (np.isfinite(train.array).all() and np.isfinite(valid.array).all()):
            raise BadData("the backbone's features are not finite")
        return linear_accuracy(train.array, train.labels, valid.array, valid.labels, len(self.images.classes))

    @cached_property
    def gains(self) -> dict[str, float]:
        """By stage, what a linear head gains by the weights: its accuracy less that on the same net without them.

        Over all images, each judged by a head that did not learn from it.
        """
        known = [s for s in self.features("train") if s in self.features("train", pretrained=False)]
        return {stage: self.told(stage) - self.told(stage, pretrained=False) for stage in known}

    def told(self, stage: str = "features", pretrained: bool = True) -> float:
        """Accuracy of linear heads over all images, each judged by one that did not learn from it."""
        if (stage, pretrained) not in self._told:
            parts = [self.features(part, pretrained)[stage] for part in PARTS]
            x, y = np.concatenate([p.array for p in parts]), np.concatenate([p.labels for p in parts])
            if not np.isfinite(x).all():
                raise BadData("the backbone's features are not finite")
            self._told[stage, pretrained] = crossed(x, y, len(self.images.classes))
        return self._told[stage, pretrained]

    def probe_of(self, net: Net) -> float:
        """The same of another net, on what its head reads."""
        return self.head_accuracy(*(features(net, self.images, split=part) for part in PARTS))

    def rate_for(self, tuning: str) -> float | None:
        """The base rate for another tuning, as many times its usual one as the plan's is; None is the usual one."""
        named = self.plan.schedule.lr
        return None if named is None else named * tunings[tuning].lr / tunings[self.plan.tuning.name].lr

    @cached_property
    def unfinished(self) -> float:
        """0 to 1: how far the plan is from knowing the images that it learnt from; 1 where it was not carried out."""
        return 1.0 if self.outcome is None else rising(1 - self.fitted(self.outcome), 0.08, 0.05)

    def accuracy(self, outcome: Outcome) -> float:
        """Accuracy of a training on the validation images, also where it is judged by another domain's."""
        if self.target is None:
            return outcome.accuracy
        return evaluate(run(outcome.run).net(), self.images, split="valid").accuracy if outcome.run else 0.0

    def fitted(self, outcome: Outcome) -> float:
        """Accuracy of a finished training on the images that it learnt from."""
        if not outcome.run:  # it failed
            return 0.0
        if outcome.run not in self._fitted:
            self._fitted[outcome.run] = evaluate(run(outcome.run).net(), self.images, split="train").accuracy
        return self._fitted[outcome.run]


def crossed(x: np.ndarray, y: np.ndarray, classes: int, count: int = 3) -> float:
    """Accuracy of linear heads on rows (N, D) that they did not learn from, over a few folds."""
    fold = folds(y, count, 0)
    right = [linear_accuracy(x[fold != f], y[fold != f], x[fold == f], y[fold == f], classes) for f in range(count)]
    return float(np.average(right, weights=np.bincount(fold, minlength=count)))
