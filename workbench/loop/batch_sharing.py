"""Batches shared among processes: all start from the same weights, and agree on which images count in a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import nn

from workbench.data.labeled_images import Images
from workbench.errors import BadData
from workbench.formatting import join_names
from workbench.loop.device import rank_and_world
from workbench.loop.distributed import broadcast_tensors, gather_answers
from workbench.strategies import Batch


class BatchShare(NamedTuple):
    """Share of a batch that one process computes.

    Attributes:
        batch: its images.
        n_images: images of the leading stream that count here; 0 if another process counts the same ones.
        n_images_total: images that count on all processes together.
        n_chunks: largest number of chunks in which a process takes a batch.
    """

    batch: Batch
    n_images: int
    n_images_total: int
    n_chunks: int


class BatchCounts(NamedTuple):
    """Numbers of a process's batch: images of its leading and of its smallest stream, and chunks."""

    n_leading: int
    n_smallest: int
    n_chunks: int


def synchronize_modules(modules: Sequence[nn.Module], images: Sequence[Images], step: int) -> None:
    """Give all processes of a run the weights and buffers of the first; without effect in a single process.

    Args:
        images: images of each task.
        step: updates done already.

    Raises:
        BadData: a process has other images, or another state.
    """
    if rank_and_world()[1] == 1:
        return
    seen = gather_answers("beginning", {"images": [part.fingerprint for part in images], "updates done": step})
    for rank, theirs in enumerate(seen):
        odd = [name for name, value in theirs.items() if value != seen[0][name]]
        if odd:
            raise BadData(
                f"expected the same {join_names(odd)} on all processes of the run, but process {rank + 1} of "
                f"{len(seen)} differs from the first: give all of them the same run folder and the same files"
            )
    for module in modules:
        broadcast_tensors([*module.parameters(), *module.buffers()])


def share_batch(
    batch: Batch,
    read_batch: Callable[[Sequence[int]], Batch],
    n_chunks: int,
    *,
    min_per_process: int,
    min_per_batch: int,
    lead_stream: str = "labelled",
) -> BatchShare | None:
    """Return the share of a batch that this process computes; None on all processes if too few images could be read.

    A process with too few images hands them to another one, and computes the same images with weight 0: so it makes as
    many updates as the others, and the state of its strategy stays equal to theirs.

    Args:
        batch: images of this process that could be read.
        read_batch: returns the batch made of the images of some processes, by rank.
        n_chunks: number of chunks in which this process takes a batch.
        min_per_process: images of each stream that a process needs.
        min_per_batch: images of each stream that a batch needs.
        lead_stream: stream whose images count.
    """
    counts = gather_answers("batch", count_batch(batch, n_chunks, lead_stream))
    short = [rank for rank, one in enumerate(counts) if one.n_smallest < min_per_process]
    if short and len(counts) > 1:
        taker = next((rank for rank in range(len(counts)) if rank not in short), 0)
        group = sorted({taker, *short})
        if rank_and_world()[0] in group:
            batch = read_batch(group)
        counts = reassign_images(
            gather_answers("batch handed on", count_batch(batch, n_chunks, lead_stream)), taker, group, min_per_process
        )
    if sum(one.n_smallest for one in counts) < min_per_batch:
        return None
    n_total, n_chunks_max = sum(one.n_leading for one in counts), max(one.n_chunks for one in counts)
    return BatchShare(batch, counts[rank_and_world()[0]].n_leading, n_total, n_chunks_max)


def reassign_images(
    counts_by_rank: list[BatchCounts], taker: int, group: list[int], min_per_process: int
) -> list[BatchCounts]:
    """Return the counts of all processes after one of a group has taken over the images of the whole group.

    Raises:
        BadData: it can read images that others of the group cannot.
    """
    blind = [
        rank for rank in group if counts_by_rank[rank].n_smallest < min_per_process <= counts_by_rank[taker].n_smallest
    ]
    if blind:
        raise BadData(
            f"process {blind[0] + 1} of {len(counts_by_rank)} cannot read the images of a batch that process "
            f"{taker + 1} reads; give it the same files, then resume"
        )
    counts = counts_by_rank[taker].n_smallest >= min_per_process
    idle = [rank for rank in group if rank != taker or not counts]
    return [one._replace(n_leading=0, n_smallest=0) if rank in idle else one for rank, one in enumerate(counts_by_rank)]


def count_batch(batch: Batch, n_chunks: int, lead_stream: str) -> BatchCounts:
    """Count the images and chunks of this process's batch."""
    return BatchCounts(len(batch[lead_stream].x), min(len(stream.x) for stream in batch.values()), n_chunks)
