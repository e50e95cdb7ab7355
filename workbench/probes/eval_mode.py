"""Evaluation mode and frozen weights for a probe, restored afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch import nn

from workbench._threads import limit_to_free_cores
from workbench.nets.input_check import skip_pixel_check
from workbench.nets.shape_inference import NET_LOCK, eval_mode


@contextlib.contextmanager
def freeze_in_eval_mode(net: nn.Module) -> Iterator[None]:
    """Set evaluation mode and freeze all weights for the duration of the block; restored also after an error.

    No weight requires gradients, so that none are computed or stored; afterwards `requires_grad` is as before. The
    check of pixels is off, since a probe may move them out of their range.
    """
    trainable = [weight for weight in net.parameters() if weight.requires_grad]
    with limit_to_free_cores(), skip_pixel_check(), use_eval_mode(net):
        try:
            for weight in trainable:
                weight.requires_grad_(False)
            yield
        finally:
            for weight in trainable:
                weight.requires_grad_(True)


@contextlib.contextmanager
def use_eval_mode(net: nn.Module) -> Iterator[None]:
    """Set evaluation mode for the duration of the block; every module's own mode is restored.

    One thread at a time: two threads with hooks on the same net would capture each other's outputs and restore each
    other's modes.
    """
    with NET_LOCK, eval_mode(net):
        yield
