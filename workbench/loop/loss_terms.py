"""Terms of a loss between two points of a training, averaged over the images that had them."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.strategies import Losses

Seen = list[tuple[Losses, int]]  # loss terms since the last point, and the images they are from
Sums = tuple[dict[str, tuple[float, int]], int]  # by term, its sum over the images that had it; and all images


def summed(seen: Seen) -> Sums:
    """The terms of a loss, each summed over the images that had it, with their number; and the number of all images."""
    sums: dict[str, tuple[float, int]] = {}
    for name in dict.fromkeys(name for losses, _ in seen for name in losses):
        had = [(losses[name], count) for losses, count in seen if name in losses]
        sums[name] = float(sum(loss * count for loss, count in had)), sum(count for _, count in had)
    return sums, sum(count for _, count in seen)


def averaged(found: Sequence[Sums]) -> tuple[dict[str, float], dict[str, float]]:
    """The loss of an image, and its terms, over several processes: each the mean over the images that had it.

    Returns:
        `{"loss": …}`, empty where there was none, and the terms by name.
    """
    images = sum(count for _, count in found)
    terms, loss = {}, 0.0
    for name in dict.fromkeys(name for sums, _ in found for name in sums):
        had = sum(sums[name][1] for sums, _ in found if name in sums)
        terms[name] = sum(sums[name][0] for sums, _ in found if name in sums) / had
        loss += terms[name] * (had / images)
    return ({"loss": loss} if terms else {}), terms
