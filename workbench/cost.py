"""Estimate of memory and time per epoch before training, from a short profile on this machine."""

from __future__ import annotations

import copy
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.formatting import format_bytes, format_count, format_duration
from workbench.forms import Range
from workbench.nets.input_check import skip_pixel_check
from workbench.nets.net import Net
from workbench.tunings import MovingWeights

__all__ = ["estimate_cost"]

# per profiled batch: 32 images of 64 px; with fewer pixels, overhead rather than arithmetic is timed
BATCH_PIXELS = 2**17
MIN_IMAGES, MAX_IMAGES = 4, 32  # images per profiled batch
REPEATS = 3  # minimum number of timings; the fastest one is used
# stop when the two fastest timings agree within this ratio, or after so many seconds
TIME_AGREEMENT, TIME_LIMIT = 1.1, 0.5


@dataclass(frozen=True)
class CostEstimate:
    """Cost of one epoch.

    Attributes:
        n_trainable: number of trainable parameters.
        memory_bytes: weights, gradients, optimizer state and stored activations; without the program itself.
        seconds_per_epoch: training without validation, after the frozen layers' activations have been cached.
        caching_seconds: time to compute that cache for one view of every image; 0 if the first stage is trained.
        sentence: summary in words.
    """

    n_trainable: int
    memory_bytes: int
    seconds_per_epoch: float
    sentence: str
    caching_seconds: float = 0.0


@dataclass(frozen=True)
class NetProfile:
    """Profile of a net: update time of its head; seconds and activation bytes per image for each stage.

    `backward_ratio` is the duration of a full backward pass divided by that of a full forward pass.
    """

    update_seconds: float
    forward_seconds: tuple[float, ...]
    backward_ratio: float
    output_bytes: tuple[int, ...]
    n_parameters: tuple[int, ...]


_profiles: weakref.WeakKeyDictionary[Net, tuple[str, NetProfile]] = weakref.WeakKeyDictionary()


@check_arguments
def estimate_cost(
    net: Net,
    lr_multipliers: Sequence[Annotated[float, Range(0.0, 1e6)]],
    n_images: Annotated[int, Range(1, 10**12)],
    batch_size: Annotated[int, Range(1, 65_536)] = 32,
    cache_activations: bool = True,
) -> CostEstimate:
    """Estimate the cost of an epoch for one column of the learning-rate grid.

    The first call profiles the net for about a second; later calls reuse the profile.

    Args:
        net: net to train.
        lr_multipliers: one per stage, as a column of `wb.lr_grid`; 0 is frozen.
        n_images: training images per epoch.
        batch_size: images per update.
        cache_activations: whether frozen layers are computed once, as they are wherever the net can be partitioned.
    """
    if len(lr_multipliers) != len(net.stages):
        raise BadValue(
            f"expected one multiplier per stage, {len(net.stages)} for this net, as a column of "
            "wb.lr_grid(tuning, net, epochs); "
            f"got {len(lr_multipliers)}"
        )
    profile = get_profile(net)
    n_trainable = sum(n for n, rate in zip(profile.n_parameters, lr_multipliers, strict=True) if rate > 0)
    return sum_costs(
        profile, [rate > 0 for rate in lr_multipliers], n_trainable, n_images, batch_size, cache_activations
    )


def estimate_moving_cost(net: Net, moving: MovingWeights, n_images: int, batch_size: int = 32) -> CostEstimate:
    """Estimate the cost of an epoch in which exactly these weights are trained; see `estimate_cost`."""
    n_trainable = sum(p.numel() for name, p in net.named_parameters() if name in moving.names)
    return sum_costs(get_profile(net), [rate > 0 for rate in moving.lr_multipliers], n_trainable, n_images, batch_size)


def sum_costs(
    profile: NetProfile,
    moving: Sequence[bool],
    n_trainable: int,
    n_images: int,
    batch_size: int,
    cache_activations: bool = True,
) -> CostEstimate:
    """Compute the cost of an epoch from a profile.

    Args:
        moving: whether each stage is trained, stem first.
        n_trainable: number of trainable parameters.
    """
    # gradients flow back from the loss to the first trained stage; activations below it are not stored
    first = moving.index(True) if any(moving) else len(moving)
    below = n_images * sum(profile.forward_seconds[:first])
    above = n_images * (1.0 + profile.backward_ratio) * sum(profile.forward_seconds[first:])
    caching_seconds = below if cache_activations else 0.0
    seconds = above + (0.0 if cache_activations else below) + n_images / batch_size * profile.update_seconds
    stored_bytes = sum(profile.output_bytes[first:]) + max(profile.output_bytes, default=0)
    # four bytes per weight; gradient and two optimizer moments for each trained weight
    memory = 4 * sum(profile.n_parameters) + 12 * n_trainable + batch_size * stored_bytes
    return CostEstimate(
        n_trainable,
        int(memory),
        seconds,
        format_estimate(n_trainable, memory, seconds, caching_seconds),
        caching_seconds,
    )


