"""What images hold, in a few characters: whether a data set is still the one that it was."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import numpy as np

from workbench.images.origins import digest

if TYPE_CHECKING:
    from workbench.images.items import Items
    from workbench.images.labelled import Images

ALL = 4096  # images of which every one is read
BYTES = 256_000_000  # that all of them may take on disk
SAMPLE = 256  # read of larger sets, evenly spaced; the others are known by their size on disk
SIZES = 50_000  # files whose size is asked for
MADE = 16  # read where images are made rather than stored: their recipe is in the plan


def content_digest(images: Images) -> str:
    """Return twelve characters that change with the pixels, and not with the place or time of the files.

    Every image of a small set is read; of a large one a sample is, and the sizes of the other files.
    """
    items, rows = images._items, images._rows
    sizes = [_size(items, int(row)) for row in _spread(rows, SIZES)]
    small = len(rows) <= ALL and sum(sizes) <= BYTES
    most = MADE if getattr(items.origin, "distinct", False) else len(rows) if small else SAMPLE
    total = hashlib.blake2b(np.array(sizes, np.int64).tobytes(), digest_size=6)
    for row in _spread(rows, most):
        total.update(_content(items, int(row)))
    return total.hexdigest()


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of the rows, evenly spaced."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64))] if len(rows) else rows


def _size(items: Items, row: int) -> int:
    path = items.path(row)
    try:
        return 0 if path is None else os.stat(path).st_size
    except OSError:
        return -1


def _content(items: Items, row: int) -> bytes:
    try:
        return digest(items.read(row))
    except (OSError, ValueError):
        return b"unreadable"
