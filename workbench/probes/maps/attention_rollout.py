"""Attention rollout: attention from the output to the patches, multiplied through all blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from workbench.errors import BadValue
from workbench.probes.maps import methods
from workbench.probes.maps.attention import capture_attention
from workbench.probes.maps.base import SaliencyMethod, SaliencyQuery

if TYPE_CHECKING:
    from workbench.nets.net import Net


@methods.add("attention-rollout")
class AttentionRollout(SaliencyMethod):
    """Attention multiplied through all blocks, from the output's token to the patches; independent of the target.

    Args:
        heads: how the heads of a block are combined.
    """

    paper = "Abnar & Zuidema 2020, arXiv:2005.00928"
    reads_stage = True

    def __init__(self, *, heads: Literal["mean", "max", "min"] = "mean") -> None:
        self.heads = heads

    @torch.no_grad()
    def maps(self, query: SaliencyQuery) -> Tensor:
        """Return rows of the product of (attention + identity) / 2: the class token's, or the mean of the patches'."""
        feature_map, net = query.feature_map, query.net
        if feature_map.n_prefix_tokens is None:
            raise BadValue(self._refusal_message(net))
        tokens = feature_map.n_prefix_tokens + feature_map.map_size**2
        with capture_attention(net) as weights:
            query.score()
        matching = [a for a in weights if a.ndim == 4 and a.shape[-2:] == (tokens, tokens) and len(a) == len(query.x)]
        if not matching:
            raise BadValue(self._refusal_message(net))
        flow: Any = torch.eye(tokens, device=query.x.device)
        for attention in matching:
            flow = self._add_residual(attention) @ flow
        row = flow[:, 0] if feature_map.n_prefix_tokens else flow.mean(1)
        return row[:, feature_map.n_prefix_tokens :].unflatten(1, (feature_map.map_size, feature_map.map_size))

    def _add_residual(self, attention: Tensor) -> Tensor:
        """Combine one block's heads (B, heads, N, N) -> (B, N, N), and add the residual with equal weight."""
        a = attention.mean(1) if self.heads == "mean" else getattr(attention, f"a{self.heads}")(1)
        a = a + torch.eye(a.shape[-1], device=a.device) * a.sum(-1, keepdim=True)
        return a / a.sum(-1, keepdim=True)

    @staticmethod
    def _refusal_message(net: Net) -> str:
        kind = type(net.backbone).__name__
        return (
            f"attention rollout needs attention between all patches, which a {kind} does not compute; "
            "use grad-cam, which works for every family"
        )
