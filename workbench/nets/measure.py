"""One forward pass to learn what a net cannot say about itself: shapes, widths, whether a size fits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn


def forward(net: nn.Module, size: int, call: Callable[..., Any] | None = None) -> Any:
    """What a net answers to one grey image, as shapes where the net allows, else with real numbers.

    Args:
        size: edge of the image in pixels.
        call: a method of the net; its forward if None. Only used with real numbers.

    Returns:
        tensors, perhaps without content (on the meta device).
    """
    x = torch.full((1, 3, size, size), 0.5)
    with torch.no_grad(), _still(net):
        if call is None:
            with contextlib.suppress(Exception):  # whatever the meta device lacks, the real pass below decides
                return torch.func.functional_call(net, _hollow(net), (x.to("meta"),))
        first = next(net.parameters(), None)
        return (call or net)(x if first is None else x.to(first.device, first.dtype))


def shapes(net: nn.Module, size: int, stages: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[int, ...] | None]:
    """The output shape of each stage for one image, without the batch axis.

    Args:
        stages: names of modules by stage; the one that ends last gives the stage's output.
    """
    owner = {module: stage for stage, modules in stages.items() for module in modules}
    ended: dict[str, tuple[int, ...] | None] = dict.fromkeys(stages)

    def note(stage: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            tensor = output if isinstance(output, Tensor) else _only_tensor(output)
            ended[stage] = tuple(tensor.shape[1:]) if tensor is not None else None

        return hook

    hooks = [m.register_forward_hook(note(owner[n])) for n, m in net.named_modules() if n in owner]
    try:
        forward(net, size)
    finally:
        for hook in hooks:
            hook.remove()
    return ended


def _only_tensor(output: Any) -> Tensor | None:
    tensors = [t for t in output if isinstance(t, Tensor)] if isinstance(output, (tuple, list)) else []
    return tensors[0] if len(tensors) == 1 else None


def _hollow(net: nn.Module) -> dict[str, Tensor]:
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    return {name: tensor.detach().to("meta") for name, tensor in tensors.items()}


@contextlib.contextmanager
def _still(net: nn.Module) -> Iterator[None]:
    """Evaluation mode for a moment: a pass that measures must not move any statistics."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
