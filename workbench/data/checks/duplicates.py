"""Detection of duplicate images, to prevent leakage from training to test."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pandas as pd

from workbench.data.items import SPLITS, Items
from workbench.data.pixels.image_files import UnreadableImage
from workbench.data.pixels.pixel_sources import hash_content

COLUMNS = ["id", "split", "twin", "twin_split", "same_split"]


def find_duplicates(items: Items, rows: np.ndarray) -> pd.DataFrame:
    """Find images with the same content as an earlier one, together with that one.

    Files are first compared by size, so that only candidates are read. Copies of one image in synthetic domains are
    not counted as duplicates.
    """
    duplicates = []
    for group in _group_by_content(items, _group_by_size(items, [int(r) for r in rows])):
        first = _select_reference(items, group)
        for row in group:
            if row != first:
                splits = [SPLITS[items.splits[r]] for r in (row, first)]
                duplicates.append([items.ids[row], splits[0], items.ids[first], splits[1], splits[0] == splits[1]])
    return pd.DataFrame(duplicates, columns=COLUMNS)


def _select_reference(items: Items, group: list[int]) -> int:
    """Select the image that the others are compared with: a training image, if there is one."""
    return min(group, key=lambda r: (items.splits[r], r))


def _group_by_size(items: Items, rows: list[int]) -> Iterable[list[int]]:
    sizes: dict[int, list[int]] = {}
    for row in [] if getattr(items.pixel_source, "has_unique_images", False) else rows:
        path = items.path(row)
        try:
            size = -1 if path is None else os.stat(path).st_size
        except OSError:
            continue
        sizes.setdefault(size, []).append(row)
    return (group for group in sizes.values() if len(group) > 1)


def _group_by_content(items: Items, groups: Iterable[list[int]]) -> Iterable[list[int]]:
    for group in groups:
        contents: dict[bytes, list[int]] = {}
        for row in group:
            try:
                content = hash_content(items.read(row))
            except (OSError, ValueError, UnreadableImage):
                continue
            key = content + str(items.shift(row)).encode()
            contents.setdefault(key, []).append(row)
        yield from (rows for rows in contents.values() if len(rows) > 1)
