"""Attention written out, for training in half precision on a CPU: torch's fused kernel is slow there, backward."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional as F


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    **how: Any,
) -> Tensor:
    """`F.scaled_dot_product_attention` in three steps, matrices in the precision of autocast; with a mask, itself.

    Args:
        q: queries (..., N, D).
        k: keys (..., M, D).
        v: values (..., M, D').
        scale: of the scores; 1/√D unless given.

    Returns:
        (..., N, D')
    """
    if attn_mask is not None or is_causal or any(how.values()):
        return F.scaled_dot_product_attention(q, k, v, attn_mask, dropout_p, is_causal, scale=scale, **how)
    scores = (q * (q.shape[-1] ** -0.5 if scale is None else scale)) @ k.mT
    return F.dropout(scores.softmax(-1), dropout_p) @ v
