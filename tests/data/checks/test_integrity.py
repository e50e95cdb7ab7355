"""The quick look at both ends of a file."""

from __future__ import annotations

import io

import pytest
from PIL import Image

import workbench as wb
from workbench.data.checks.integrity import check_file


def photo() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((120, 90), 80).convert("RGB").save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (photo(), None),
        (photo() + b"\0" * 5000, None),  # some cameras write more after the end
        (photo()[:2000], "ends too early"),
        (b"", "empty"),
        (b"<html>", "web page"),
        (b"words", "not an image"),
    ],
)
def test_a_look_tells_sound_from_broken(tmp_path, content: bytes, why: str | None):
    (tmp_path / "a.jpg").write_bytes(content)
    found, _ = check_file(str(tmp_path / "a.jpg"))
    assert found is None if why is None else why in found


def test_a_folder_named_like_an_image_and_a_missing_file(tmp_path):
    (tmp_path / "b.png").mkdir()
    assert check_file(str(tmp_path / "b.png")) == ("it is a folder", None)
    assert check_file(str(tmp_path / "c.png")) == ("the file is not there", None)


def test_opening_leaves_broken_files_out_before_the_splits_are_made(make_tree):
    root = make_tree({"a": 5, "b": 5})
    for name in ("x.jpg", "y.png", "z.gif"):
        (root / "a" / name).write_bytes(photo()[:500])
    images = wb.load_images(root)
    assert len(images) == 10 and images.problems["id"].tolist() == ["a/x.jpg", "a/y.png", "a/z.gif"]
    assert "3 left out" in repr(images)


@pytest.mark.parametrize(("ending", "more"), [("tif", True), ("gif", True), ("png", True), ("jpg", False)])
def test_files_of_several_pages_or_frames_are_counted(tmp_path, ending, more):
    pages = [Image.new("RGB", (24, 24), color) for color in ("red", "green", "blue")]
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for row in range(3):
            pages[0].save(tmp_path / label / f"{row}.png")
    options = {"save_all": True, "append_images": pages[1:]} if more else {}
    pages[0].save(tmp_path / "a" / f"pages.{ending}", **options)
    images = wb.load_images(tmp_path)
    said = [note for note in images.notes if "several pages or frames" in note]
    assert len(said) == int(more)
    if more:
        assert said[0].startswith(f"1 of 7 files hold several pages or frames, such as a/pages.{ending}")
        assert any("several pages" in reason for reason in images.problems["reason"])
