"""Attention weights of transformers, captured during a forward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from workbench.nets.hooks import attach_forward_hooks


@contextlib.contextmanager
def capture_attention(net: nn.Module) -> Iterator[list[Tensor]]:
    """Capture the attention weights (B, heads, N, N) of every block that runs within the `with`, in order.

    Blocks of timm pass them to a dropout, `attn_drop`, unless they use a fused kernel that does not store them: fused
    attention is turned off meanwhile.
    """
    blocks: list[Any] = [
        module for module in net.modules() if isinstance(getattr(module, "attn_drop", None), nn.Module)
    ]
    fused = {block: block.fused_attn for block in blocks if getattr(block, "fused_attn", False)}
    weights: list[Tensor] = []

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        weights.append(output.detach())

    try:
        for block in fused:
            block.fused_attn = False
        with attach_forward_hooks([block.attn_drop for block in blocks], hook):
            yield weights
    finally:
        for block in fused:
            block.fused_attn = True
