"""Validation after an epoch: the source's valid split, and the target's where there is one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.distributed as dist

from workbench.evaluation import Reading, answers, judged
from workbench.images import Images
from workbench.images.batches import Batches
from workbench.metrics import Evaluation
from workbench.nets import Net
from workbench.strategies import Strategy


def validate(
    net: Net,
    strategy: Strategy,
    batches: Batches,
    place: torch.device,
    autocast: torch.dtype | None,
    reading: Callable[[Images], Reading | None] = lambda part: None,
) -> dict[str, dict[str, float]]:
    """Metrics by split: `valid` is the source domain's, `target` the target domain's; none where it has no images.

    Args:
        reading: where the views of a part come from; None is its pixels.
    """
    images = batches.images
    parts = {"valid": images.source.part("valid")}
    if images.target is not None:
        parts["target"] = images.target.part("valid")
    return {
        n: judge(net, strategy, part, place, autocast, reading(part)).summary()
        for n, part in parts.items()
        if len(part)
    }


def judge(
    net: Net,
    strategy: Strategy,
    part: Images,
    place: torch.device,
    autocast: torch.dtype | None,
    reading: Reading | None = None,
) -> Evaluation:
    """The evaluation of one part, shared among the processes of the run."""
    shared = dist.is_initialized()
    rows = np.arange(len(part))
    if shared:
        for buffer in net.buffers():  # every process answers with the statistics of the first
            dist.broadcast(buffer, 0)
        rows = rows[dist.get_rank() :: dist.get_world_size()]
    logits, kept = answers(
        net, part, device=place, predict=strategy.predict, rows=rows, autocast=autocast, reading=reading
    )
    if shared:
        gathered: list = [None] * dist.get_world_size()
        dist.all_gather_object(gathered, (logits, kept))
        logits = np.concatenate([piece[0] for piece in gathered])
        kept = np.concatenate([piece[1] for piece in gathered])
    order = np.argsort(kept, kind="stable")
    return judged(logits[order], kept[order], part)
