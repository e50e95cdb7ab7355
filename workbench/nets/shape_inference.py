"""Inference of a net's properties from one forward pass: shapes, widths, whether a size fits."""

from __future__ import annotations

import contextlib
import copy
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from workbench.nets.input_check import skip_pixel_check

NET_LOCK = threading.RLock()  # held while a net has temporary hooks or is switched to evaluation mode
F = TypeVar("F", bound=Callable[..., Any])


def with_net_lock(function: F) -> F:
    """Decorate a function that shows a data set's images to a net: it holds the net lock and skips the pixel check."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with NET_LOCK, skip_pixel_check():
            return function(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


def inference_batch_size(device: torch.device) -> int:
    """Return the number of images per forward pass without gradients: few on a CPU, so that maps stay in its cache."""
    return 32 if device.type == "cpu" else 128


def run_test_image(net: nn.Module, image_size: int, method: Callable[..., Any] | None = None) -> Any:
    """Run one gray image through a net, on the meta device where the net allows it, otherwise with real values.

    Args:
        image_size: edge of the image in pixels.
        method: a method of the net; its forward if None. Only used with real values.

    Returns:
        the output, possibly without values (on the meta device).
    """
    x = torch.full((1, 3, image_size, image_size), 0.5)
    with NET_LOCK, skip_pixel_check(), torch.no_grad(), eval_mode(net):
        if method is None:
            with contextlib.suppress(Exception):  # ops may be missing on the meta device; the real pass below decides
                return _copy_to_meta(net)(x.to("meta"))
        first = next(net.parameters(), None)
        return (method or net)(x if first is None else x.to(first.device, first.dtype))


def infer_stage_shapes(
    net: nn.Module, image_size: int, modules_by_stage: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[int, ...] | None]:
    """Infer the output shape of each stage for one image, without the batch axis.

    Args:
        modules_by_stage: names of modules by stage; the outermost one that ends last gives the stage's output.
    """
    shapes: dict[str, tuple[int, ...] | None] = dict.fromkeys(modules_by_stage)

    def make_hook(stage: str) -> Callable[..., None]:
        seen: list[nn.Module] = []

        def hook(module: nn.Module, _inputs: Any, output: Any) -> None:
            if module in seen:  # a dropout shared by several stages is captured once
                return
            seen.append(module)
            tensor = output if isinstance(output, Tensor) else _get_only_tensor(output)
            shape = tuple(tensor.shape[1:]) if tensor is not None else None
            weightless = next(module.parameters(), None) is None
            if not (weightless and _is_pooled_output(shape, shapes[stage])):
                shapes[stage] = shape

        return hook

    modules = dict(net.named_modules())
    hooks = []
    for stage, names in modules_by_stage.items():
        hook = make_hook(stage)
        outer = [n for n in names if _is_called(modules[n]) and not _is_nested(n, names, modules)]
        hooks += [modules[n].register_forward_hook(hook) for n in outer]
    try:
        run_test_image(net, image_size)
    finally:
        for handle in hooks:
            handle.remove()
    return shapes


def _is_called(module: nn.Module) -> bool:
    """Return whether a module is itself called; lists only contain others."""
    return not isinstance(module, (nn.ModuleList, nn.ModuleDict, nn.ParameterList))


def _is_nested(name: str, names: tuple[str, ...], modules: Mapping[str, nn.Module]) -> bool:
    """Return whether another module of the same stage, not a mere list, contains this one."""
    while name := name.rpartition(".")[0]:
        if name in names and _is_called(modules[name]):
            return True
    return False


def _is_pooled_output(shape: tuple[int, ...] | None, before: tuple[int, ...] | None) -> bool:
    """Return whether a map was pooled to a vector; the map before it is the more informative shape of its stage."""
    if not before or not shape:
        return False
    return len(before) > 1 and (len(shape) == 1 or shape[-2:] == (1, 1))


def _get_only_tensor(output: Any) -> Tensor | None:
    tensors = [t for t in output if isinstance(t, Tensor)] if isinstance(output, (tuple, list)) else []
    return tensors[0] if len(tensors) == 1 else None


def _copy_to_meta(net: nn.Module) -> nn.Module:
    """Copy a net to the meta device, with its hooks; the net keeps its weights, also for concurrent readers."""
    empty: dict[int, Any] = {id(p): nn.Parameter(p.detach().to("meta"), p.requires_grad) for p in net.parameters()}
    empty |= {id(b): b.detach().to("meta") for b in net.buffers()}
    return copy.deepcopy(net, empty)


@contextlib.contextmanager
def eval_mode(net: nn.Module) -> Iterator[None]:
    """Switch to evaluation mode temporarily, so that a measuring pass does not update statistics."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
