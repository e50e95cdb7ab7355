"""Any image file that people really have, as an upright RGB picture; or the sentence that says why not."""

from __future__ import annotations

import io
import os
import struct

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from workbench.errors import UnknownName

# part of the store's key: raised whenever the same file would give other pixels
VERSION = 1

INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

# fmt: off
EXTENSIONS = frozenset((
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "bmp", "dib", "tif", "tiff", "webp", "avif", "heic", "heif",
    "ppm", "pgm", "pbm", "pnm", "tga", "jp2", "j2k", "jpx", "ico", "pcx", "sgi",
))
# fmt: on

_TRANSPARENT = ("RGBA", "RGBa", "LA", "La", "PA")
_ORIENTATION = 0x0112


class Unreadable(Exception):
    """A picture that cannot be had; its text is the reason, without the file's name."""


def interpolation(name: str) -> str:
    """The name itself, if resizing knows it.

    Raises:
        UnknownName: it does not.
    """
    if name not in INTERPOLATIONS:
        raise UnknownName.of("interpolation", name, INTERPOLATIONS)
    return name


def picture(raw: bytes | np.ndarray, edge: int | None = None) -> Image.Image:
    """An upright RGB picture from a file's bytes or from pixels.

    Args:
        raw: the bytes of a file, or uint8 pixels (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).
        edge: the shorter side that will be needed, in pixels; a large JPEG is then read at reduced scale.

    Raises:
        Unreadable: with the reason.
    """
    if isinstance(raw, np.ndarray):
        return _opaque(Image.fromarray(raw[..., 0] if raw.ndim == 3 and raw.shape[2] == 1 else raw))
    try:
        with Image.open(io.BytesIO(raw)) as image:
            if edge and image.format in ("JPEG", "MPO"):
                # twice the edge, so that the smooth resize that follows has something to average
                image.draft(None, (2 * edge, 2 * edge))
            return _upright(_opaque(image), image)
    except Exception as error:  # decoders of damaged files raise nearly anything
        raise Unreadable(reason(error, raw)) from error


def square(image: Image.Image, edge: int, interpolation: str) -> np.ndarray:
    """The centre square of `image` at `edge` pixels: uint8 (edge, edge, 3).

    The same as resizing the shorter side to `edge` and keeping the centre, without resizing what is cut off.
    """
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    resized = image.resize((edge, edge), INTERPOLATIONS[interpolation], box=box)
    return np.asarray(resized)


def reason(error: Exception, raw: bytes | None = None) -> str:
    """Why a file gives no picture, as a sentence without its name."""
    if raw is not None and not raw:
        return "the file is empty"
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, PermissionError):
        return "the file may not be read: its permissions forbid it"
    if isinstance(error, Image.DecompressionBombError):
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        return (
            f"the picture is larger than {limit:.0f} megapixels, the limit against decompression bombs; "
            "if it is genuine, make it smaller or raise PIL.Image.MAX_IMAGE_PIXELS"
        )
    if isinstance(error, UnidentifiedImageError):
        return _unidentified(raw)
    if isinstance(error, MemoryError):
        return "the picture does not fit in memory"
    if "truncated" in str(error).lower() or isinstance(error, (EOFError, struct.error)):
        return "the file ends too early: it was cut off while being copied or downloaded"
    return f"the file is damaged ({str(error) or type(error).__name__})"


def _unidentified(raw: bytes | None) -> str:
    start = (raw or b"")[:512].lstrip()
    if raw is not None and raw[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheim"):
        return "it is a HEIC photo, which Pillow reads only with pillow-heif; save it as JPEG"
    if start[:1] == b"<":
        return "it is a web page or an SVG drawing, not a photo"
    return "it is not an image, or of a kind that Pillow does not read"


def _opaque(image: Image.Image) -> Image.Image:
    """RGB, with transparency laid on white and deep greys scaled to eight bits."""
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if image.mode[:1] in ("I", "F"):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        return converted if converted is not None else image.convert("RGB")
    return image.convert("RGB")


def _eight_bits(grey: np.ndarray) -> np.ndarray:
    """Deep greys (H, W) as uint8 (H, W).

    Whole numbers are taken as 8, 12 or 16 bits deep, whichever holds the largest: cameras and microscopes write
    12 bits into 16. Fractions up to 1 are taken as shares of white. Any other range is stretched from its
    smallest to its largest value.
    """
    values = grey.astype(np.float64)
    if not np.isfinite(values).all():
        raise Unreadable("the picture holds values that are not finite numbers")
    low, high = float(values.min()), float(values.max())
    if np.issubdtype(grey.dtype, np.floating):
        depth = next((d for d in (1.0, 255.0) if high <= d), None)
    else:
        depth = next((2.0**bits - 1 for bits in (8, 12, 16) if high <= 2**bits - 1), None)
    if low < 0 or depth is None:
        values, depth = values - low, max(high - low, 1e-12)
    return np.rint(values * (255 / depth)).astype(np.uint8)


def _upright(image: Image.Image, opened: Image.Image) -> Image.Image:
    """The picture turned as its camera says; a damaged note from the camera turns nothing."""
    try:
        turn = opened.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF is written by thousands of cameras, and parsed by hand
        return image
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(turn)
    return image if method is None else image.transpose(method)


def is_image(name: str) -> bool:
    """Whether a file's name ends like an image's."""
    return name.rpartition(".")[2].lower() in EXTENSIONS and not os.path.basename(name).startswith(".")
