"""Two domains as one problem: which domain is an image from?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.scores.logistic import held_out
from workbench.scores.rows import matrix, rows


def told_apart(source: Any, target: Any, folds: int, strength: float, seed: int) -> tuple[Tensor, Tensor]:
    """Each image's domain as a classifier that did not see it tells: probabilities (N + M, 2), and the truth (N + M,).

    Raises:
        BadValue: features of unequal width, or an option out of range.
        BadData: NaN, constant features, or too few images.
    """
    sides = [matrix(source, "source features"), matrix(target, "target features")]
    widths = [side.shape[1] for side in sides]
    if widths[0] != widths[1]:
        raise BadValue(f"both domains need features of one backbone; they are {widths[0]} and {widths[1]} wide")
    if min(map(len, sides)) < 2:
        raise BadData(f"each domain needs at least two images; there are {len(sides[0])} and {len(sides[1])}")
    if all(isinstance(side, Tensor) for side in sides):
        values: Any = torch.cat([side.to(sides[0].device) for side in sides])
    else:
        values = np.concatenate([side.cpu().numpy() if isinstance(side, Tensor) else side for side in sides])
    given = rows(values, np.repeat([0, 1], [len(side) for side in sides]))
    return held_out(given, folds, strength, seed), given.labels
