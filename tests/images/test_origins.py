"""Where pixels come from."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import Unavailable
from workbench.images.decoding import Unreadable
from workbench.images.origins import Dataset, Files, RawFile, digest


def test_contents_are_told_apart_by_bytes_and_by_shape():
    x = np.arange(12, dtype=np.uint8)
    names = {digest(x.reshape(s)) for s in ((3, 4), (4, 3), (2, 6), (12, 1))} | {digest(x.tobytes())}
    assert len(names) == 5 and all(len(n) == 16 for n in names)
    assert digest(x.reshape(3, 4)[:, ::2]) == digest(np.ascontiguousarray(x.reshape(3, 4)[:, ::2]))


def test_a_file_that_is_gone_is_told_from_a_folder_that_is_gone(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    files = Files(str(root), ["a.png"])
    assert files.stamp(0)[1:] == (None, None)
    with pytest.raises(FileNotFoundError):
        files.read(0)
    root.rmdir()
    with pytest.raises(Unavailable, match="is gone"):
        files.read(0)


def test_a_dataset_gives_bytes_whatever_it_holds():
    wide = np.linspace(0, 1, 60).reshape(3, 4, 5)
    dataset = Dataset([(wide, 0), (wide.transpose(1, 2, 0) * 255, 0), (wide - 0.5, 0)])
    assert np.array_equal(dataset.read(0), dataset.read(1)) and dataset.read(0).shape == (4, 5, 3)
    with pytest.raises(Unreadable, match="neither 0 to 1 nor 0 to 255"):
        dataset.read(2)


def test_raw_pixels_cut_short_are_told(tmp_path):
    (tmp_path / "p").write_bytes(bytes(range(20)))
    raw = RawFile(str(tmp_path / "p"), np.array([[2, 3, 1], [3, 3, 1], [2, 3, 1]]))
    assert raw.read(1).tolist() == np.arange(6, 15).reshape(3, 3, 1).tolist()
    with pytest.raises(Unreadable, match="end too early"):
        raw.read(2)
