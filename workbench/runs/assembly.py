"""From plain data to what trains: a plan's parts looked up, opened and checked against each other."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from workbench.errors import BadValue
from workbench.images import Images, images
from workbench.images.batches import Batches, stream
from workbench.loop import Training, train
from workbench.loop.device import device, rank_and_world
from workbench.loop.preparation import find_moving_names, warn_of_marks
from workbench.nets import Net, load
from workbench.plan import Choice, Plan
from workbench.strategies import strategies
from workbench.tunings import tunings

SETTLED = ("pixel_range", "max_pixels")  # what opening images finds out, or takes from the process


def open_images(plan: Plan, folder: Path | None = None) -> Images:
    """The images that a plan names or holds; those stored with a run are found in its folder, wherever it was moved."""
    if folder is None and "data" in plan.held:
        return plan.held["data"]
    there = located(plan.data, folder)
    return images(there.name, **there.params)


def open_net(plan: Plan, data: Images, folder: Path | None = None) -> Net:
    """The backbone that a plan names, with a head for the images' classes.

    A head that has these very classes already (a net of an earlier run) is kept.
    """
    if folder is None and "backbone" in plan.held:
        net = copy.deepcopy(plan.held["backbone"])
    else:
        there = located(plan.backbone, folder)
        net = load(there.name, **{"seed": plan.seed, **there.params})
    if net.classes is None or tuple(net.classes) != tuple(data.classes):
        net.new_head(list(data.classes), seed=plan.seed)
    if data.pixel_range is not None:
        # what is black and white to the net is what was so in the images it learns from
        net.preprocessing = net.preprocessing.but(pixel_range=data.pixel_range)
    return net


def located(choice: Choice, folder: Path | None) -> Choice:
    """`choice` with what is stored in the run's folder given by its full path."""
    if folder is None:
        return choice
    name, path = choice.name, choice.params.get("path")
    if isinstance(path, str) and (folder / path).exists():
        choice = choice.but(path=str(folder / path))
    return Choice(str(folder / name), choice.params) if (folder / name).exists() else choice


def assemble(plan: Plan, folder: Path | None = None, state: dict[str, Any] | None = None) -> Training:
    """A training that is ready to be iterated.

    Raises:
        WorkbenchError: the plan's parts do not fit together, before any step.
    """
    data = open_images(plan, folder)
    return join(plan, data, open_net(plan, data, folder), state)


def join(plan: Plan, data: Images, net: Net, state: dict[str, Any] | None = None) -> Training:
    """Make a training of images and a net that are open.

    Raises:
        WorkbenchError: the plan's parts do not fit together, before any step.
    """
    strategy = strategies.make(plan.strategy)
    batches = make_batches(plan, data, net, strategy.needs)
    return train(net, tunings.make(plan.tuning), strategy, [batches], plan.schedule, seed=plan.seed, state=state)


def make_batches(plan: Plan, data: Images, net: Net, needs: tuple[str, ...]) -> Batches:
    """The streams of a plan, in the squares that the net wants."""
    rank, world = rank_and_world()
    return Batches(
        data,
        needs,
        **net.preprocessing.view_options,
        batch_size=plan.schedule.batch_size,
        seed=plan.seed,
        rank=rank,
        world=world,
    )


def check(plan: Plan) -> Plan:
    """Opens the images and asks for the streams that the strategy reads: a launch that cannot work is refused here.

    Returns:
        The plan, which a worker carries out alike: with the scale of greys that was found, and the limit of pixels
        that is set, in this process.

    Raises:
        WorkbenchError: what the worker would fail with.
    """
    data = open_images(plan)
    cls = strategies[plan.strategy.name]
    for name in cls.needs:
        stream(data, name)
    if data.kind not in cls.kinds:
        raise BadValue(f"the strategy {cls.name} reads {' or '.join(cls.kinds)}; {data.name} holds {data.kind}")
    if isinstance(net := plan.held.get("backbone"), Net):
        warn_of_marks(net, find_moving_names(net, tunings.make(plan.tuning), plan.schedule.epochs, cls.frozen))
    device(plan.schedule)
    settled = {name: data.choice.params[name] for name in SETTLED if name in data.choice.params}
    return plan if "data" in plan.held or not settled else plan.but(data=plan.data.but(**settled))
