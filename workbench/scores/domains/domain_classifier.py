"""Cross-validated linear classifier of two domains."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.scores.labeled_rows import to_labeled_rows, to_matrix
from workbench.scores.softmax_regression import cross_val_predict_proba


def predict_domains(source: Any, target: Any, folds: int, strength: float, seed: int) -> tuple[Tensor, Tensor]:
    """Predict the domain of each image by cross-validation: probabilities (N + M, 2), and true domains (N + M,).

    Raises:
        BadValue: features of different width, or an option out of range.
        BadData: NaN, constant features, or too few images.
    """
    sides = [to_matrix(source, "source features"), to_matrix(target, "target features")]
    widths = [side.shape[1] for side in sides]
    if widths[0] != widths[1]:
        raise BadValue(
            f"expected features of the same backbone for both domains; got {widths[0]} and {widths[1]} features"
        )
    if min(map(len, sides)) < 2:
        raise BadData(f"expected at least two images per domain; got {len(sides[0])} and {len(sides[1])}")
    if all(isinstance(side, Tensor) for side in sides):
        values: Any = torch.cat([side.to(sides[0].device) for side in sides])
    else:
        values = np.concatenate([side.cpu().numpy() if isinstance(side, Tensor) else side for side in sides])
    given = to_labeled_rows(values, np.repeat([0, 1], [len(side) for side in sides]))
    return cross_val_predict_proba(given, folds, strength, seed), given.labels
