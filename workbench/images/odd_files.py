"""Files among images whose names do not end like an image's: what they are is read from their first bytes."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

from PIL import UnidentifiedImageError

from workbench.images.decoding import reason
from workbench.images.image_files import open_file, read_header

STARTS = (
    *(b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"RIFF"),
    *(b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51", b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"),
)
# formats that a file shows by its first bytes; others take nearly anything for theirs
SURE = ("JPEG", "MPO", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "HEIF", "JPEG2000", "PPM")
# TIFFs in disguise, of which Pillow would read the thumbnail
RAW = frozenset((
    *("3fr", "arw", "cr2", "cr3", "dcr", "dng", "erf", "kdc", "mos", "mrw", "nef", "nrw", "orf", "pef", "raf", "raw"),
    *("rw2", "rwl", "sr2", "srf", "srw", "x3f"),
))  # fmt: skip


def why_no_image(path: str, beside: Collection[str] = ()) -> str | None:
    """Why a file is not taken for an image, None where it is one.

    Args:
        path: the file, whose name does not end like an image's.
        beside: the images in its folder, of which it may be a copy.
    """
    name = os.path.basename(path)
    ending = name.rpartition(".")[2].lower()
    if ending in RAW:
        return "it is a camera's raw file; develop it, and save it as JPEG, PNG or TIFF"
    original = next((other for other in beside if name.startswith(other)), None)
    if original is not None:
        return f"by its name it is a copy of {original}, which lies beside it"
    head = None
    try:
        with open_file(path) as file:
            head = file.read(512)
            if head.startswith(STARTS) or head[4:8] == b"ftyp":
                file.seek(0)
                # whether it has too many pixels is found where all files are looked at
                _, kind = read_header(file, sys.maxsize)
                if kind in SURE:
                    return None
        return reason(UnidentifiedImageError(), head)
    except Exception as error:  # decoders of damaged files raise nearly anything
        return reason(error, head)
