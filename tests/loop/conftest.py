"""Strategies made up for the loop's tests, and a way to train with them without a plan."""

from __future__ import annotations

import pytest

from workbench.data.batches import Batches
from workbench.loop.training import train
from workbench.plan import Schedule
from workbench.tunings import Tuning, tunings


@pytest.fixture
def trained_by(tiny, toy):
    """A function that makes a training of a strategy object, with the schedule by its fields."""

    def make(strategy, tuning="full", net=None, images=None, tasks=1, state=None, world=1, **settings):
        net = tiny() if net is None else net
        plain = {"epochs": 1, "batch_size": 32, "augment": "none", "warmup": 0.0, "precision": "fp32"}
        schedule = Schedule(**{**plain, **settings})
        batches = [
            Batches(toy if images is None else images, strategy.needs, size=32, batch_size=32, seed=n, world_size=world)
            for n in range(tasks)
        ]
        made = tuning if isinstance(tuning, Tuning) else tunings.create(tuning)
        return train(net, made, strategy, batches, schedule, state=state)

    return make
