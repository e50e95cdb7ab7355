"""A net as it was: whatever a probe does with it, nothing is left behind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor, nn

from workbench.nets.input_check import unchecked
from workbench.probes.stage_features import evaluating
from workbench.threads import spare


@contextlib.contextmanager
def quiet(net: nn.Module) -> Iterator[None]:
    """Evaluation mode and still weights for as long as the block lasts, also around an error.

    No weight asks for a gradient, so that none is computed or kept; afterwards every weight asks as it did before.
    Pixels are shown as they are, since a probe may move them out of their range.
    """
    asking = [weight for weight in net.parameters() if weight.requires_grad]
    with spare(), unchecked(), evaluating(net):
        try:
            for weight in asking:
                weight.requires_grad_(False)
            yield
        finally:
            for weight in asking:
                weight.requires_grad_(True)


def replaced(output: Any, change: Callable[[Tensor], Tensor | None]) -> Any:
    """A module's output, a tensor or some of them, with those tensors changed for which `change` gives another."""
    if isinstance(output, Tensor):
        other = change(output)
        return output if other is None else other
    if isinstance(output, (tuple, list)):
        return type(output)([replaced(value, change) for value in output])
    return output
