"""What a column of the grid costs, before it is run: memory and time, from a short trial on this machine."""

from __future__ import annotations

import copy
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.nets import Net
from workbench.nets.input_check import unchecked
from workbench.tunings import MovingWeights

PIXELS = 2**17  # in a trial batch: 32 images of 64 px; in few pixels it is not arithmetic that takes the time
FEWEST, MOST = 4, 32  # images in a trial batch
REPEATS = 3  # of every trial, at least; the fastest counts
AGREE, PATIENCE = 1.1, 0.5  # the two fastest differ by less than this, or so many seconds have passed


@dataclass(frozen=True)
class Estimate:
    """What an epoch costs.

    Attributes:
        trainable: weights that move.
        memory_bytes: weights, gradients, optimiser state and kept activations; not the program itself.
        seconds_per_epoch: training only, validation apart, once the frozen layers' activations are stored.
        seconds_once: computing those, for one view of every image; 0 where the first stage moves.
        sentence: the same in words.
    """

    trainable: int
    memory_bytes: int
    seconds_per_epoch: float
    sentence: str
    seconds_once: float = 0.0


@dataclass(frozen=True)
class Costs:
    """A net measured: seconds of an update of its head alone; by stage, seconds and kept bytes an image.

    `backward` is the seconds of a whole backward pass over those of a whole forward pass.
    """

    update: float
    forward: tuple[float, ...]
    backward: float
    kept: tuple[int, ...]
    parameters: tuple[int, ...]


_measured: weakref.WeakKeyDictionary[Net, tuple[str, Costs]] = weakref.WeakKeyDictionary()


@check_arguments
def estimate(
    net: Net,
    multipliers: Sequence[Annotated[float, Range(0.0, 1e6)]],
    images: Annotated[int, Range(1, 10**12)],
    batch_size: Annotated[int, Range(1, 65_536)] = 32,
    store: bool = True,
) -> Estimate:
    """The cost of an epoch under one column of the grid.

    The net is measured once, for about a second; later calls only add up.

    Args:
        multipliers: one a stage, as `wb.grid` gives; 0 is frozen.
        images: training images an epoch.
        batch_size: images an update.
        store: whether frozen layers are computed once, as they are wherever a net can be cut there.
    """
    if len(multipliers) != len(net.stages):
        raise BadValue(
            f"multipliers are one a stage, {len(net.stages)} of this net, as a column of wb.grid(tuning, net, epochs); "
            f"got {len(multipliers)}"
        )
    found = measured(net)
    trainable = sum(n for n, rate in zip(found.parameters, multipliers, strict=True) if rate > 0)
    return add_up(found, [rate > 0 for rate in multipliers], trainable, images, batch_size, store)


def estimate_moving(net: Net, moving: MovingWeights, images: int, batch_size: int = 32) -> Estimate:
    """Estimate the cost of an epoch in which these very weights move; see `estimate`."""
    trainable = sum(p.numel() for name, p in net.named_parameters() if name in moving.names)
    return add_up(measured(net), [rate > 0 for rate in moving.rates], trainable, images, batch_size)


def add_up(
    costs: Costs, moving: Sequence[bool], trainable: int, images: int, batch_size: int, store: bool = True
) -> Estimate:
    """Add up the cost of an epoch from what was measured.

    Args:
        moving: whether each stage moves, stem first.
        trainable: weights that move.
    """
    # gradients flow back from the loss to the lowest moving stage; below it nothing is kept
    first = moving.index(True) if any(moving) else len(moving)
    below = images * sum(costs.forward[:first])
    above = images * (1.0 + costs.backward) * sum(costs.forward[first:])
    once = below if store else 0.0
    seconds = above + (0.0 if store else below) + images / batch_size * costs.update
    kept = sum(costs.kept[first:]) + max(costs.kept, default=0)
    # four bytes a weight; gradient and two moments for those that move
    memory = 4 * sum(costs.parameters) + 12 * trainable + batch_size * kept
    return Estimate(trainable, int(memory), seconds, said(trainable, memory, seconds, once), once)


def measured(net: Net) -> Costs:
    """The costs of `net` on the device that it is on; kept until its input size, device or structure changes."""
    key = f"{net.preprocessing.size} {next(net.parameters()).device} {[stage.parameters for stage in net.stages]}"
    if net not in _measured or _measured[net][0] != key:
        _measured[net] = (key, measure(net))
    return _measured[net][1]


