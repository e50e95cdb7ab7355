"""Every kind of image people have, and a sentence for those that are none."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from workbench.data.pixels import decoding
from workbench.data.pixels.decoding import ResizeConfig
from workbench.errors import UnknownName


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def corner(raw: bytes | np.ndarray) -> tuple[int, ...]:
    return decoding.decode_image(raw).getpixel((0, 0))


def levels(raw: bytes, pixel_range: tuple[float, float]) -> list[list[int]]:
    return np.asarray(decoding.decode_image(raw, pixel_range=pixel_range))[..., 0].tolist()


def test_greyscale_becomes_three_equal_channels():
    assert corner(encoded(Image.new("L", (4, 4), 90))) == (90, 90, 90)


def test_one_bit_is_black_and_white():
    assert corner(encoded(Image.new("1", (4, 4), 1))) == (255, 255, 255)


def test_transparency_lies_on_white():
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert corner(encoded(half)) == (255, 255, 255)
    assert corner(encoded(Image.new("LA", (4, 4), (0, 0)))) == (255, 255, 255)
    assert corner(encoded(Image.new("RGBA", (4, 4), (200, 0, 0, 128)))) == pytest.approx((227, 127, 127), abs=1)


def test_palette_with_a_transparent_colour_lies_on_white():
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([10, 20, 30, 200, 100, 50])
    assert corner(encoded(palette)) == (10, 20, 30)
    assert corner(encoded(palette, transparency=0)) == (255, 255, 255)
    assert corner(encoded(palette, "GIF", transparency=0)) == (255, 255, 255)


def test_a_transparent_colour_of_rgb_and_grey_lies_on_white():
    assert corner(encoded(Image.new("RGB", (4, 4), (1, 2, 3)), transparency=(1, 2, 3))) == (255, 255, 255)
    assert corner(encoded(Image.new("L", (4, 4), 7), transparency=7)) == (255, 255, 255)


def test_grey_and_palette_with_alpha_lie_on_white():
    assert corner(encoded(Image.new("LA", (4, 4), (100, 128)))) == pytest.approx((177,) * 3, abs=1)
    assert corner(encoded(Image.new("LA", (4, 4), (100, 255)), "TIFF")) == (100, 100, 100)
    premultiplied = Image.frombytes("La", (1, 1), bytes([50, 128]))
    assert decoding.from_pillow(premultiplied)[0, 0].tolist() == pytest.approx([177] * 3, abs=2)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([10, 20, 30, 200, 100, 50])
    half = encoded(palette, transparency=bytes([255, 128]))
    assert corner(half) == pytest.approx((227, 177, 152), abs=1)
    assert decoding.from_pillow(palette)[0, 0].tolist() == [200, 100, 50]


def test_cmyk_and_lab():
    assert corner(encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "TIFF")) == (0, 255, 255)
    assert corner(encoded(Image.new("CMYK", (16, 16), (0, 255, 0, 0)), "JPEG")) == pytest.approx((255, 0, 255), abs=3)
    assert corner(encoded(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG")) == (255, 255, 255)
    assert corner(encoded(Image.new("LAB", (4, 4), (255, 128, 128)), "TIFF"))[0] > 240


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG2000"])
def test_sixteen_bits_are_scaled_by_the_range_of_their_set(kind: str):
    grey = np.array([[4095, 0], [2048, 60000]], np.uint16)
    seen = np.asarray(decoding.decode_image(encoded(Image.fromarray(grey), kind), pixel_range=(0, 4095)))
    assert seen[..., 0].tolist() == [[255, 0], [128, 255]] and (seen == seen[..., :1]).all()


def test_sixteen_bits_in_any_order_of_bytes_and_of_shades():
    grey = np.array([[4095, 0], [2048, 1024]], np.uint16)
    swapped = Image.frombytes("I;16B", (2, 2), grey.astype(">u2").tobytes())
    assert levels(encoded(swapped, "TIFF"), (0, 4095)) == [[255, 0], [128, 64]]
    negative = encoded(Image.fromarray(grey), "TIFF", tiffinfo={262: 0})  # PhotometricInterpretation: white is zero
    assert levels(negative, (0, 4095)) == [[0, 255], [127, 191]]
    assert levels(b"P5 2 2 65535\n" + grey.astype(">u2").tobytes(), (0, 4095)) == [[255, 0], [128, 64]]


def test_thirty_two_bits_and_floats_are_scaled_by_the_range_of_their_set():
    whole = np.array([[70000, 0], [35000, -5]], np.int32)
    assert levels(encoded(Image.fromarray(whole), "TIFF"), (0, 70000)) == [[255, 0], [128, 0]]
    floats = np.array([[-2, 2], [0, 9]], np.float32)
    assert levels(encoded(Image.fromarray(floats), "TIFF"), (-2, 2)) == [[0, 255], [128, 255]]


def test_deep_greys_of_unknown_scale_are_refused():
    with pytest.raises(decoding.UnreadableImage, match=r"pixel_range=\(0, 65535\)"):
        decoding.decode_image(encoded(Image.fromarray(np.zeros((2, 2), np.uint16))))


def test_a_transparent_deep_grey_lies_on_white():
    grey = np.array([[7, 4095]], np.uint16)
    assert levels(encoded(Image.fromarray(grey), transparency=7), (0, 4095)) == [[255, 255]]


def test_floats_that_are_not_numbers_are_refused():
    raw = encoded(Image.fromarray(np.array([[np.nan, 0], [1, 0]], np.float32)), "TIFF")
    with pytest.raises(decoding.UnreadableImage, match="not finite"):
        decoding.decode_image(raw, pixel_range=(0, 1))


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photo_stands_as_its_camera_says(turn: int):
    upright = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6) * 10).convert("RGB")
    # what a camera stores so that turning it by the note gives the upright picture
    inverse = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright if turn == 1 else upright.transpose(Image.Transpose(inverse[turn]))
    exif = Image.Exif()
    exif[0x0112] = turn
    for kind in ("PNG", "TIFF"):
        seen = decoding.decode_image(encoded(stored, kind, exif=exif.tobytes()))
        assert np.array_equal(np.asarray(seen), np.asarray(upright))


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "lime")]
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        timed = {} if kind == "TIFF" else {"duration": 50}
        raw = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **timed)
        assert corner(raw)[0] > 240 and corner(raw)[2] < 15


def test_one_pixel_and_a_thread_become_squares():
    dot = decoding.decode_image(encoded(Image.new("RGB", (1, 1), "red")))
    thread = decoding.decode_image(encoded(Image.new("L", (1, 900), 60)))
    for mode in decoding.CROP_MODES:
        assert decoding.to_square(dot, ResizeConfig(32, crop_mode=mode)).shape == (32, 32, 3)
        assert (decoding.to_square(thread, ResizeConfig(16, "bicubic", mode))[:, 7] == 60).all()


def test_pixels_in_memory_of_every_shape():
    for shape in ((5, 4), (5, 4, 1), (5, 4, 3), (5, 4, 4)):
        assert decoding.decode_image(np.full(shape, 255, np.uint8)).size == (4, 5)


def test_the_square_is_the_centre_of_the_resized_picture():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 120, 3), dtype=np.uint8))
    image = image.resize((480, 240), Image.Resampling.BICUBIC)
    ours = decoding.to_square(image, ResizeConfig(64)).astype(int)
    whole = np.asarray(image.resize((128, 64), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(ours - whole[:, 32:96]).mean() < 0.5


def test_a_large_jpeg_read_at_reduced_scale_looks_the_same():
    coarse = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    raw = encoded(Image.fromarray(coarse).resize((1600, 1200), Image.Resampling.BICUBIC), "JPEG", quality=95)
    reduced = decoding.decode_image(raw, 64)
    assert reduced.size[0] < 1600
    near, exact = (decoding.to_square(p, ResizeConfig(64)).astype(int) for p in (reduced, decoding.decode_image(raw)))
    assert np.abs(near - exact).mean() < 1.5


def bomb() -> bytes:
    """A PNG that says it is 60,000 pixels square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "empty"),
        (b"hello, I am a text", "not an image"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"\x00\x00\x00\x18ftypheic" + b"\x00" * 100, "HEIC"),
        (encoded(Image.effect_noise((90, 90), 90).convert("RGB"), "JPEG")[:900], "ends too early"),
        (encoded(Image.effect_noise((90, 90), 90))[:2000], "ends too early"),
        (bomb(), "decompression bombs"),
    ],
)
def test_what_cannot_be_read_says_why(raw: bytes, sentence: str):
    with pytest.raises(decoding.UnreadableImage, match=sentence):
        decoding.decode_image(raw)


def test_an_unknown_interpolation_names_its_neighbour():
    with pytest.raises(UnknownName, match="bicubic"):
        decoding.check_interpolation("bicubik")
