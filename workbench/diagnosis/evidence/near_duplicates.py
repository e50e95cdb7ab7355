"""Near duplicates: images saved again, resized or slightly brightened, so that their bytes differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

THUMBNAIL_SIZE = 32  # edge of the compared thumbnails, in pixels
NEIGHBOR_RANK = 5  # rank of the neighbour taken as a different image
MAX_DISTANCE_RATIO = 0.33  # fraction of the reference distance below which two images are duplicates
MAX_IMAGES, CHUNK_SIZE = 4000, 500  # evaluation images compared at most, and images per matrix product
COLUMNS = ["id", "twin", "distance", "usual"]


def find_near_duplicates(eval_images: Images, train_images: Images) -> pd.DataFrame:
    """Find images of one split that are much nearer to an image of the other split than to their next neighbours.

    Distances are Euclidean between thumbnails normalised for brightness and contrast. An image is a near duplicate if
    its nearest neighbour is within a third of the distance to its fifth, and within a third of the median
    nearest-neighbour distance inside the training split. This adapts to how similar different images of the data set
    are, as does the ratio test of Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94.

    Returns:
        One row per image: id, twin (its nearest neighbour), distance and usual (the smaller of the two reference
        distances), 0 to 2.
    """
    if len(train_images) < NEIGHBOR_RANK or not len(eval_images):
        return pd.DataFrame(columns=COLUMNS)
    rows = np.unique(np.linspace(0, len(eval_images) - 1, min(MAX_IMAGES, len(eval_images))).astype(int))
    vectors, ids = (
        thumbnail_vectors(train_images, np.arange(len(train_images))),
        train_images.frame["id"].to_numpy(),
    )
    median, frames = _median_nearest_distance(vectors), []
    for chunk in np.array_split(rows, -(-len(rows) // CHUNK_SIZE)):
        distances = np.maximum(2 - 2 * thumbnail_vectors(eval_images, chunk) @ vectors.T, 0) ** 0.5
        nearest = np.argpartition(distances, NEIGHBOR_RANK - 1, axis=1)[:, :NEIGHBOR_RANK]
        nearest_distances = np.sort(np.take_along_axis(distances, nearest, 1), 1)
        columns = (
            eval_images.frame["id"].to_numpy()[chunk],
            ids[distances.argmin(1)],
            nearest_distances[:, 0],
            np.minimum(nearest_distances[:, -1], median),
        )
        frames.append(pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))))
    frame = pd.concat(frames, ignore_index=True)
    return frame[frame["distance"] < MAX_DISTANCE_RATIO * frame["usual"]].reset_index(drop=True)


def find_leaks(images: Images) -> pd.DataFrame:
    """Find validation images that are in the training split too, pixel by pixel or as near duplicates.

    Returns:
        One row per image, as of `find_near_duplicates`; `usual` is NaN for images that are equal pixel by pixel.
    """
    listed = images.duplicates
    across = listed[(listed["split"] == "valid") & (listed["twin_split"] == "train")]
    same = across[["id", "twin"]].assign(distance=0.0, usual=float("nan"))
    near = find_near_duplicates(images.subset("valid"), images.subset("train"))
    return pd.concat([same, near[~near["id"].isin(same["id"])]], ignore_index=True) if len(same) else near


def _median_nearest_distance(vectors: np.ndarray) -> float:
    """Compute the median distance of an image to its nearest other image."""
    rows = np.unique(np.linspace(0, len(vectors) - 1, min(CHUNK_SIZE, len(vectors))).astype(int))
    distances = np.maximum(2 - 2 * vectors[rows] @ vectors.T, 0) ** 0.5
    distances[np.arange(len(rows)), rows] = np.inf
    return float(np.median(distances.min(1)))


def thumbnail_vectors(images: Images, rows: np.ndarray) -> np.ndarray:
    """Compute thumbnails as vectors (N, D) of mean 0 and length 1; those of a uniform image are all 0."""
    x, _ = images.view(THUMBNAIL_SIZE, "bilinear", 1.0).load_batch(rows)
    flat = x.float().numpy()[:, :, :THUMBNAIL_SIZE, :THUMBNAIL_SIZE].reshape(len(rows), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
