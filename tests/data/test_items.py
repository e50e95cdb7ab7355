"""The rows of a source."""

from __future__ import annotations

import pickle

import numpy as np

import workbench as wb


def test_taken_rows_keep_everything_of_theirs():
    items = wb.load_images("digits", domains={"a": None, "b": "noise"}).items
    some = items.take(np.array([1800, 3]))
    assert some.ids == ["b/0003", "a/0003"] and some.hash_keys == ["0003", "0003"]
    assert [str(some.shift(r)) for r in (0, 1)] == ["noise:3", "None"]
    assert np.array_equal(np.asarray(some.read(0)), np.asarray(items.read(3)))


def test_shifted_pixels_go_by_a_key_of_their_own():
    items = wb.load_images("digits", domains={"a": None, "b": "noise", "c": "noise:4"}).items
    keys = {items.cache_key(row, b"content") for row in (3, 1800, 3597)}
    assert len(keys) == 3 and b"content" in keys


def test_another_process_opens_caches_of_its_own():
    images = wb.load_images("digits")
    images.view(8).load_batch([1])
    assert images.items.caches and not pickle.loads(pickle.dumps(images.items)).caches
