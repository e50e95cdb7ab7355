"""Capture of intermediate outputs with temporary forward hooks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from workbench.nets.feature_maps import FeatureMap
    from workbench.nets.net import Net
    from workbench.nets.stages import Stage

Hook = Callable[[nn.Module, Any, Any], Any]


@contextlib.contextmanager
def attach_forward_hooks(modules: list[nn.Module], hook: Hook) -> Iterator[None]:
    """Register a forward hook on each module for the length of the block; a returned value replaces the output."""
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def capture_stage_outputs(
    net: Net, stages: Sequence[Stage], extract: Callable[[Stage, Tensor], Tensor | None]
) -> Iterator[dict[str, Tensor]]:
    """Capture the stages' outputs of the passes inside the block, by name of the stage.

    Args:
        extract: function from a stage and a tensor that it returns to the value to keep; None for a tensor that is not
            the stage's output. The last value counts. It must not read the shape of a stage that is not inferred yet:
            that runs a pass, which would be captured.
    """
    outputs: dict[str, Tensor] = {}

    def make_hook(stage: Stage) -> Hook:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            for value in output if isinstance(output, (tuple, list)) else [output]:
                if isinstance(value, Tensor) and (extracted := extract(stage, value)) is not None:
                    outputs[stage.name] = extracted

        return hook

    with contextlib.ExitStack() as hooks:
        for stage in stages:
            hooks.enter_context(
                attach_forward_hooks(
                    [net.get_submodule(name) for name in find_outermost_modules(net, stage)], make_hook(stage)
                )
            )
        yield outputs


@dataclass
class StageOutput:
    """Output of a stage during a forward pass.

    Attributes:
        value: its last output of the stage's shape; None before the pass.
    """

    value: Tensor | None = field(default=None)


@contextlib.contextmanager
def record_stage_output(net: Net, feature_map: FeatureMap, graph: str | None = "stage") -> Iterator[StageOutput]:
    """Capture the output of a stage in the forward passes of the block.

    Args:
        graph: `stage` if gradients with respect to the stage's output are needed: the graph starts there, so that
            earlier layers are neither recorded nor differentiated. `pixels` leaves the graph unchanged, None detaches
            the output.
    """
    captured = StageOutput()

    def change(value: Tensor) -> Tensor | None:
        if tuple(value.shape[1:]) != feature_map.stage.shape:
            return None
        captured.value = value if graph == "pixels" else value.detach()
        if graph != "stage":
            return None
        captured.value.requires_grad_(True)
        # later layers may modify it in place, which is forbidden for a leaf that requires gradients
        return captured.value.clone()

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        return map_tensors(output, change)

    with attach_forward_hooks(
        [net.get_submodule(name) for name in find_outermost_modules(net, feature_map.stage)], hook
    ):
        yield captured


def map_tensors(output: Any, change: Callable[[Tensor], Tensor | None]) -> Any:
    """Apply `change` to each tensor of a module's output, a tensor or a nest of them; None keeps a tensor."""
    if isinstance(output, Tensor):
        changed = change(output)
        return output if changed is None else changed
    if isinstance(output, (tuple, list)):
        return type(output)([map_tensors(value, change) for value in output])
    return output


def find_outermost_modules(net: Net, stage: Stage) -> list[str]:
    """Return the names of a stage's outermost modules: called themselves, and inside no other such module of it."""
    lists = (nn.ModuleList, nn.ModuleDict, nn.ParameterList)
    running = [name for name in stage.module_names if not isinstance(net.get_submodule(name), lists)]
    return [name for name in running if not any(name.startswith(f"{other}.") for other in running)]
