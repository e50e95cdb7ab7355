"""The pixel store under `kill -9`, beside other processes, on a full or read-only disk."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.data.pixels import cache_limits
from workbench.data.pixels.decoding import ResizeConfig
from workbench.data.pixels.pixel_store import PixelStore, StoreFull, StoreUnavailable

HOUSE = Path(__file__).parents[2]

FILL = """
import sys
import workbench as wb
import workbench.data.pixels.pixel_store as store
store.MAX_PENDING = 3
for done in wb.load_images(sys.argv[1]).view(48).fill_cache():
    sys.stdout.write(f"{done}\\n")
    sys.stdout.flush()
"""


def filler(root: Path, chunk: int = 4) -> subprocess.Popen:
    script = FILL.replace(
        "for done", f"import workbench.data.pixels.pixel_cache as cache\ncache.CHUNK_SIZE = {chunk}\nfor done"
    )
    return subprocess.Popen([sys.executable, "-c", script, str(root)], cwd=HOUSE, stdout=subprocess.PIPE, text=True)


def square(value: int, edge: int = 4) -> np.ndarray:
    return np.full((3, edge, edge), value, np.uint8)


def exact(root: Path, size: int = 48) -> np.ndarray:
    """The squares as decoding gives them, without the store."""
    images = wb.load_images(root)
    return np.stack([images.pixels(i, round(size / 0.875)) for i in range(len(images))]).transpose(0, 3, 1, 2)


def test_what_is_added_is_found_again_by_content_and_by_file():
    store = PixelStore(ResizeConfig(4))
    stamp = (b"/some/a.png", 10, 99)
    slot = store.add(b"key-a", b"content-a", stamp, square(7))
    assert (store.gather(np.array([slot])) == 7).all()
    assert store.find_slots([b"key-a"]).tolist() == [-1]  # not before it is on disk
    store.flush()
    other = PixelStore(ResizeConfig(4))
    assert other.find_slots([b"key-a", None, b"key-b"]).tolist() == [slot, -1, -1]
    changed, gone = (stamp[0], 10, 100), (stamp[0], None, None)
    assert other.find_contents([stamp, changed, gone, None]) == [b"content-a", None, b"content-a", None]
    assert (other.gather(np.array([slot, slot])) == 7).all()


def test_sizes_and_interpolations_lie_apart():
    folders = {PixelStore(ResizeConfig(*how)).folder for how in ((4, "bilinear"), (5, "bilinear"), (4, "bicubic"))}
    assert len(folders) == 3


def test_two_stores_never_share_a_slot():
    one, two = PixelStore(ResizeConfig(4)), PixelStore(ResizeConfig(4))
    slots = [s.add(bytes([i]), bytes([i]), None, square(i)) for i in range(150) for s in (one, two)]
    assert len(set(slots)) == 300


def test_a_pixel_file_that_was_deleted_or_cut_is_begun_anew():
    store = PixelStore(ResizeConfig(4))
    store.add(b"k", b"c", None, square(1))
    store.flush()
    path = store._pixel_path()
    path.write_bytes(b"")
    again = PixelStore(ResizeConfig(4))
    assert again.find_slots([b"k"]).tolist() == [-1] and again._pixel_path() != path


def test_a_store_removed_to_make_room_is_not_mixed_up_with_its_successor():
    old = PixelStore(ResizeConfig(4))
    slot = old.add(b"k", b"c", None, square(1))
    old.flush()
    cache_limits._remove_store(old.folder)
    new = PixelStore(ResizeConfig(4))
    new.add(b"other", b"other", None, square(2))
    new.flush()
    assert (old.gather(np.array([slot])) == 1).all()
    with pytest.raises(StoreUnavailable, match="replaced"):
        old.find_slots([b"other"])


def test_a_full_store_says_so_and_keeps_what_it_has(monkeypatch):
    store = PixelStore(ResizeConfig(64))
    slot = store.add(b"k", b"c", None, square(3, 64))
    store._free_slots = []
    monkeypatch.setenv("WORKBENCH_PIXELS_GB", "0.0000001")
    with pytest.raises(StoreFull, match="limit of disk space"):
        store.add(b"l", b"d", None, square(4, 64))
    assert (store.gather(np.array([slot])) == 3).all()


def test_a_kill_in_mid_write_leaves_nothing_torn(make_tree):
    root = make_tree({"a": 60, "b": 60})
    truth = exact(root)
    done = 0
    for wait in (2, 5, 9):  # lines of progress after which the process is killed
        process = filler(root)
        lines = [process.stdout.readline() for _ in range(wait)]
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert lines[-1]
        view = wb.load_images(root).view(48)
        first = next(iter(view.fill_cache()))
        rows = view.rows
        view.pixel_cache._find_unknown_rows(rows)
        known = np.flatnonzero(view.pixel_cache.slots >= 0)
        assert len(known) >= done and first == 0
        done = len(known)
        assert np.array_equal(view.pixel_cache.store.gather(view.pixel_cache.slots[known]), truth[known])
    assert 0 < done < 120
    assert np.array_equal(wb.load_images(root).view(48).load_batch(range(120))[0].numpy(), truth)


def test_two_processes_may_fill_at_once(make_tree):
    root = make_tree({"a": 80, "b": 80})
    both = [filler(root, chunk) for chunk in (4, 7)]
    outs = [process.communicate(timeout=120)[0].split() for process in both]
    assert [out[-1] for out in outs] == ["160", "160"] and [p.returncode for p in both] == [0, 0]
    view = wb.load_images(root).view(48)
    view.pixel_cache._find_unknown_rows(view.rows)
    assert (view.pixel_cache.slots >= 0).all()
    assert np.array_equal(view.load_batch(range(160))[0].numpy(), exact(root))
