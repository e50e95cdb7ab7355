"""Safe opening of image files: regular files only, image formats only, and a maximum number of pixels."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

# fmt: off
EXTENSIONS = frozenset((
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "bmp", "dib", "tif", "tiff", "webp", "avif", "heic", "heif",
    "ppm", "pgm", "pbm", "pnm", "tga", "jp2", "j2k", "jpx", "ico", "pcx", "sgi",
))
# fmt: on

# no formats beyond these: Pillow would pass PostScript to Ghostscript, whatever the file's name
COMMON_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "PPM")
RARE_FORMATS = ("MPO", "TIFF", "WEBP", "AVIF", "HEIF", "JPEG2000", "ICO", "PCX", "SGI", "TGA")
DEFAULT_MAX_PIXELS = 178_956_970  # Pillow's own: twice the standard `PIL.Image.MAX_IMAGE_PIXELS`

_FILE_TYPES = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}
# Pillow's limit is global to the process: one thread at a time overrides it and saves the old value
_override_lock, _limit_lock = threading.RLock(), threading.Lock()
_saved_limits: list[Any] = []


class UnreadableImage(Exception):
    """Image that cannot be read; the message is the reason, without the file's name."""


class ImageHeader(NamedTuple):
    """Content of an image file's header.

    Attributes:
        width: in pixels.
        height: in pixels.
        mode: Pillow's mode.
        has_more_frames: True if the file holds several pages or frames, of which only the first is read.
    """

    width: int
    height: int
    mode: str
    has_more_frames: bool = False

    @property
    def is_high_bit_depth(self) -> bool:
        """True if the image is greyscale of more than eight bits."""
        return is_high_bit_depth_mode(self.mode)

    @property
    def cropped_fraction(self) -> float:
        """Fraction of the image outside its centre square, in [0, 1)."""
        return 1 - min(self.width, self.height) / max(self.width, self.height, 1)


def is_high_bit_depth_mode(mode: str) -> bool:
    """Return True for those modes of Pillow that are greyscale of more than eight bits."""
    return mode[:1] in ("I", "F")


def has_image_extension(name: str) -> bool:
    """Return True if a file's name has the extension of an image."""
    return name.rpartition(".")[2].lower() in EXTENSIONS and not os.path.basename(name).startswith(".")


def get_pixel_limit() -> int:
    """Return the default maximum number of pixels: Pillow's limit, as set in this process."""
    with _limit_lock:
        limit = _saved_limits[0] if _saved_limits else Image.MAX_IMAGE_PIXELS
    return sys.maxsize if limit is None else int(2 * limit)


def open_file(path: str) -> BinaryIO:
    """Open a regular file; other kinds, which could block the reader for ever, are not opened.

    Raises:
        UnreadableImage: a folder, a pipe, a socket, a device, or a broken link.
        OSError: the file does not exist or may not be read.
    """
    try:
        _check_regular_file(os.stat(path).st_mode)
    except FileNotFoundError:
        if os.path.islink(path):
            raise UnreadableImage("it is a link to a missing file") from None
        raise
    return open(path, "rb", opener=_open_regular_file)


@contextlib.contextmanager
def open_image(file: BinaryIO, max_pixels: int = DEFAULT_MAX_PIXELS, edge: int | None = None) -> Iterator[ImageFile]:
    """Open an image of one of the accepted formats, to be decoded inside the block.

    Args:
        file: the open file.
        max_pixels: maximum number of pixels to decode.
        edge: shorter side that will be needed, in pixels; a large JPEG is then decoded at reduced scale.

    Raises:
        UnreadableImage: more pixels would be decoded.
        UnidentifiedImageError: no accepted format.
    """
    with _open_within_limit(file, max_pixels) as image:
        _reduce_scale(image, max_pixels, edge)
        yield image


