"""A training that several processes share: they begin alike, and agree on whose images count in a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import nn

from workbench.errors import BadData
from workbench.images import Images
from workbench.loop.device import rank_and_world
from workbench.loop.distributed import gather, take_first
from workbench.strategies import Batch


class Share(NamedTuple):
    """What one process computes of a batch.

    Attributes:
        batch: its images.
        count: images of the leading stream that count here; 0 where another process counts the same ones.
        whole: images that count on all processes together.
        chunks: the largest number of parts that a process takes a batch in.
    """

    batch: Batch
    count: int
    whole: int
    chunks: int


class Having(NamedTuple):
    """What a process has of a batch: images of its leading and its smallest stream, parts that it takes them in."""

    leading: int
    smallest: int
    chunks: int


def begin_alike(modules: Sequence[nn.Module], images: Sequence[Images], step: int) -> None:
    """Gives all processes of a run the weights and buffers of the first; nothing where it is alone.

    Args:
        images: of each task.
        step: updates done already.

    Raises:
        BadData: a process sees other images, or another state.
    """
    if rank_and_world()[1] == 1:
        return
    seen = gather("beginning", {"images": [part.fingerprint for part in images], "updates done": step})
    for rank, theirs in enumerate(seen):
        odd = [name for name, value in theirs.items() if value != seen[0][name]]
        if odd:
            raise BadData(
                f"expected the same {' and '.join(odd)} on all processes of the run, but process {rank + 1} of "
                f"{len(seen)} sees others than the first: give all of them the same run folder and the same files"
            )
    for module in modules:
        take_first([*module.parameters(), *module.buffers()])


def shared(
    batch: Batch,
    again: Callable[[Sequence[int]], Batch],
    chunks: int,
    *,
    fewest: int,
    least: int,
    lead: str = "labelled",
) -> Share | None:
    """What this process computes of a batch; None on all processes where too few images could be read.

    A process that has too few images hands them to another one, and computes the same as that one with no weight: so it
    makes as many updates as the others, and what its strategy keeps stays like theirs.

    Args:
        batch: the images of this process that could be read.
        again: gives the batch as made of the images of some processes, by rank.
        chunks: parts that this process takes a batch in.
        fewest: images of each stream that a process needs.
        least: images of each stream that a batch needs.
        lead: the stream whose images count.
    """
    found = gather("batch", having(batch, chunks, lead))
    short = [rank for rank, one in enumerate(found) if one.smallest < fewest]
    if short and len(found) > 1:
        taker = next((rank for rank in range(len(found)) if rank not in short), 0)
        group = sorted({taker, *short})
        if rank_and_world()[0] in group:
            batch = again(group)
        found = handed_on(gather("batch handed on", having(batch, chunks, lead)), taker, group, fewest)
    if sum(one.smallest for one in found) < least:
        return None
    whole, most = sum(one.leading for one in found), max(one.chunks for one in found)
    return Share(batch, found[rank_and_world()[0]].leading, whole, most)


def handed_on(found: list[Having], taker: int, group: list[int], fewest: int) -> list[Having]:
    """What counts of what processes have, once one of a group computes the images of all of it.

    Raises:
        BadData: it can read what others of the group cannot.
    """
    blind = [rank for rank in group if found[rank].smallest < fewest <= found[taker].smallest]
    if blind:
        raise BadData(
            f"process {blind[0] + 1} of {len(found)} cannot read the images of a batch that process {taker + 1} reads; "
            "give it the same files, then resume"
        )
    counts = found[taker].smallest >= fewest
    idle = [rank for rank in group if rank != taker or not counts]
    return [one._replace(leading=0, smallest=0) if rank in idle else one for rank, one in enumerate(found)]


def having(batch: Batch, chunks: int, lead: str) -> Having:
    """What this process has of a batch."""
    return Having(len(batch[lead].x), min(len(stream.x) for stream in batch.values()), chunks)
