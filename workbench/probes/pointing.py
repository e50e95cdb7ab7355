"""Does the map's highest place lie on the object?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue, printable_text

if TYPE_CHECKING:
    from workbench.probes.looking import Saliency


@dataclass(frozen=True)
class Pointing:
    """Hits of the pointing game.

    Attributes:
        method: of the maps.
        frame: a row a picture: id, hit, chance (share of the picture that counts as a hit) and energy (share of what
            the map shows that lies on the object, 0..1; NaN for an empty map).
        low: lower end of the 95 % interval of the rate.
        high: upper end.
    """

    method: str
    frame: pd.DataFrame
    low: float
    high: float

    @property
    def rate(self) -> float:
        """Share of hits, 0..1."""
        return float(self.frame["hit"].mean())

    @property
    def chance(self) -> float:
        """What a map that knows nothing would hit, 0..1."""
        return float(self.frame["chance"].mean())

    @printable_text
    def __str__(self) -> str:
        return f"{self.method}: {self.rate:.0%} hits ({self.low:.0%} to {self.high:.0%}), chance {self.chance:.0%}"


@check_arguments
def pointing_game(shown: Saliency, masks: np.ndarray, *, tolerance: float = 0.0) -> Pointing:
    """How often the highest place of a map lies on the object; an empty map is a miss.

    Zhang et al. 2016, arXiv:1608.00507; energy: Wang et al. 2020, arXiv:1910.01279.

    Args:
        shown: what `saliency` found.
        masks: (N, S, S) bool, the pixels of each picture's object; `wb.world.object_masks` knows those of the world.
        tolerance: how far beside the object still counts, as a share of the picture's edge, 0 to 0.5; the paper's is
            15 pixels of 224.

    Raises:
        BadValue: masks of another shape, or a tolerance out of range.
        BadData: a picture without an object.
    """
    masks = np.asarray(masks)
    if masks.shape != shown.maps.shape:
        raise BadValue(f"the masks are of the shape {masks.shape}, the maps {shown.maps.shape}: they must be the same")
    if not 0 <= tolerance <= 0.5:
        raise BadValue(f"the tolerance is a share of the picture's edge from 0 to 0.5; got {tolerance!r}")
    masks = masks.astype(bool)
    empty = np.flatnonzero(~masks.any(axis=(1, 2)))
    if len(empty):
        raise BadData(f"{len(empty)} masks are empty, the first that of picture {empty[0]}: leave those out")
    reach = round(tolerance * masks.shape[1])
    near = np.stack([binary_dilation(mask, iterations=reach) for mask in masks]) if reach else masks
    flat = shown.maps.reshape(len(shown), -1)
    hit = near.reshape(len(shown), -1)[np.arange(len(shown)), flat.argmax(1)] & (flat.max(1) > flat.min(1))
    spoken = np.maximum(flat, 0)
    total, inside = spoken.sum(1), (spoken * masks.reshape(len(shown), -1)).sum(1)
    energy = np.divide(inside, total, out=np.full(len(total), np.nan), where=total > 0)
    columns = {"id": shown.frame["id"], "hit": hit, "chance": near.mean(axis=(1, 2)), "energy": energy}
    low, high = wilson(int(hit.sum()), len(hit))
    return Pointing(shown.method, pd.DataFrame(columns), low, high)


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson 1927)."""
    share, more = hits / count, z * z / count
    middle, half = share + more / 2, z * np.sqrt(share * (1 - share) / count + more / (4 * count))
    return float((middle - half) / (1 + more)), float((middle + half) / (1 + more))
