"""What a net says on the way to its answer, heard by hooks that do not outlast their block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from workbench.nets.net import Net
    from workbench.nets.stages import Stage

Hook = Callable[[nn.Module, Any, Any], Any]


@contextlib.contextmanager
def hooked(modules: list[nn.Module], hook: Hook) -> Iterator[None]:
    """A forward hook on each of some modules, removed when the block ends; what it returns replaces the output."""
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def heard(
    net: Net, stages: Sequence[Stage], read: Callable[[Stage, Tensor], Tensor | None]
) -> Iterator[dict[str, Tensor]]:
    """What stages say in the passes of the block, by name.

    Args:
        read: what to keep of a tensor that a stage gives; None for one that is not its output. The last one counts.
            It asks for no shape of a stage that is not measured yet: that takes a pass, which would be heard.
    """
    found: dict[str, Tensor] = {}

    def listen(stage: Stage) -> Hook:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            for value in output if isinstance(output, (tuple, list)) else [output]:
                if isinstance(value, Tensor) and (kept := read(stage, value)) is not None:
                    found[stage.name] = kept

        return hook

    with contextlib.ExitStack() as hooks:
        for stage in stages:
            hooks.enter_context(hooked([net.get_submodule(name) for name in outer(net, stage)], listen(stage)))
        yield found


def outer(net: Net, stage: Stage) -> list[str]:
    """The stage's modules that run themselves and lie in no other such module of it."""
    lists = (nn.ModuleList, nn.ModuleDict, nn.ParameterList)
    running = [name for name in stage.modules if not isinstance(net.get_submodule(name), lists)]
    return [name for name in running if not any(name.startswith(f"{other}.") for other in running)]
