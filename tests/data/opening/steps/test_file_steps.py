"""Steps on image files: items in, items out."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from workbench.data.opening.load_options import LoadOptions
from workbench.data.opening.steps import file_steps
from workbench.data.pixels.image_files import DEFAULT_MAX_PIXELS
from workbench.data.pixels.pixel_sources import FileSource
from workbench.errors import BadData, BadValue


@pytest.fixture
def file_items(make_items, tmp_path):
    """The eight images as files of 12 bits."""
    for row in range(8):
        Image.fromarray(np.full((5, 5), 500 * row + 1, np.uint16)).save(tmp_path / f"{row}.png")
    return make_items(pixel_source=FileSource(str(tmp_path), [f"{row}.png" for row in range(8)]))


def test_set_pixel_limit(make_items, file_items):
    assert file_steps.set_pixel_limit(file_items, LoadOptions(max_pixels=30)).max_pixels == 30
    assert file_steps.set_pixel_limit(file_items, LoadOptions()).max_pixels == DEFAULT_MAX_PIXELS
    items = make_items()
    assert file_steps.set_pixel_limit(items, LoadOptions()) is items
    with pytest.raises(BadValue, match="max_pixels= is a limit for image files, and eight has none"):
        file_steps.set_pixel_limit(items, LoadOptions(max_pixels=30))


def test_set_pixel_limit_of_this_process(file_items, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    assert file_steps.set_pixel_limit(file_items, LoadOptions()).max_pixels == 100


def test_drop_invalid_files(make_items, file_items, tmp_path):
    (tmp_path / "3.png").write_bytes(b"nothing")
    remaining = file_steps.drop_invalid_files(file_items, LoadOptions())
    assert len(remaining) == 7 and remaining.read_log.is_checked
    assert [(name, path) for name, path, _ in remaining.excluded] == [("i3", str(tmp_path / "3.png"))]
    assert len(file_items) == 8 and not file_items.excluded and not file_items.read_log.is_checked
    for path in tmp_path.iterdir():
        path.unlink()
    with pytest.raises(BadData, match="none of the 8 images of eight can be read"):
        file_steps.drop_invalid_files(file_items, LoadOptions())
    in_memory = file_steps.drop_invalid_files(make_items(), LoadOptions())
    assert len(in_memory) == 8 and in_memory.read_log.is_checked


def test_set_pixel_range(make_items, file_items):
    items = file_steps.drop_invalid_files(file_items, LoadOptions())
    estimated = file_steps.set_pixel_range(items, LoadOptions())
    assert estimated.pixel_range == (0, 4095) and estimated.n_range_samples == 8
    given = file_steps.set_pixel_range(items, LoadOptions(pixel_range=(0, 9000)))
    assert given.pixel_range == (0, 9000) and not given.n_range_samples and items.pixel_range is None
    with pytest.raises(BadValue, match="eight has neither"):
        file_steps.set_pixel_range(make_items(), LoadOptions(pixel_range=(0, 9000)))
