"""Validation after an epoch: on the source's valid split, and on the target's if there is one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from workbench.data.batches import Batches
from workbench.data.labeled_images import Images
from workbench.evaluation import ViewReader, concat_predictions, evaluate_logits, predict_logits
from workbench.loop import distributed
from workbench.loop.device import rank_and_world
from workbench.metrics import Evaluation
from workbench.nets.net import Net
from workbench.nets.partition.partitioned_net import PartitionedNet
from workbench.strategies import Strategy


def validate_splits(
    net: Net,
    strategy: Strategy,
    batches: Batches,
    device: torch.device,
    autocast: torch.dtype | None,
    make_view_reader: Callable[[Images], ViewReader | None] = lambda part: None,
) -> dict[str, dict[str, float]]:
    """Compute the metrics per split: `valid` of the source domain, `target` of the target domain; empty without images.

    Args:
        make_view_reader: returns the reader of a part's cached views; None for its pixels.
    """
    images = batches.images
    parts = {"valid": images.source.subset("valid")}
    if images.target is not None:
        parts["target"] = images.target.subset("valid")
    # every process computes with the statistics of the first
    distributed.broadcast_tensors([*net.buffers(), *strategy.buffers()])
    results = {}
    for name, part in parts.items():
        if len(part):
            evaluation = evaluate_part(net, strategy, part, device, autocast, make_view_reader(part))
            # the best epoch is decided on one process: on other machines the last digits may differ
            results[name] = distributed.broadcast_answer("metrics", evaluation and evaluation.summary())
    return results


def evaluate_part(
    net: Net,
    strategy: Strategy,
    part: Images,
    device: torch.device,
    autocast: torch.dtype | None,
    reader: ViewReader | None = None,
) -> Evaluation | None:
    """Evaluate one part, shared among the processes of the run; None on all of them except the first.

    Raises:
        BadData: none of the images can be read.
    """
    rank, world = rank_and_world()
    rows = np.arange(len(part))[rank::world]
    predictions = predict_logits(
        PartitionedNet(net), part, device=device, predict=strategy.logits, rows=rows, autocast=autocast, reader=reader
    )
    gathered = distributed.gather_answers("answers", predictions)
    if rank:
        return None
    logits, kept_rows = concat_predictions([piece for pieces in gathered for piece in pieces], part)
    order = np.argsort(kept_rows, kind="stable")
    return evaluate_logits(logits[order], kept_rows[order], part)
