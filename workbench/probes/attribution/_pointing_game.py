"""Pointing game: the share of saliency maps whose maximum is on the object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation

from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue, escape_returned_text
from workbench.probes.binomial_interval import wilson_interval

if TYPE_CHECKING:
    from workbench.probes.attribution._saliency import Saliency

__all__ = ["PointingGame", "pointing_game"]


@dataclass(frozen=True)
class PointingGame:
    """Hits of the pointing game.

    Attributes:
        method: of the maps.
        frame: one row per image: id, hit, chance (share of the image that counts as a hit) and energy (share of the
            map's positive values on the object, 0..1; NaN for an empty map).
        low: lower end of the 95 % interval of the hit rate.
        high: upper end.
    """

    method: str
    frame: pd.DataFrame
    low: float
    high: float

    @property
    def hit_rate(self) -> float:
        """Share of hits, 0..1."""
        return float(self.frame["hit"].mean())

    @property
    def chance_rate(self) -> float:
        """Expected share of hits of a random map, 0..1."""
        return float(self.frame["chance"].mean())

    @escape_returned_text
    def __str__(self) -> str:
        interval = f"{self.low:.0%} to {self.high:.0%}"
        return f"{self.method}: {self.hit_rate:.0%} hits ({interval}), chance {self.chance_rate:.0%}"


@check_arguments
def pointing_game(saliency: Saliency, masks: np.ndarray, *, tolerance: float = 0.0) -> PointingGame:
    """Measure how often the maximum of a map is on the object; an empty map is a miss.

    Source: Zhang et al. 2016, arXiv:1608.00507; energy: Wang et al. 2020, arXiv:1910.01279.

    Args:
        saliency: result of `saliency`.
        masks: (N, S, S) bool, the pixels of each image's object; `wb.world.object_masks` gives those of the world.
        tolerance: distance from the object that still counts, as a share of the image's edge, 0 to 0.5; the paper's is
            15 pixels of 224.

    Raises:
        BadValue: masks of another shape, or a tolerance out of range.
        BadData: an image without an object.
    """
    masks = np.asarray(masks)
    if masks.shape != saliency.maps.shape:
        raise BadValue(
            f"the masks are of the shape {masks.shape}, the maps {saliency.maps.shape}: they must be the same"
        )
    if not 0 <= tolerance <= 0.5:
        raise BadValue(f"expected a tolerance from 0 to 0.5, as a share of the image's edge; got {tolerance!r}")
    masks = masks.astype(bool)
    empty = np.flatnonzero(~masks.any(axis=(1, 2)))
    if len(empty):
        raise BadData(f"{len(empty)} masks are empty, the first that of image {empty[0]}: leave those out")
    radius = round(tolerance * masks.shape[1])
    hit_area = np.stack([binary_dilation(mask, iterations=radius) for mask in masks]) if radius else masks
    flat = saliency.maps.reshape(len(saliency), -1)
    hit = hit_area.reshape(len(saliency), -1)[np.arange(len(saliency)), flat.argmax(1)] & (flat.max(1) > flat.min(1))
    positive = np.maximum(flat, 0)
    total, inside = positive.sum(1), (positive * masks.reshape(len(saliency), -1)).sum(1)
    energy = np.divide(inside, total, out=np.full(len(total), np.nan), where=total > 0)
    columns = {"id": saliency.frame["id"], "hit": hit, "chance": hit_area.mean(axis=(1, 2)), "energy": energy}
    low, high = wilson_interval(int(hit.sum()), len(hit))
    return PointingGame(saliency.method, pd.DataFrame(columns), low, high)