def read_header(file: BinaryIO, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[ImageHeader, str]:
    """Read the header and the format of an image file without decoding it.

    Raises:
        UnreadableImage: more pixels than `max_pixels`, even decoded at reduced scale.
        UnidentifiedImageError: no accepted format.
    """
    with contextlib.suppress(Image.DecompressionBombError):
        image = _identify_image(file)
        width, height = image.size
        if width * height <= max_pixels:  # fast path: opening a folder checks thousands of files
            return ImageHeader(width, height, image.mode, _has_more_frames(image)), image.format or ""
    with _open_within_limit(file, max_pixels) as image:
        header = ImageHeader(*image.size, image.mode, _has_more_frames(image))
        _reduce_scale(image, max_pixels, edge=1)
        return header, image.format or ""


def _has_more_frames(image: ImageFile) -> bool:
    # further pictures of a photograph (MPO) are previews and depth maps of the same one
    return image.format != "MPO" and bool(getattr(image, "is_animated", False))


@contextlib.contextmanager
def _open_within_limit(file: BinaryIO, max_pixels: int) -> Iterator[ImageFile]:
    with contextlib.ExitStack() as stack:
        try:
            image = _identify_image(file)
        except Image.DecompressionBombError:
            stack.enter_context(_override_pillow_limit(_pillow_limit_for(file, max_pixels)))
            try:
                image = _identify_image(file)
            except Image.DecompressionBombError as error:
                raise UnreadableImage(_format_size_error(max_pixels, _parse_pixel_count(error))) from None
        # another thread may have raised the limit while this one opened, and restore it before this one decodes
        if image.width * image.height > get_pixel_limit():
            stack.enter_context(_override_pillow_limit(_pillow_limit_for(file, max_pixels)))
        yield stack.enter_context(image)


def _reduce_scale(image: ImageFile, max_pixels: int, edge: int | None) -> None:
    """Set a JPEG to be decoded no larger than needed; refuse images that are still too large."""
    full_size = image.size
    if edge and image.format in ("JPEG", "MPO"):
        # twice the edge, so that the resize that follows has pixels to average
        image.draft(None, (2 * edge, 2 * edge))
    # a progressive JPEG is decoded in full size in memory at any scale
    width, height = full_size if image.info.get("progressive") else image.size
    if width * height > max_pixels:
        raise UnreadableImage(
            _format_size_error(max_pixels, full_size[0] * full_size[1], f" ({full_size[0]:,} × {full_size[1]:,})")
        )


def _check_regular_file(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise UnreadableImage(f"it is {_FILE_TYPES.get(stat.S_IFMT(mode), 'no regular file')}")


def _open_regular_file(path: str, flags: int) -> int:
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        _check_regular_file(os.fstat(file).st_mode)  # the file may have been replaced meanwhile
    except UnreadableImage:
        os.close(file)
        raise
    return file


def _identify_image(file: BinaryIO) -> ImageFile:
    try:
        return Image.open(file, formats=COMMON_FORMATS)
    except UnidentifiedImageError:
        Image.init()
        # formats that this build of Pillow lacks are left out: it raises on unknown names
        return Image.open(file, formats=tuple(name for name in RARE_FORMATS if name in Image.OPEN))


def _pillow_limit_for(file: BinaryIO, max_pixels: int) -> float | None:
    """Return the value for Pillow's limit; None for a JPEG, which is checked once its decoding scale is known."""
    file.seek(0)
    return None if file.read(2) == b"\xff\xd8" else max_pixels / 2


@contextlib.contextmanager
def _override_pillow_limit(limit: float | None) -> Iterator[None]:
    """Override Pillow's limit, which is one per process and checked in many places, inside the block.

    One image at a time, which saves memory too, since such images are large.
    """
    with _override_lock:
        with _limit_lock:
            _saved_limits.append(Image.MAX_IMAGE_PIXELS)
            Image.MAX_IMAGE_PIXELS = limit  # type: ignore[assignment]
        try:
            yield
        finally:
            with _limit_lock:
                Image.MAX_IMAGE_PIXELS = _saved_limits.pop()


def _parse_pixel_count(error: Exception) -> int | None:
    """Parse the number of pixels from the message of an error of Pillow."""
    match = re.search(r"\((\d+) pixels\)", str(error))
    return int(match[1]) if match else None


def _format_size_error(max_pixels: int, pixels: int | None, size: str = "") -> str:
    return (
        f"the picture{size} is larger than {_format_megapixels(max_pixels)}, the limit against decompression bombs; "
        f"if it is genuine, make it smaller or open the images with max_pixels={pixels or '…'}"
    )


def _format_megapixels(pixels: int) -> str:
    return f"{pixels / 1e6:.0f} megapixels" if pixels >= 10_000_000 else f"{pixels:,} pixels"
