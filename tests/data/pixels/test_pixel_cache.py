"""No file is read twice; where no store can be had, training goes on without one."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest
from PIL import Image

import workbench as wb
from workbench.data.pixels import pixel_cache
from workbench.data.pixels.pixel_sources import FileSource
from workbench.errors import Unavailable


@pytest.fixture
def reads(monkeypatch) -> list[int]:
    """The rows whose files are read from now on."""
    seen: list[int] = []
    real = FileSource.read

    def counted(self: FileSource, row: int) -> bytes:
        seen.append(row)
        return real(self, row)

    monkeypatch.setattr(FileSource, "read", counted)
    return seen


def test_the_second_epoch_and_the_second_run_read_no_image(make_tree, reads):
    root = make_tree({"a": 10, "b": 10})
    view = wb.load_images(root).view(16)
    first = view.load_batch(range(20))[0]
    assert len(reads) == 20
    view.load_batch(range(20))
    view.pixel_cache.flush()
    again = wb.load_images(root).view(16)
    assert (again.load_batch(range(20))[0] == first).all() and len(reads) == 20


def test_a_changed_file_is_read_again_and_a_copied_set_is_not_decoded_again(make_tree, reads, monkeypatch):
    root = make_tree({"a": 4, "b": 4})
    wb.load_images(root).view(16).pixel_cache.flush()
    list(wb.load_images(root).view(16).fill_cache())
    Image.new("RGB", (9, 9), "red").save(root / "a" / "000.png")
    view = wb.load_images(root).view(16)
    assert view.load_batch([0])[0][0, :, 8, 8].tolist() == [255, 0, 0] and len(reads) == 9
    view.pixel_cache.flush()
    shutil.copytree(root, root.with_name("copy"))
    monkeypatch.setattr(pixel_cache, "decode_square", None)
    assert wb.load_images(root.with_name("copy")).view(16).load_batch(range(8))[1].all()


def test_a_file_that_vanishes_is_still_there_once_stored(make_tree):
    root = make_tree({"a": 4, "b": 4})
    first = wb.load_images(root)
    stored = first.view(16).load_batch(range(8))[0]
    first.view(16).pixel_cache.flush()
    images = wb.load_images(root)
    (root / "a" / "000.png").unlink()
    pixels, kept = images.view(16).load_batch(range(8))
    assert kept.all() and (pixels == stored).all()


def test_a_broken_row_is_left_out_and_listed(make_tree):
    root = make_tree({"a": 4, "b": 4}, kind="jpg")
    images = wb.load_images(root)
    whole = (root / "a" / "001.jpg").read_bytes()
    (root / "a" / "001.jpg").write_bytes(whole[:300])
    (root / "b" / "003.jpg").unlink()
    pixels, kept = images.view(16).load_batch([1, 0, 7, 4])
    assert kept.tolist() == [False, True, False, True] and pixels.shape == (2, 3, 18, 18)
    listed = images.problems.set_index("id")["reason"]
    assert "ends too early" in listed["a/001.jpg"] and listed["b/003.jpg"] == "the file is not there"


def test_a_folder_that_vanishes_is_one_sentence_not_a_thousand_problems(make_tree):
    root = make_tree({"a": 4, "b": 4})
    view = wb.load_images(root).view(16)
    shutil.rmtree(root)
    with pytest.raises(Unavailable, match=r"the folder .*pets is missing; .*connect it again"):
        view.load_batch(range(8))
    with pytest.raises(Unavailable, match="there is no folder or table"):
        wb.load_images(root)


def test_a_home_that_cannot_be_written_warns_once_and_decodes(make_tree, monkeypatch, tmp_path, caplog):
    (tmp_path / "taken").write_text("a file where the home should be")
    root = make_tree({"a": 4, "b": 4})
    expected = wb.load_images(root).view(16).load_batch(range(8))[0]
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "taken"))
    view = wb.load_images(root).view(16)
    with caplog.at_level(logging.WARNING, "workbench"):
        for _ in range(3):
            assert (view.load_batch(range(8))[0] == expected).all()
    assert len([r for r in caplog.records if "not stored on disk" in r.message]) == 1


def test_a_store_that_fills_up_in_the_middle_goes_on(make_tree, monkeypatch, caplog, reads):
    root = make_tree({"a": 4, "b": 4})
    monkeypatch.setattr(pixel_cache, "MAX_MEMORY_BYTES", 3 * 18 * 18 * 2)
    monkeypatch.setattr("workbench.data.pixels.pixel_store.SLOT_BLOCK", 3)
    view = wb.load_images(root).view(16)
    view.load_batch([0, 1, 2])
    monkeypatch.setenv("WORKBENCH_PIXELS_GB", "0.0000001")
    reads.clear()
    first, second = view.load_batch(range(8)), view.load_batch(range(8))
    assert first[1].all() and (first[0] == second[0]).all()
    # three are stored and two fit in memory, so three are read twice
    assert set(reads) == {3, 4, 5, 6, 7} and len(reads) == 8
    assert list(view.fill_cache())[-1] == 8


def test_filling_tells_how_far_it_is_and_can_be_left_and_taken_up(make_tree, monkeypatch, reads):
    monkeypatch.setattr(pixel_cache, "CHUNK_SIZE", 5)
    root = make_tree({"a": 10, "b": 10})
    assert list(wb.load_images(root).view(16).fill_cache(stop=lambda: len(reads) >= 10)) == [0, 5, 10]
    assert list(wb.load_images(root).view(16).fill_cache())[-1] == 20
    assert len(reads) == 20


def test_the_same_row_twice_in_a_batch(make_tree):
    pixels, kept = wb.load_images(make_tree({"a": 4, "b": 4})).view(16).load_batch([3, 3, 0])
    assert kept.all() and (pixels[0] == pixels[1]).all() and not np.array_equal(pixels[0], pixels[2])
