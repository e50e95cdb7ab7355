"""Images that are all but the same: saved anew, resized or made a little brighter, so that their bytes differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from workbench.images import Images

SIZE = 32  # pixels: of the squares that are compared
PLACE = 5  # which neighbour says how far apart different images of these data lie
RATIO = 0.33  # share of that distance below which the nearest is no different image
MOST, CHUNK = 4000, 500  # images of the side that is judged by, and those compared at once
COLUMNS = ["id", "twin", "distance", "usual"]


def near_duplicates(judged: Images, learnt: Images) -> pd.DataFrame:
    """Images of one split with one of the other that is far nearer than the next ones are.

    Distances are those of small squares whose brightness and contrast are taken away. An image is a near duplicate
    if its nearest neighbour lies within a third of the distance of its fifth, and of that to the nearest which images
    of the training split have among themselves: how alike different images of the data are does not matter then, as
    in the ratio test of Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94.

    Returns:
        A row an image: id, twin (its nearest), distance and usual (the lesser of the two it is held against), 0 to 2.
    """
    if len(learnt) < PLACE or not len(judged):
        return pd.DataFrame(columns=COLUMNS)
    rows = np.unique(np.linspace(0, len(judged) - 1, min(MOST, len(judged))).astype(int))
    known, names = squares(learnt, np.arange(len(learnt))), learnt.frame["id"].to_numpy()
    among, found = _among(known), []
    for some in np.array_split(rows, -(-len(rows) // CHUNK)):
        apart = np.maximum(2 - 2 * squares(judged, some) @ known.T, 0) ** 0.5
        near = np.argpartition(apart, PLACE - 1, axis=1)[:, :PLACE]
        lengths = np.sort(np.take_along_axis(apart, near, 1), 1)
        ids = judged.frame["id"].to_numpy()[some]
        columns = (ids, names[apart.argmin(1)], lengths[:, 0], np.minimum(lengths[:, -1], among))
        found.append(pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))))
    told = pd.concat(found, ignore_index=True)
    return told[told["distance"] < RATIO * told["usual"]].reset_index(drop=True)


def _among(known: np.ndarray) -> float:
    """How far an image is from the nearest other one, at the median."""
    rows = np.unique(np.linspace(0, len(known) - 1, min(CHUNK, len(known))).astype(int))
    apart = np.maximum(2 - 2 * known[rows] @ known.T, 0) ** 0.5
    apart[np.arange(len(rows)), rows] = np.inf
    return float(np.median(apart.min(1)))


def squares(part: Images, rows: np.ndarray) -> np.ndarray:
    """Small squares as rows (N, D) of mean 0 and length 1; those of one colour alone are all 0."""
    x, _ = part.view(SIZE, "bilinear", 1.0).batch(rows)
    flat = x.float().numpy()[:, :, :SIZE, :SIZE].reshape(len(rows), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
