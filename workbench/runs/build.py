"""Builder of trainings: the parts of a plan are resolved by name, opened and checked against each other."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from workbench.data.batches import Batches, select_stream
from workbench.data.image_loading import load_images
from workbench.data.labeled_images import Images
from workbench.errors import BadValue
from workbench.formatting import join_names
from workbench.loop.device import rank_and_world, select_device
from workbench.loop.preparation import find_moving_names, warn_of_requires_grad
from workbench.loop.training import Training, train
from workbench.nets.loading.net_loader import load_net
from workbench.nets.net import Net
from workbench.plan import Choice, Plan
from workbench.strategies import strategies
from workbench.tunings import tunings

RESOLVED_OPTIONS = ("pixel_range", "max_pixels")  # options that opening images determines, or takes from the process


def open_images(plan: Plan, folder: Path | None = None) -> Images:
    """Open the images that a plan names, or return those that it holds in memory.

    Images stored with a run are read from its folder, wherever that folder was moved to.
    """
    if folder is None and "data" in plan.in_memory:
        return plan.in_memory["data"]
    choice = resolve_paths(plan.data, folder)
    return load_images(choice.name, **choice.params)


def open_net(plan: Plan, data: Images, folder: Path | None = None) -> Net:
    """Open the backbone that a plan names, with a head for the classes of the images.

    A head that already has exactly these classes (a net of an earlier run) is kept.
    """
    if folder is None and "backbone" in plan.in_memory:
        net = copy.deepcopy(plan.in_memory["backbone"])
    else:
        choice = resolve_paths(plan.backbone, folder)
        net = load_net(choice.name, **{"seed": plan.seed, **choice.params})
    if net.classes is None or tuple(net.classes) != tuple(data.classes):
        net.reset_head(list(data.classes), seed=plan.seed)
    if data.pixel_range is not None:
        # the net's black and white are those of the images that it is trained on
        net.preprocessing = net.preprocessing.replace(pixel_range=data.pixel_range)
    return net


def resolve_paths(choice: Choice, folder: Path | None) -> Choice:
    """Resolve the paths of a choice: names and paths of files in the run's folder become full paths."""
    if folder is None:
        return choice
    name, path = choice.name, choice.params.get("path")
    if isinstance(path, str) and (folder / path).exists():
        choice = choice.replace(path=str(folder / path))
    return Choice(str(folder / name), choice.params) if (folder / name).exists() else choice


def open_training(plan: Plan, folder: Path | None = None, state: dict[str, Any] | None = None) -> Training:
    """Open images and net of a plan and make a training that is ready to be iterated.

    Raises:
        WorkbenchError: the plan's parts do not fit together; raised before any step.
    """
    data = open_images(plan, folder)
    return make_training(plan, data, open_net(plan, data, folder), state)


def make_training(plan: Plan, data: Images, net: Net, state: dict[str, Any] | None = None) -> Training:
    """Make a training from images and a net that are already open.

    Raises:
        WorkbenchError: the plan's parts do not fit together; raised before any step.
    """
    strategy = strategies.create(plan.strategy)
    batches = make_batches(plan, data, net, strategy.needs)
    return train(net, tunings.create(plan.tuning), strategy, [batches], plan.schedule, seed=plan.seed, state=state)


def make_batches(plan: Plan, data: Images, net: Net, needs: tuple[str, ...]) -> Batches:
    """Make the batches of a plan, of square images in the size that the net expects."""
    rank, world = rank_and_world()
    return Batches(
        data,
        needs,
        **net.preprocessing.view_options,
        batch_size=plan.schedule.batch_size,
        seed=plan.seed,
        rank=rank,
        world_size=world,
    )


def check_plan(plan: Plan) -> Plan:
    """Check a plan before launch: open its images, and the streams that its strategy reads.

    Returns:
        The plan with the options that this process has determined, so that a worker trains the same: the range of gray
        levels that was found, and the limit of pixels that is set.

    Raises:
        WorkbenchError: the error with which the worker would fail.
    """
    data = open_images(plan)
    cls = strategies[plan.strategy.name]
    for name in cls.needs:
        select_stream(data, name)
    if data.kind not in cls.label_kinds:
        raise BadValue(
            f"the strategy {cls.name} reads {join_names(cls.label_kinds, 'or')}; {data.name} holds {data.kind}"
        )
    if isinstance(net := plan.in_memory.get("backbone"), Net):
        warn_of_requires_grad(
            net, find_moving_names(net, tunings.create(plan.tuning), plan.schedule.epochs, cls.frozen)
        )
    select_device(plan.schedule)
    resolved = {name: data.choice.params[name] for name in RESOLVED_OPTIONS if name in data.choice.params}
    return plan if "data" in plan.in_memory or not resolved else plan.replace(data=plan.data.replace(**resolved))
