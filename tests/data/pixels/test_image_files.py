"""What is opened as an image file: regular files, image formats, and no more pixels than are allowed."""

from __future__ import annotations

import io
import os
import socket
import threading
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from PIL import Image

import workbench as wb
from workbench.data.pixels import image_files
from workbench.data.pixels.decoding import decode_image
from workbench.data.pixels.image_files import DEFAULT_MAX_PIXELS, UnreadableImage, open_file, open_image, read_header
from workbench.runs.build import check_plan
from workbench.runs.processes.launching import create_run_folder

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\nshowpage\n%%EOF\n"


def encoded(image: Image.Image, kind: str, **options) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file


def test_what_is_no_regular_file_is_listed_and_never_waited_for(make_tree):
    root = make_tree({"a": 6, "b": 6})
    os.mkfifo(root / "a/pipe.png")
    (root / "a/dangling.png").symlink_to(root / "nothing.png")
    (root / "a/round.png").symlink_to(root / "a/round.png")
    (root / "a/zero.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(str(root / "b/plug.png"))
        images = wb.load_images(root)
    assert len(images) == 12 and len(images.drop_unreadable()) == 12
    assert images.problems.set_index("id")["reason"].to_dict() == {
        "a/dangling.png": "it is a link to a missing file",
        "a/pipe.png": "it is a named pipe, not a file",
        "a/round.png": "it is a link that leads to itself",
        "a/zero.png": "it is a device, not a file",
        "b/plug.png": "it is a socket, not a file",
    }


def test_a_file_that_becomes_a_pipe_does_not_hang_a_large_set(make_tree, monkeypatch):
    monkeypatch.setattr("workbench.data.checks.integrity.MAX_FILES_CHECKED", 1)
    root = make_tree({"a": 3, "b": 3})
    images = wb.load_images(root)
    (root / "a/001.png").unlink()
    os.mkfifo(root / "a/001.png")
    assert images.view(8).load_batch(range(6))[1].sum() == 5
    assert images.problems["reason"].tolist() == ["it is a named pipe, not a file"]
    assert len(images.duplicates) == 0


def test_a_file_exchanged_for_a_pipe_while_it_is_opened_is_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "p.png")
    monkeypatch.setattr(image_files.os, "stat", lambda _path: os.lstat(__file__))
    with pytest.raises(UnreadableImage, match="named pipe"):
        open_file(str(tmp_path / "p.png"))


@pytest.fixture
def ghostscript(tmp_path, monkeypatch) -> Path:
    """The file that a made `gs` writes to when anything starts it."""
    told = tmp_path / "told"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gs").write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    (tmp_path / "bin/gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return told


def test_postscript_reaches_no_interpreter_whatever_its_name(make_tree, ghostscript):
    root = make_tree({"a": 3, "b": 3})
    for name in ("x.png", "y.jpg", "z.tif"):
        (root / "a" / name).write_bytes(POSTSCRIPT)
    images = wb.load_images(root)
    assert len(images.drop_unreadable()) == 6 and not ghostscript.exists()
    assert images.problems["reason"].str.contains("not an image").all() and len(images.problems) == 3
    with pytest.raises(UnreadableImage, match="not an image"):
        decode_image(POSTSCRIPT, 32)
    assert not ghostscript.exists()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "DIB", "PPM", "TIFF", "WEBP", "AVIF", "JPEG2000", "ICO"])
def test_the_wanted_formats_open(kind: str):
    header, name = read_header(encoded(Image.new("RGB", (48, 32), "red"), kind))
    assert name == kind and header.cropped_fraction == pytest.approx(1 / 3, abs=0.02) and not header.is_high_bit_depth
    assert decode_image(encoded(Image.new("RGB", (48, 48), "red"), kind).getvalue()).getpixel((20, 20))[0] > 240


