"""Where pixels come from."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from workbench.errors import Unavailable
from workbench.images.image_files import Unreadable
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


def test_a_dataset_gives_bytes_in_one_scale():
    wide = np.linspace(0, 1, 60).reshape(3, 4, 5)
    shares, bytes_ = Dataset([(wide, 0), (wide / 2, 0)]), Dataset([(wide.transpose(1, 2, 0) * 255, 0), (wide, 0)])
    assert np.array_equal(shares.read(0), bytes_.read(0)) and shares.read(0).shape == (4, 5, 3)
    assert shares.read(1).max() == 128
    assert bytes_.read(1).max() == 1  # a dark image of the scale 0 to 255 is dark
    twelve = Dataset([(np.full((4, 5), value, np.uint16), 0) for value in (0, 4000, 2000)])
    assert twelve.deep_scale() == (0, 4095) and twelve.read(2).max() == 125
    assert Dataset([(np.full((4, 5), 2000, np.uint16), 0)], (0, 4000)).read(0).max() == 128


def test_a_dataset_refuses_what_lies_beyond_its_scale():
    dataset = Dataset([(np.full((4, 5), value, np.float32), 0) for value in (1.0, -0.5, np.nan)])
    for row, sentence in ((1, r"-0.5 to -0.5, beyond the set's 0 to 1; .* pixel_range=\(-0.5, 1\)"), (2, "finite")):
        with pytest.raises(Unreadable, match=sentence):
            dataset.read(row)


def test_pillow_pictures_of_a_dataset_are_what_they_show():
    palette = Image.new("P", (5, 4), 1)
    palette.putpalette([10, 20, 30, 200, 100, 50])
    ink = Image.new("CMYK", (5, 4), (255, 0, 0, 0))
    dataset = Dataset([(image, 0) for image in (palette, ink, Image.new("1", (5, 4), 1), Image.new("L", (5, 4), 90))])
    assert [dataset.read(row)[0, 0].tolist() for row in range(4)] == [[200, 100, 50], [0, 255, 255], 255, 90]


def test_raw_pixels_cut_short_are_told(tmp_path):
    (tmp_path / "p").write_bytes(bytes(range(20)))
    raw = RawFile(str(tmp_path / "p"), np.array([[2, 3, 1], [3, 3, 1], [2, 3, 1]]))
    assert raw.read(1).tolist() == np.arange(6, 15).reshape(3, 3, 1).tolist()
    with pytest.raises(Unreadable, match="end too early"):
        raw.read(2)
