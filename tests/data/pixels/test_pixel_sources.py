"""Where pixels come from."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from workbench.data.pixels.image_files import UnreadableImage
from workbench.data.pixels.pixel_sources import DatasetSource, FileSource, RawFileSource, hash_content
from workbench.errors import Unavailable


def test_contents_are_told_apart_by_bytes_and_by_shape():
    x = np.arange(12, dtype=np.uint8)
    names = {hash_content(x.reshape(s)) for s in ((3, 4), (4, 3), (2, 6), (12, 1))} | {hash_content(x.tobytes())}
    assert len(names) == 5 and all(len(n) == 16 for n in names)
    assert hash_content(x.reshape(3, 4)[:, ::2]) == hash_content(np.ascontiguousarray(x.reshape(3, 4)[:, ::2]))


def test_a_file_that_is_gone_is_told_from_a_folder_that_is_gone(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    files = FileSource(str(root), ["a.png"])
    assert files.stamp(0)[1:] == (None, None)
    with pytest.raises(FileNotFoundError):
        files.read(0)
    root.rmdir()
    with pytest.raises(Unavailable, match="the folder .* is missing"):
        files.read(0)


def test_a_dataset_gives_bytes_in_one_scale():
    wide = np.linspace(0, 1, 60).reshape(3, 4, 5)
    shares, bytes_ = (
        DatasetSource([(wide, 0), (wide / 2, 0)]),
        DatasetSource([(wide.transpose(1, 2, 0) * 255, 0), (wide, 0)]),
    )
    assert np.array_equal(shares.read(0), bytes_.read(0)) and shares.read(0).shape == (4, 5, 3)
    assert shares.read(1).max() == 128
    assert bytes_.read(1).max() == 1  # a dark image of the scale 0 to 255 is dark
    twelve = DatasetSource([(np.full((4, 5), value, np.uint16), 0) for value in (0, 4000, 2000)])
    assert twelve.non_default_range() == (0, 4095) and twelve.read(2).max() == 125
    assert DatasetSource([(np.full((4, 5), 2000, np.uint16), 0)], (0, 4000)).read(0).max() == 128


def test_a_dataset_refuses_what_lies_beyond_its_scale():
    dataset = DatasetSource([(np.full((4, 5), value, np.float32), 0) for value in (1.0, -0.5, np.nan)])
    for row, sentence in ((1, r"-0.5 to -0.5, outside the set's 0 to 1; .* pixel_range=\(-0.5, 1\)"), (2, "finite")):
        with pytest.raises(UnreadableImage, match=sentence):
            dataset.read(row)


def test_pillow_pictures_of_a_dataset_are_what_they_show():
    palette = Image.new("P", (5, 4), 1)
    palette.putpalette([10, 20, 30, 200, 100, 50])
    ink = Image.new("CMYK", (5, 4), (255, 0, 0, 0))
    dataset = DatasetSource(
        [(image, 0) for image in (palette, ink, Image.new("1", (5, 4), 1), Image.new("L", (5, 4), 90))]
    )
    assert [dataset.read(row)[0, 0].tolist() for row in range(4)] == [[200, 100, 50], [0, 255, 255], 255, 90]


def test_raw_pixels_cut_short_are_told(tmp_path):
    (tmp_path / "p").write_bytes(bytes(range(20)))
    raw = RawFileSource(str(tmp_path / "p"), np.array([[2, 3, 1], [3, 3, 1], [2, 3, 1]]))
    assert raw.read(1).tolist() == np.arange(6, 15).reshape(3, 3, 1).tolist()
    with pytest.raises(UnreadableImage, match="end too early"):
        raw.read(2)