@pytest.mark.parametrize("kind", ["EPS", "PDF", "IM", "SPIDER", "MSP"])
def test_other_formats_of_pillow_do_not(kind: str):
    image = Image.new({"SPIDER": "F", "MSP": "1"}.get(kind, "RGB"), (48, 32))
    with pytest.raises(UnreadableImage, match="not an image"):
        decode_image(encoded(image, kind).getvalue())


def test_one_function_opens_images():
    room = Path(wb.__file__).parent
    assert [p.name for p in room.rglob("*.py") if "Image.open(" in p.read_text()] == ["image_files.py"]


def test_the_limit_counts_the_pixels_that_are_decoded():
    plain, progressive = (
        encoded(Image.new("RGB", (1600, 1600)), "JPEG", progressive=p).getvalue() for p in (False, True)
    )
    assert decode_image(plain, 64, max_pixels=200 * 200).size == (200, 200)
    for raw, edge in ((plain, None), (plain, 400), (progressive, 64)):
        with pytest.raises(
            UnreadableImage, match=r"\(1,600 × 1,600\) is larger than 40,000 pixels.*max_pixels=2560000"
        ):
            decode_image(raw, edge, max_pixels=200 * 200)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF"])
def test_an_option_lifts_the_limit_of_pillow(kind: str, monkeypatch):
    raw = encoded(Image.new("RGB", (50, 40)), kind).getvalue()
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 900)
    with pytest.raises(UnreadableImage, match=r"larger than 1,800 pixels.*max_pixels="):
        decode_image(raw, max_pixels=1800)
    assert decode_image(raw, max_pixels=2000).size == (50, 40) and PIL.Image.MAX_IMAGE_PIXELS == 900


def test_pictures_beyond_pillows_limit_are_decoded_one_at_a_time(monkeypatch):
    raw = encoded(Image.new("RGB", (50, 40)), "PNG").getvalue()
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 900)
    inside, most = 0, 0

    def one() -> None:
        nonlocal inside, most
        with open_image(io.BytesIO(raw), 5000) as image:
            inside += 1
            most = max(most, inside)
            image.load()
            inside -= 1

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and PIL.Image.MAX_IMAGE_PIXELS == 900


def test_a_limit_is_an_option_and_kept_in_the_recipe(make_tree):
    root = make_tree({"a": 4, "b": 4})
    with pytest.raises(wb.WorkbenchError, match="none of the 8 images of pets can be read.*max_pixels=432"):
        wb.load_images(root, max_pixels=400)
    images = wb.load_images(root, max_pixels=432)
    assert images.choice.params["max_pixels"] == 432 and wb.load_images(root).choice.params == {}
    with pytest.raises(wb.WorkbenchError, match="max_pixels= is a limit for image files"):
        wb.load_images((np.zeros((4, 5, 5), np.uint8), list("abab")), max_pixels=10)
    for odd in (0, -1, 1.5, True, "9"):
        with pytest.raises(wb.WorkbenchError, match="max_pixels is a whole number from 1"):
            wb.load_images(root, max_pixels=odd)


def test_pillows_own_limit_raised_in_this_process_is_kept_with_the_run(make_tree, tiny_plan, monkeypatch):
    root = make_tree({"a": 4, "b": 4})
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(wb.WorkbenchError, match="max_pixels=432"):
        wb.load_images(root)
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", None)
    runs = [
        wb.load_run(create_run_folder(check_plan(tiny_plan(data=data)))) for data in (wb.load_images(root), str(root))
    ]
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100)  # as in a worker, which knows nothing of what was set here
    for run in runs:
        assert run.plan.data.params["max_pixels"] > DEFAULT_MAX_PIXELS and len(run.images) == 8
        assert run.images.view(8).load_batch(range(8))[1].all()


def test_a_limit_in_force_while_another_thread_lifts_it_is_the_process_s(monkeypatch):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 900)
    raw = encoded(Image.new("RGB", (50, 40)), "PNG")
    with open_image(raw, 5000):
        assert image_files.get_pixel_limit() == 1800
