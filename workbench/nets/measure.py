"""One forward pass to learn what a net cannot say about itself: shapes, widths, whether a size fits."""

from __future__ import annotations

import contextlib
import copy
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from workbench.nets.input_check import unchecked

TURN = threading.RLock()  # taken by whoever looks inside a net: for a moment it listens, or is still
F = TypeVar("F", bound=Callable[..., Any])


def in_turn(call: F) -> F:
    """Decorator for what shows a set's images to a net: never while another thread measures it, and unchecked."""

    @functools.wraps(call)
    def alone(*args: Any, **kwargs: Any) -> Any:
        with TURN, unchecked():
            return call(*args, **kwargs)

    return alone  # type: ignore[return-value]


def at_once(place: torch.device) -> int:
    """Images a forward pass where no gradients are kept: few on a CPU, so that a layer's maps stay in its cache."""
    return 32 if place.type == "cpu" else 128


def forward(net: nn.Module, size: int, call: Callable[..., Any] | None = None) -> Any:
    """What a net answers to one grey image, as shapes where the net allows, else with real numbers.

    Args:
        size: edge of the image in pixels.
        call: a method of the net; its forward if None. Only used with real numbers.

    Returns:
        tensors, perhaps without content (on the meta device).
    """
    x = torch.full((1, 3, size, size), 0.5)
    with TURN, unchecked(), torch.no_grad(), still(net):
        if call is None:
            with contextlib.suppress(Exception):  # whatever the meta device lacks, the real pass below decides
                return _hollow(net)(x.to("meta"))
        first = next(net.parameters(), None)
        return (call or net)(x if first is None else x.to(first.device, first.dtype))


def shapes(net: nn.Module, size: int, stages: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[int, ...] | None]:
    """The output shape of each stage for one image, without the batch axis.

    Args:
        stages: names of modules by stage; the outermost one that ends last gives the stage's output.
    """
    found: dict[str, tuple[int, ...] | None] = dict.fromkeys(stages)

    def note(stage: str) -> Callable[..., None]:
        seen: list[nn.Module] = []

        def hook(module: nn.Module, _inputs: Any, output: Any) -> None:
            if module in seen:  # a dropout that several stages share is heard once
                return
            seen.append(module)
            tensor = output if isinstance(output, Tensor) else _only_tensor(output)
            shape = tuple(tensor.shape[1:]) if tensor is not None else None
            weightless = next(module.parameters(), None) is None
            if not (weightless and _pooled(shape, found[stage])):
                found[stage] = shape

        return hook

    modules = dict(net.named_modules())
    hooks = []
    for stage, names in stages.items():
        hook = note(stage)
        outer = [n for n in names if _called(modules[n]) and not _inside(n, names, modules)]
        hooks += [modules[n].register_forward_hook(hook) for n in outer]
    try:
        forward(net, size)
    finally:
        for handle in hooks:
            handle.remove()
    return found


def _called(module: nn.Module) -> bool:
    """Whether a module runs itself; lists only hold others."""
    return not isinstance(module, (nn.ModuleList, nn.ModuleDict, nn.ParameterList))


def _inside(name: str, names: tuple[str, ...], modules: Mapping[str, nn.Module]) -> bool:
    """Whether a module of the same stage, not a mere list, holds this one."""
    while name := name.rpartition(".")[0]:
        if name in names and _called(modules[name]):
            return True
    return False


def _pooled(shape: tuple[int, ...] | None, before: tuple[int, ...] | None) -> bool:
    """Whether a map became a vector: the pooling that ends a backbone says less about its stage than the map."""
    if not before or not shape:
        return False
    return len(before) > 1 and (len(shape) == 1 or shape[-2:] == (1, 1))


def _only_tensor(output: Any) -> Tensor | None:
    tensors = [t for t in output if isinstance(t, Tensor)] if isinstance(output, (tuple, list)) else []
    return tensors[0] if len(tensors) == 1 else None


def _hollow(net: nn.Module) -> nn.Module:
    """A copy whose weights have no content, hooks included: the net keeps its own, whoever reads it meanwhile."""
    empty: dict[int, Any] = {id(p): nn.Parameter(p.detach().to("meta"), p.requires_grad) for p in net.parameters()}
    empty |= {id(b): b.detach().to("meta") for b in net.buffers()}
    return copy.deepcopy(net, empty)


@contextlib.contextmanager
def still(net: nn.Module) -> Iterator[None]:
    """Evaluation mode for a moment: a pass that measures must not move any statistics."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
