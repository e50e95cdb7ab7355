"""Attention rollout: through which tokens the answer drew on which places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from workbench.errors import BadValue
from workbench.probes.maps import methods
from workbench.probes.maps.attention import attentions
from workbench.probes.maps.base import Method, Question

if TYPE_CHECKING:
    from workbench.nets import Net


@methods.add("attention-rollout")
class Rollout(Method):
    """Attention multiplied through all blocks, from the answer's token to the places; knows no target.

    Args:
        heads: how a block's heads become one.
    """

    source = "Abnar & Zuidema 2020, arXiv:2005.00928"
    reads_stage = True

    def __init__(self, *, heads: Literal["mean", "max", "min"] = "mean") -> None:
        self.heads = heads

    @torch.no_grad()
    def maps(self, asked: Question) -> Tensor:
        """Rows of the product of (attention + identity) / 2: the class token's, or the mean of the places'."""
        grid, net = asked.grid, asked.net
        if grid.prefix is None:
            raise BadValue(self._refusal(net))
        tokens = grid.prefix + grid.side**2
        with attentions(net) as heard:
            asked.score()
        same = [a for a in heard if a.ndim == 4 and a.shape[-2:] == (tokens, tokens) and len(a) == len(asked.x)]
        if not same:
            raise BadValue(self._refusal(net))
        flow: Any = torch.eye(tokens, device=asked.x.device)
        for attention in same:
            flow = self._mixed(attention) @ flow
        row = flow[:, 0] if grid.prefix else flow.mean(1)
        return row[:, grid.prefix :].unflatten(1, (grid.side, grid.side))

    def _mixed(self, attention: Tensor) -> Tensor:
        """One block's (B, heads, N, N) as (B, N, N), half of it the tokens' own way past the block."""
        a = attention.mean(1) if self.heads == "mean" else getattr(attention, f"a{self.heads}")(1)
        a = a + torch.eye(a.shape[-1], device=a.device) * a.sum(-1, keepdim=True)
        return a / a.sum(-1, keepdim=True)

    @staticmethod
    def _refusal(net: Net) -> str:
        kind = type(net.backbone).__name__
        return (
            f"attention rollout reads attention among all places, which a {kind} does not compute; "
            "take grad-cam, which works for every family"
        )
