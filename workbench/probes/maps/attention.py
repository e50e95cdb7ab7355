"""The attention of transformers, heard while they compute it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from workbench.nets.hearing import hooked


@contextlib.contextmanager
def attentions(net: nn.Module) -> Iterator[list[Tensor]]:
    """The attention weights (B, heads, N, N) of every block that runs within the `with`, in order.

    Blocks of timm hand them to a dropout, `attn_drop`, unless they take a fused kernel that never holds them: that
    is turned off meanwhile.
    """
    blocks: list[Any] = [
        module for module in net.modules() if isinstance(getattr(module, "attn_drop", None), nn.Module)
    ]
    fused = {block: block.fused_attn for block in blocks if getattr(block, "fused_attn", False)}
    heard: list[Tensor] = []

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        heard.append(output.detach())

    try:
        for block in fused:
            block.fused_attn = False
        with hooked([block.attn_drop for block in blocks], hook):
            yield heard
    finally:
        for block in fused:
            block.fused_attn = True
