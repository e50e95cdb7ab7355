"""A small table of items, with any of its columns replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from workbench.data.items import UNDECIDED, Items, Labels
from workbench.data.pixels.pixel_sources import ArraySource


@pytest.fixture
def make_items() -> Callable[..., Items]:
    """Eight images of the classes a and b in turn, undecided and without domains; other columns by keyword."""

    def make(**columns) -> Items:
        count = 8
        items = Items(
            name="eight",
            pixel_source=ArraySource(np.arange(count * 16, dtype=np.uint8).reshape(count, 4, 4)),
            source_index=np.arange(count),
            ids=[f"i{row}" for row in range(count)],
            labels=Labels("classes", np.arange(count) % 2, {"": ("a", "b")}),
            splits=np.full(count, UNDECIDED, np.int8),
            domains=np.full(count, -1, np.int16),
        )
        return replace(items, **columns)

    return make
