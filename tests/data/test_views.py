"""What training reads: squares by row."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, UnknownName


def test_the_stored_square_leaves_room_for_the_crop():
    images = wb.load_images("digits")
    sizes = ((224, 0.875), (224, 1.0), (128, 0.875), (240, 0.95))
    assert [images.view(s, crop_pct=p).stored_size for s, p in sizes] == [256, 224, 146, 253]


def test_a_batch_has_the_shape_and_order_asked_for():
    view = wb.load_images("digits").view(16)
    pixels, kept = view.load_batch(np.array([5, 2, 9]))
    assert pixels.shape == (3, 3, 18, 18) and pixels.dtype == torch.uint8 and kept.tolist() == [True] * 3
    assert all((view.load_batch([r])[0][0] == p).all() for r, p in zip((5, 2, 9), pixels, strict=True))
    assert view.load_batch([])[0].shape == (0, 3, 18, 18)


def test_parts_share_what_is_stored():
    images = wb.load_images("digits")
    valid = images.subset("valid")
    assert valid.view(16).pixel_cache is images.view(16).pixel_cache
    row = int(np.flatnonzero(images.frame["split"] == "valid")[3])
    assert (valid.view(16).load_batch([3])[0] == images.view(16).load_batch([row])[0]).all()


def test_a_view_goes_through_pickle():
    view = wb.load_images("digits").view(16)
    expected = view.load_batch([1, 2])[0]
    assert (pickle.loads(pickle.dumps(view)).load_batch([1, 2])[0] == expected).all()


def test_filling_obeys_an_event():
    stop = threading.Event()
    stop.set()
    assert list(wb.load_images("digits").view(16).fill_cache(stop=stop)) == [0]
    assert list(wb.load_images("digits").view(16).fill_cache(rows=[1, 2, 3])) == [0, 3]


def test_many_threads_may_ask_at_once():
    view = wb.load_images("digits").view(16)
    expected = wb.load_images("digits").view(16, interpolation="bilinear").load_batch(range(200))[0]
    found: dict[int, torch.Tensor] = {}
    threads = [threading.Thread(target=lambda i=i: found.update({i: view.load_batch(range(200))[0]})) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all((f == expected).all() for f in found.values())


@pytest.mark.parametrize(("size", "share"), [(0, 0.9), (5000, 0.9), (32.5, 0.9), (True, 0.9), (32, 0), (32, 1.1)])
def test_a_size_or_share_out_of_range_is_refused(size, share):
    with pytest.raises(BadValue):
        wb.load_images("digits").view(size, crop_pct=share)


def test_an_unknown_interpolation_is_refused():
    with pytest.raises(UnknownName, match="bilinear"):
        wb.load_images("digits").view(32, interpolation="bilinea")
