"""Content hash of a set of images, to detect that a data set has changed."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import numpy as np

from workbench.data.pixels.pixel_sources import hash_content

if TYPE_CHECKING:
    from workbench.data.items import Items
    from workbench.data.labeled_images import Images

SMALL_SET_IMAGES = 4096  # images up to which all are read
SMALL_SET_BYTES = 256_000_000  # on disk, up to which all are read
SAMPLE_SIZE = 256  # images read of larger sets, evenly spaced; of the others only the size on disk
MAX_FILE_SIZES = 50_000  # files whose size is queried
GENERATED_SAMPLE_SIZE = 16  # images read of generated sets: their recipe is in the plan


def content_digest(images: Images) -> str:
    """Return twelve characters that depend on the pixels, and not on the path or time of the files.

    All images of a small set are read; of a large set a sample is read, and the sizes of the other files are included.
    """
    items, rows = images.items, images.rows
    sizes = [_file_size(items, int(row)) for row in _sample_evenly(rows, MAX_FILE_SIZES)]
    small = len(rows) <= SMALL_SET_IMAGES and sum(sizes) <= SMALL_SET_BYTES
    max_rows = (
        GENERATED_SAMPLE_SIZE
        if getattr(items.pixel_source, "has_unique_images", False)
        else len(rows)
        if small
        else SAMPLE_SIZE
    )
    digest = hashlib.blake2b(np.array(sizes, np.int64).tobytes(), digest_size=6)
    for row in _sample_evenly(rows, max_rows):
        digest.update(_row_digest(items, int(row)))
    return digest.hexdigest()


def _sample_evenly(rows: np.ndarray, max_rows: int) -> np.ndarray:
    """Select at most `max_rows` of the rows, evenly spaced."""
    return (
        rows[np.unique(np.linspace(0, len(rows) - 1, min(max_rows, len(rows))).astype(np.int64))] if len(rows) else rows
    )


def _file_size(items: Items, row: int) -> int:
    path = items.path(row)
    try:
        return 0 if path is None else os.stat(path).st_size
    except OSError:
        return -1


def _row_digest(items: Items, row: int) -> bytes:
    try:
        return hash_content(items.read(row))
    except (OSError, ValueError):
        return b"unreadable"
