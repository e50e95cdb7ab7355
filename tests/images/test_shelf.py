"""No file is read twice; where no store can be had, training goes on without one."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest
from PIL import Image

import workbench as wb
from workbench.errors import Unavailable
from workbench.images import shelf
from workbench.images.origins import Files


@pytest.fixture
def reads(monkeypatch) -> list[int]:
    """The rows whose files are read from now on."""
    seen: list[int] = []
    real = Files.read

    def counted(self: Files, row: int) -> bytes:
        seen.append(row)
        return real(self, row)

    monkeypatch.setattr(Files, "read", counted)
    return seen


def test_the_second_epoch_and_the_second_run_read_no_image(make_tree, reads):
    root = make_tree({"a": 10, "b": 10})
    view = wb.images(root).view(16)
    first = view.batch(range(20))[0]
    assert len(reads) == 20
    view.batch(range(20))
    view.shelf.flush()
    again = wb.images(root).view(16)
    assert (again.batch(range(20))[0] == first).all() and len(reads) == 20


def test_a_changed_file_is_read_again_and_a_copied_set_is_not_decoded_again(make_tree, reads, monkeypatch):
    root = make_tree({"a": 4, "b": 4})
    wb.images(root).view(16).shelf.flush()
    list(wb.images(root).view(16).fill())
    Image.new("RGB", (9, 9), "red").save(root / "a" / "000.png")
    view = wb.images(root).view(16)
    assert view.batch([0])[0][0, :, 8, 8].tolist() == [255, 0, 0] and len(reads) == 9
    view.shelf.flush()
    shutil.copytree(root, root.with_name("copy"))
    monkeypatch.setattr(shelf, "looked_at", None)
    assert wb.images(root.with_name("copy")).view(16).batch(range(8))[1].all()


def test_a_file_that_vanishes_is_still_there_once_stored(make_tree):
    root = make_tree({"a": 4, "b": 4})
    first = wb.images(root)
    stored = first.view(16).batch(range(8))[0]
    first.view(16).shelf.flush()
    images = wb.images(root)
    (root / "a" / "000.png").unlink()
    pixels, kept = images.view(16).batch(range(8))
    assert kept.all() and (pixels == stored).all()


def test_a_broken_row_is_left_out_and_listed(make_tree):
    root = make_tree({"a": 4, "b": 4}, kind="jpg")
    images = wb.images(root)
    whole = (root / "a" / "001.jpg").read_bytes()
    (root / "a" / "001.jpg").write_bytes(whole[:300])
    (root / "b" / "003.jpg").unlink()
    pixels, kept = images.view(16).batch([1, 0, 7, 4])
    assert kept.tolist() == [False, True, False, True] and pixels.shape == (2, 3, 18, 18)
    listed = images.problems.set_index("id")["reason"]
    assert "ends too early" in listed["a/001.jpg"] and listed["b/003.jpg"] == "the file is not there"


def test_a_folder_that_vanishes_is_one_sentence_not_a_thousand_problems(make_tree):
    root = make_tree({"a": 4, "b": 4})
    view = wb.images(root).view(16)
    shutil.rmtree(root)
    with pytest.raises(Unavailable, match=r"the folder .*pets is gone; .*connect it again"):
        view.batch(range(8))
    with pytest.raises(Unavailable, match="there is no folder or table"):
        wb.images(root)


def test_a_home_that_cannot_be_written_warns_once_and_decodes(make_tree, monkeypatch, tmp_path, caplog):
    (tmp_path / "taken").write_text("a file where the home should be")
    root = make_tree({"a": 4, "b": 4})
    expected = wb.images(root).view(16).batch(range(8))[0]
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "taken"))
    view = wb.images(root).view(16)
    with caplog.at_level(logging.WARNING, "workbench"):
        for _ in range(3):
            assert (view.batch(range(8))[0] == expected).all()
    assert len([r for r in caplog.records if "not kept on disk" in r.message]) == 1


def test_a_store_that_fills_up_in_the_middle_goes_on(make_tree, monkeypatch, caplog, reads):
    root = make_tree({"a": 4, "b": 4})
    monkeypatch.setattr(shelf, "MEMORY", 3 * 18 * 18 * 2)
    monkeypatch.setattr("workbench.images.store.BLOCK", 3)
    view = wb.images(root).view(16)
    view.batch([0, 1, 2])
    monkeypatch.setenv("WORKBENCH_PIXELS_GB", "0.0000001")
    reads.clear()
    first, second = view.batch(range(8)), view.batch(range(8))
    assert first[1].all() and (first[0] == second[0]).all()
    # three are stored and two fit in memory, so three are read twice
    assert set(reads) == {3, 4, 5, 6, 7} and len(reads) == 8
    assert list(view.fill())[-1] == 8


def test_filling_tells_how_far_it_is_and_can_be_left_and_taken_up(make_tree, monkeypatch, reads):
    monkeypatch.setattr(shelf, "CHUNK", 5)
    root = make_tree({"a": 10, "b": 10})
    assert list(wb.images(root).view(16).fill(stop=lambda: len(reads) >= 10)) == [0, 5, 10]
    assert list(wb.images(root).view(16).fill())[-1] == 20
    assert len(reads) == 20


def test_the_same_row_twice_in_a_batch(make_tree):
    pixels, kept = wb.images(make_tree({"a": 4, "b": 4})).view(16).batch([3, 3, 0])
    assert kept.all() and (pixels[0] == pixels[1]).all() and not np.array_equal(pixels[0], pixels[2])
