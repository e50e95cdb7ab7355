"""Image files, opened safely: regular files only, image formats only, and no more pixels than are allowed."""

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

# the formats of these extensions and no other: Pillow would hand PostScript to Ghostscript, whatever the file's name
COMMON = ("JPEG", "PNG", "GIF", "BMP", "DIB", "PPM")
RARE = ("MPO", "TIFF", "WEBP", "AVIF", "HEIF", "JPEG2000", "ICO", "PCX", "SGI", "TGA")
LIMIT = 178_956_970  # Pillow's own: twice the standard `PIL.Image.MAX_IMAGE_PIXELS`

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}
# Pillow's limit is the process's: who lifts it does so alone, and what it was is kept until then
_lifting, _swapping = threading.RLock(), threading.Lock()
_lifted: list[Any] = []


class Unreadable(Exception):
    """A picture that cannot be had; its text is the reason, without the file's name."""


class Header(NamedTuple):
    """What the first bytes of an image file say: width and height in pixels, and Pillow's mode."""

    width: int
    height: int
    mode: str

    @property
    def deep(self) -> bool:
        """Whether its greys have more than eight bits."""
        return is_deep(self.mode)

    @property
    def outside(self) -> float:
        """The share of the picture that lies outside its centre square, in [0, 1)."""
        return 1 - min(self.width, self.height) / max(self.width, self.height, 1)


def is_deep(mode: str) -> bool:
    """Whether pixels of a mode of Pillow's are greys of more than eight bits."""
    return mode[:1] in ("I", "F")


def is_image(name: str) -> bool:
    """Whether a file's name ends like an image's."""
    return name.rpartition(".")[2].lower() in EXTENSIONS and not os.path.basename(name).startswith(".")


def pixel_limit() -> int:
    """The pixels that an image may have where nothing else was said: Pillow's limit, as this process has set it."""
    with _swapping:
        limit = _lifted[0] if _lifted else Image.MAX_IMAGE_PIXELS
    return sys.maxsize if limit is None else int(2 * limit)


def open_file(path: str) -> BinaryIO:
    """Open a regular file; what is none, and could keep its reader waiting for ever, is not opened.

    Raises:
        Unreadable: it is a folder, a pipe, a socket, a device, or a link that leads nowhere.
        OSError: it is not there or may not be read.
    """
    try:
        _check_regular(os.stat(path).st_mode)
    except FileNotFoundError:
        if os.path.islink(path):
            raise Unreadable("it is a link to a file that is not there") from None
        raise
    return open(path, "rb", opener=_open_regular)


@contextlib.contextmanager
def open_image(file: BinaryIO, max_pixels: int = LIMIT, edge: int | None = None) -> Iterator[ImageFile]:
    """Open an image of one of the wanted formats, to be decoded inside the block.

    Args:
        file: its bytes.
        max_pixels: the most pixels that may be decoded.
        edge: the shorter side that will be needed, in pixels; a large JPEG is then decoded at reduced scale.

    Raises:
        Unreadable: more pixels would be decoded.
        UnidentifiedImageError: of no wanted format.
    """
    with _opened(file, max_pixels) as image:
        _reduce(image, max_pixels, edge)
        yield image


def read_header(file: BinaryIO, max_pixels: int = LIMIT) -> tuple[Header, str]:
    """The header of an image file and its format; nothing is decoded.

    Raises:
        Unreadable: more pixels than `max_pixels`, at whatever scale it is decoded.
        UnidentifiedImageError: of no wanted format.
    """
    with contextlib.suppress(Image.DecompressionBombError):
        image = _identified(file)
        width, height = image.size
        if width * height <= max_pixels:  # all but a few: thousands are looked at while a folder is opened
            return Header(width, height, image.mode), image.format or ""
    with _opened(file, max_pixels) as image:
        header = Header(*image.size, image.mode)
        _reduce(image, max_pixels, edge=1)
        return header, image.format or ""


@contextlib.contextmanager
def _opened(file: BinaryIO, max_pixels: int) -> Iterator[ImageFile]:
    with contextlib.ExitStack() as stack:
        try:
            image = _identified(file)
        except Image.DecompressionBombError:
            stack.enter_context(_pillow_limit(_allowed(file, max_pixels)))
            try:
                image = _identified(file)
            except Image.DecompressionBombError as error:
                raise Unreadable(_too_large(max_pixels, _pixels_in(error))) from None
        # another thread may have lifted the limit while this one opened, and lower it again before it decodes
        if image.width * image.height > pixel_limit():
            stack.enter_context(_pillow_limit(_allowed(file, max_pixels)))
        yield stack.enter_context(image)


def _reduce(image: ImageFile, max_pixels: int, edge: int | None) -> None:
    """Has a JPEG decoded no larger than needed; refuses what would still be too large."""
    whole = image.size
    if edge and image.format in ("JPEG", "MPO"):
        # twice the edge, so that the smooth resize that follows has something to average
        image.draft(None, (2 * edge, 2 * edge))
    # a progressive JPEG is held whole in memory whatever its scale
    width, height = whole if image.info.get("progressive") else image.size
    if width * height > max_pixels:
        raise Unreadable(_too_large(max_pixels, whole[0] * whole[1], f" ({whole[0]:,} × {whole[1]:,})"))


def _check_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise Unreadable(f"it is {_KINDS.get(stat.S_IFMT(mode), 'no regular file')}")


def _open_regular(path: str, flags: int) -> int:
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        _check_regular(os.fstat(file).st_mode)  # another may have taken its place meanwhile
    except Unreadable:
        os.close(file)
        raise
    return file


def _identified(file: BinaryIO) -> ImageFile:
    try:
        return Image.open(file, formats=COMMON)
    except UnidentifiedImageError:
        Image.init()
        # those that this Pillow lacks are left out: it knows no others by name
        return Image.open(file, formats=tuple(name for name in RARE if name in Image.OPEN))


def _allowed(file: BinaryIO, max_pixels: int) -> float | None:
    """What to set Pillow's limit to; none for a JPEG, which is counted once it is known at what scale it is decoded."""
    file.seek(0)
    return None if file.read(2) == b"\xff\xd8" else max_pixels / 2


@contextlib.contextmanager
def _pillow_limit(limit: float | None) -> Iterator[None]:
    """Another limit of Pillow's, which has one for the process and checks it in many places, inside the block.

    One picture at a time, which spares memory too, since such pictures are large.
    """
    with _lifting:
        with _swapping:
            _lifted.append(Image.MAX_IMAGE_PIXELS)
            Image.MAX_IMAGE_PIXELS = limit  # type: ignore[assignment]
        try:
            yield
        finally:
            with _swapping:
                Image.MAX_IMAGE_PIXELS = _lifted.pop()


def _pixels_in(error: Exception) -> int | None:
    """The pixels of a picture that Pillow refused, as its message says."""
    found = re.search(r"\((\d+) pixels\)", str(error))
    return int(found[1]) if found else None


def _too_large(max_pixels: int, pixels: int | None, size: str = "") -> str:
    return (
        f"the picture{size} is larger than {_millions(max_pixels)}, the limit against decompression bombs; if it is "
        f"genuine, make it smaller or open the images with max_pixels={pixels or '…'}"
    )


def _millions(pixels: int) -> str:
    return f"{pixels / 1e6:.0f} megapixels" if pixels >= 10_000_000 else f"{pixels:,} pixels"
