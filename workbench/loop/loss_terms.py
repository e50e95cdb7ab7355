"""Loss terms between two points of a training, averaged over the images for which they were computed."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.strategies import Losses

StepLosses = list[tuple[Losses, int]]  # loss terms of each step since the last point, with the number of images
TermSums = tuple[dict[str, tuple[float, int]], int]  # by term, its sum over its images and their number; all images


def sum_loss_terms(steps: StepLosses) -> TermSums:
    """Sum each loss term over its images; return the sums with the number of images, and the number of all images."""
    sums: dict[str, tuple[float, int]] = {}
    for name in dict.fromkeys(name for losses, _ in steps for name in losses):
        had = [(losses[name], count) for losses, count in steps if name in losses]
        sums[name] = float(sum(loss * count for loss, count in had)), sum(count for _, count in had)
    return sums, sum(count for _, count in steps)


def average_loss_terms(processes: Sequence[TermSums]) -> tuple[dict[str, float], dict[str, float]]:
    """Average the loss and its terms over several processes: each term over the images that had it.

    Returns:
        `{"loss": …}`, empty if there was no term, and the terms by name.
    """
    images = sum(count for _, count in processes)
    terms, loss = {}, 0.0
    for name in dict.fromkeys(name for sums, _ in processes for name in sums):
        had = sum(sums[name][1] for sums, _ in processes if name in sums)
        terms[name] = sum(sums[name][0] for sums, _ in processes if name in sums) / had
        loss += terms[name] * (had / images)
    return ({"loss": loss} if terms else {}), terms
