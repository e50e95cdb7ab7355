"""Attention in separate operations, for half precision on a CPU: torch's fused kernel is slow there in backward."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional as F


def compute_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    **options: Any,
) -> Tensor:
    """Compute attention in three steps, with matrices in the precision of autocast.

    With a mask, or options that need it, `F.scaled_dot_product_attention` itself is called.

    Args:
        q: queries (..., N, D).
        k: keys (..., M, D).
        v: values (..., M, D').
        scale: factor of the scores; 1/√D if None.

    Returns:
        (..., N, D')
    """
    if attn_mask is not None or is_causal or any(options.values()):
        return F.scaled_dot_product_attention(q, k, v, attn_mask, dropout_p, is_causal, scale=scale, **options)
    scores = (q * (q.shape[-1] ** -0.5 if scale is None else scale)) @ k.mT
    return F.dropout(scores.softmax(-1), dropout_p) @ v
