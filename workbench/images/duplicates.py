"""Images that occur twice: the guard against leakage from training to test."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pandas as pd

from workbench.images.image_files import Unreadable
from workbench.images.items import SPLITS, Items
from workbench.images.origins import digest

COLUMNS = ["id", "split", "twin", "twin_split", "same_split"]


def duplicates(items: Items, rows: np.ndarray) -> pd.DataFrame:
    """Each image whose content an earlier one has too, with that earlier one.

    Files are first compared by size, so that only likely ones are read. Made domains of one image are not
    counted as its duplicates.
    """
    found = []
    for group in _same(items, _suspects(items, [int(r) for r in rows])):
        first = _twin_first(items, group)
        for row in group:
            if row != first:
                splits = [SPLITS[items.splits[r]] for r in (row, first)]
                found.append([items.ids[row], splits[0], items.ids[first], splits[1], splits[0] == splits[1]])
    return pd.DataFrame(found, columns=COLUMNS)


def _twin_first(items: Items, group: list[int]) -> int:
    """The one that the others are compared with: a training image, if there is one."""
    return min(group, key=lambda r: (items.splits[r], r))


def _suspects(items: Items, rows: list[int]) -> Iterable[list[int]]:
    sizes: dict[int, list[int]] = {}
    for row in [] if getattr(items.origin, "distinct", False) else rows:
        path = items.path(row)
        try:
            size = -1 if path is None else os.stat(path).st_size
        except OSError:
            continue
        sizes.setdefault(size, []).append(row)
    return (group for group in sizes.values() if len(group) > 1)


def _same(items: Items, suspects: Iterable[list[int]]) -> Iterable[list[int]]:
    for group in suspects:
        contents: dict[bytes, list[int]] = {}
        for row in group:
            try:
                content = digest(items.read(row))
            except (OSError, ValueError, Unreadable):
                continue
            key = content + str(items.shift(row)).encode()
            contents.setdefault(key, []).append(row)
        yield from (rows for rows in contents.values() if len(rows) > 1)