def measure(net: Net) -> Costs:
    """Times a few forward and backward passes over random pixels, stage by stage; leaves the net as it was."""
    place, size = next(net.parameters()).device, net.preprocessing.size
    count = min(MOST, max(FEWEST, PIXELS // size**2))
    # the layout that training uses, and much the quicker one for convolutions on a CPU
    x = torch.rand(count, 3, size, size, device=place).contiguous(memory_format=torch.channels_last)
    modes = {module: module.training for module in net.modules()}
    flags = [parameter.requires_grad for parameter in net.parameters()]
    net.eval()  # a trial must not move batch norm's statistics
    try:
        with unchecked():  # looking at the pixels would cost time too
            forward, kept = forward_costs(net, x)
            net.requires_grad_(True)
            whole = len(x) * max(sum(forward), 1e-12)
            # disturbed, a forward pass alone may take longer than one with its backward pass
            ratio, update = max(0.0, step_time(net, x) / whole - 1), head_update(net, x)
    finally:
        for module, mode in modes.items():
            module.training = mode
        for parameter, flag in zip(net.parameters(), flags, strict=True):
            parameter.requires_grad_(flag)
    return Costs(update, forward, ratio, kept, tuple(stage.parameters for stage in net.stages))


@torch.no_grad()
def forward_costs(net: Net, x: Tensor) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Seconds and output bytes of each stage, an image."""
    owner = {name: index for index, stage in enumerate(net.stages) for name in stage.modules}
    seconds, bytes_ = [0.0] * len(net.stages), [0] * len(net.stages)
    began: dict[int, float] = {}

    def before(module: nn.Module, _: object) -> None:
        began[id(module)] = time.perf_counter()

    def after(index: int):
        def record(module: nn.Module, _: object, out: object) -> None:
            seconds[index] += time.perf_counter() - began[id(module)]
            bytes_[index] += out.numel() * out.element_size() if isinstance(out, Tensor) else 0

        return record

    leaves = [(n, m) for n, m in net.named_modules() if n in owner and not any(m.children())]
    net(x)  # the first pass pays for set-up
    hooks = [
        h for n, m in leaves for h in (m.register_forward_pre_hook(before), m.register_forward_hook(after(owner[n])))
    ]
    try:
        for _ in range(REPEATS):
            net(x)
    finally:
        for hook in hooks:
            hook.remove()
    # the hooks slow every module down: shares are theirs, the total is that of a pass without them
    share = fastest(lambda: net(x), x.device) / len(x) / max(sum(seconds), 1e-12)
    return tuple(s * share for s in seconds), tuple(b // (REPEATS * len(x)) for b in bytes_)


def step_time(net: Net, x: Tensor) -> float:
    """Seconds of a forward and a backward pass through the whole net."""
    weights = list(net.parameters())
    return fastest(lambda: torch.autograd.grad(net(x).square().mean(), weights, allow_unused=True), x.device)


def head_update(net: Net, x: Tensor) -> float:
    """Seconds of an update of the head alone, on features of one trial batch: the least that an update takes."""
    with torch.no_grad():
        features = net.trunk(x).float()
    head = copy.deepcopy(net.head).requires_grad_(True)
    weights = list(head.parameters())
    if not weights:
        return 0.0
    optimizer = torch.optim.AdamW(weights)

    def update() -> None:
        head(features).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return fastest(update, x.device)


def fastest(work: Callable[[], object], place: torch.device) -> float:
    """Seconds that `work` takes while nothing else does: other programs only ever add to a time.

    It is repeated until the two least agree, for half a second at most.
    """
    took: list[float] = []
    until = time.perf_counter() + PATIENCE
    while len(took) < REPEATS or (took[1] > AGREE * took[0] and time.perf_counter() < until):
        synchronise(place)
        began = time.perf_counter()
        work()
        synchronise(place)
        took = sorted([*took, time.perf_counter() - began])
    return took[0]


def synchronise(place: torch.device) -> None:
    """Waits for a CUDA device, so that a clock read after it is right."""
    if place.type == "cuda":
        torch.cuda.synchronize(place)


def said(trainable: int, memory: float, seconds: float, once: float = 0.0) -> str:
    """The estimate in words."""
    first = f"{spoken(once)} once and then " if once else ""
    return f"{trainable / 1e6:.2f} M weights move, about {memory / 1e9:.1f} GB, {first}{spoken(seconds)} an epoch"


def spoken(seconds: float) -> str:
    """A duration in words."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
