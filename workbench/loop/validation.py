"""Validation after an epoch: the source's valid split, and the target's where there is one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from workbench.evaluation import Reading, answered, joined, judged
from workbench.images import Images
from workbench.images.batches import Batches
from workbench.loop import distributed
from workbench.loop.device import rank_and_world
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
    # every process answers with the statistics of the first
    distributed.take_first([*net.buffers(), *strategy.buffers()])
    results = {}
    for name, part in parts.items():
        if len(part):
            found = judge(net, strategy, part, place, autocast, reading(part))
            # which epoch is the best is decided once: on other machines the last digits may differ
            results[name] = distributed.first("metrics", found and found.summary())
    return results


def judge(
    net: Net,
    strategy: Strategy,
    part: Images,
    place: torch.device,
    autocast: torch.dtype | None,
    reading: Reading | None = None,
) -> Evaluation | None:
    """The evaluation of one part, shared among the processes of the run; None on all but the first of them.

    Raises:
        BadData: none of the images can be read.
    """
    rank, world = rank_and_world()
    rows = np.arange(len(part))[rank::world]
    own = answered(net, part, device=place, predict=strategy.predict, rows=rows, autocast=autocast, reading=reading)
    found = distributed.gather("answers", own)
    if rank:
        return None
    logits, kept = joined([piece for pieces in found for piece in pieces], part)
    order = np.argsort(kept, kind="stable")
    return judged(logits[order], kept[order], part)
