"""A case: a plan on its images, and what is measured of them, each thing once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.control_plans import unpretrained
from workbench.embeddings import features
from workbench.probes.tasks import linear_accuracy
from workbench.runs.assembly import open_net
from workbench.tunings import grid

if TYPE_CHECKING:
    from workbench.embeddings import Features
    from workbench.images import Images
    from workbench.nets import Net
    from workbench.plan import Plan

PARTS = ("train", "valid")


class Case:
    """What causes look at.

    Args:
        plan: what the person trains.
        data: opened; of several domains, the source's are trained on.
    """

    def __init__(self, plan: Plan, data: Images) -> None:
        self.plan, self.data = plan, data
        self._features: dict[tuple[bool, str], dict[str, Features]] = {}

    @cached_property
    def images(self) -> Images:
        """The images that are trained on and judged by."""
        return self.data.source

    @cached_property
    def train_labels(self) -> np.ndarray:
        """Of the training images, (N,)."""
        return self.images.part("train").labels()

    @cached_property
    def counts(self) -> np.ndarray:
        """Training images of each class, (K,)."""
        return np.bincount(self.train_labels, minlength=len(self.images.classes))

    @cached_property
    def net(self) -> Net:
        """The net as the plan begins with it."""
        return open_net(self.plan, self.images)

    @cached_property
    def blank(self) -> Net:
        """The same architecture without its weights."""
        return open_net(unpretrained(self.plan), self.images)

    @cached_property
    def rates(self) -> np.ndarray:
        """The plan's grid, (stages, epochs); 0 is frozen."""
        return grid(self.plan.tuning, self.net, self.plan.schedule.epochs)

    def features(self, split: str, pretrained: bool = True) -> dict[str, Features]:
        """Pooled features of every stage before the head, and `features`, which the head reads; from the store."""
        if (pretrained, split) not in self._features:
            net = self.net if pretrained else self.blank
            wanted = [s.name for s in net.stages[:-1] if s.shape is not None]
            self._features[pretrained, split] = features(net, self.images, [*wanted, None], split=split)
        return self._features[pretrained, split]

    def probe(self, stage: str = "features", pretrained: bool = True) -> float:
        """Accuracy of a linear head on a stage's features, learnt from the training images, on the validation images."""
        train, valid = (self.features(part, pretrained)[stage] for part in PARTS)
        return linear_accuracy(train.array, train.labels, valid.array, valid.labels, len(self.images.classes))