def get_profile(net: Net) -> NetProfile:
    """Return the profile of `net` on its device; cached until its input size, device or structure changes."""
    key = f"{net.preprocessing.size} {next(net.parameters()).device} {[stage.n_parameters for stage in net.stages]}"
    if net not in _profiles or _profiles[net][0] != key:
        _profiles[net] = (key, profile_net(net))
    return _profiles[net][1]


def profile_net(net: Net) -> NetProfile:
    """Time a few forward and backward passes over random pixels, stage by stage; the net is restored afterwards."""
    device, size = next(net.parameters()).device, net.preprocessing.size
    n_images = min(MAX_IMAGES, max(MIN_IMAGES, BATCH_PIXELS // size**2))
    # the memory format that training uses; much faster for convolutions on a CPU
    x = torch.rand(n_images, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
    modes = {module: module.training for module in net.modules()}
    flags = [parameter.requires_grad for parameter in net.parameters()]
    net.eval()  # profiling must not update batch-norm statistics
    try:
        with skip_pixel_check():  # the input check would be timed too
            forward, output_bytes = time_stages_forward(net, x)
            net.requires_grad_(True)
            forward_seconds = len(x) * max(sum(forward), 1e-12)
            # on a busy machine a forward pass may take longer than a forward and backward pass
            ratio, update = max(0.0, time_training_step(net, x) / forward_seconds - 1), time_head_update(net, x)
    finally:
        for module, mode in modes.items():
            module.training = mode
        for parameter, flag in zip(net.parameters(), flags, strict=True):
            parameter.requires_grad_(flag)
    return NetProfile(update, forward, ratio, output_bytes, tuple(stage.n_parameters for stage in net.stages))


@torch.no_grad()
def time_stages_forward(net: Net, x: Tensor) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Measure seconds and output bytes per image of each stage."""
    owner = {name: index for index, stage in enumerate(net.stages) for name in stage.module_names}
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
    net(x)  # the first pass includes one-time setup
    hooks = [
        h for n, m in leaves for h in (m.register_forward_pre_hook(before), m.register_forward_hook(after(owner[n])))
    ]
    try:
        for _ in range(REPEATS):
            net(x)
    finally:
        for hook in hooks:
            hook.remove()
    # hooks slow every module down: they give the stages' shares of a total measured without hooks
    share = time_fastest_call(lambda: net(x), x.device) / len(x) / max(sum(seconds), 1e-12)
    return tuple(s * share for s in seconds), tuple(b // (REPEATS * len(x)) for b in bytes_)


def time_training_step(net: Net, x: Tensor) -> float:
    """Measure the seconds of one forward and backward pass through the whole net."""
    weights = list(net.parameters())
    return time_fastest_call(lambda: torch.autograd.grad(net(x).square().mean(), weights, allow_unused=True), x.device)


def time_head_update(net: Net, x: Tensor) -> float:
    """Measure the seconds of one update of the head alone, on one batch: a lower bound for any update."""
    with torch.no_grad():
        features = net.forward_features(x).float()
    head = copy.deepcopy(net.head).requires_grad_(True)
    weights = list(head.parameters())
    if not weights:
        return 0.0
    optimizer = torch.optim.AdamW(weights)

    def update() -> None:
        head(features).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return time_fastest_call(update, x.device)


def time_fastest_call(work: Callable[[], object], device: torch.device) -> float:
    """Return the shortest duration of `work` in seconds; other programs can only make it longer.

    Repeat until the two shortest durations agree, for half a second at most.
    """
    durations: list[float] = []
    deadline = time.perf_counter() + TIME_LIMIT
    while len(durations) < REPEATS or (durations[1] > TIME_AGREEMENT * durations[0] and time.perf_counter() < deadline):
        synchronize_device(device)
        began = time.perf_counter()
        work()
        synchronize_device(device)
        durations = sorted([*durations, time.perf_counter() - began])
    return durations[0]


def synchronize_device(device: torch.device) -> None:
    """Wait for a CUDA device, so that a clock read afterwards is correct."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def format_estimate(n_trainable: int, memory: float, seconds: float, caching_seconds: float = 0.0) -> str:
    """Format the estimate as a sentence."""
    first = f"{format_duration(caching_seconds)} once to cache activations, then " if caching_seconds else ""
    return (
        f"{format_count(n_trainable)} trainable weights, about {format_bytes(memory)}, "
        f"{first}{format_duration(seconds)} per epoch"
    )
