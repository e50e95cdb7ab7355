"""Decoded pixels keep to their share of the disk."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

import workbench as wb
from workbench.data.pixels import cache_limits
from workbench.data.pixels.decoding import ResizeConfig
from workbench.data.pixels.pixel_store import PixelStore


def square(value: int, edge: int) -> np.ndarray:
    return np.full((3, edge, edge), value, np.uint8)


def test_room_is_made_by_removing_what_was_used_longest_ago(monkeypatch):
    stores = {}
    for age, edge in ((300, 101), (100, 102), (200, 103)):
        stores[edge] = PixelStore(ResizeConfig(edge))
        for i in range(30):
            stores[edge].add(bytes([i]), bytes([i]), None, square(1, edge))
        stores[edge].flush()
        os.utime(stores[edge].folder / "used", (time.time() - age,) * 2)
    keep = stores[102].folder
    monkeypatch.setenv("WORKBENCH_PIXELS_GB", "0.004")
    assert cache_limits.make_room(keep, 1_700_000)
    assert not stores[101].folder.exists() and stores[103].folder.exists() and keep.exists()
    assert not cache_limits.make_room(keep, 9_000_000) and keep.exists()


def test_a_store_half_removed_by_a_killed_process_goes(home):
    store = PixelStore(ResizeConfig(101))
    left = store.folder.with_name(".gone-1234")
    (left / "inner").mkdir(parents=True)
    assert cache_limits.make_room(store.folder, 1) and not left.exists() and store.folder.exists()


def test_a_budget_that_is_no_number_is_refused(monkeypatch, home):
    monkeypatch.setenv("WORKBENCH_PIXELS_GB", "lots")
    with pytest.raises(wb.WorkbenchError, match="number of gigabytes"):
        cache_limits.max_cache_bytes(home)


def test_a_fifth_of_the_free_disk_unless_told(monkeypatch, home):
    free = cache_limits.shutil.disk_usage(home).free
    assert abs(cache_limits.max_cache_bytes(home) - 0.2 * free) < 0.01 * free
    monkeypatch.setenv("WORKBENCH_PIXELS_GB", "2.5")
    assert cache_limits.max_cache_bytes(home) == 2_500_000_000
