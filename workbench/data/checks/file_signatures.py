"""Recognition of image files without a usual extension, by the signature in their first bytes."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

from PIL import UnidentifiedImageError

from workbench.data.pixels.decoding import explain_decoding_error
from workbench.data.pixels.image_files import open_file, read_header

SIGNATURES = (
    *(b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"RIFF"),
    *(b"\0\0\0\x0cjP", b"\xff\x4f\xff\x51", b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"),
)
# formats with a reliable signature; Pillow's readers of others accept nearly any bytes
SIGNATURE_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "HEIF", "JPEG2000", "PPM")
# TIFF containers, of which Pillow would read the thumbnail
CAMERA_RAW_EXTENSIONS = frozenset((
    *("3fr", "arw", "cr2", "cr3", "dcr", "dng", "erf", "kdc", "mos", "mrw", "nef", "nrw", "orf", "pef", "raf", "raw"),
    *("rw2", "rwl", "sr2", "srf", "srw", "x3f"),
))  # fmt: skip


def explain_not_image(path: str, sibling_images: Collection[str] = ()) -> str | None:
    """Explain why a file is not treated as an image; None if it is one.

    Args:
        path: file whose name has no image extension.
        sibling_images: images in the same folder, of which it may be a copy.
    """
    name = os.path.basename(path)
    ending = name.rpartition(".")[2].lower()
    if ending in CAMERA_RAW_EXTENSIONS:
        return "it is a camera's raw file; develop it, and save it as JPEG, PNG or TIFF"
    original = next((other for other in sibling_images if name.startswith(other)), None)
    if original is not None:
        return f"by its name it is a copy of {original} in the same folder"
    head = None
    try:
        with open_file(path) as file:
            head = file.read(512)
            if head.startswith(SIGNATURES) or head[4:8] == b"ftyp":
                file.seek(0)
                # too many pixels are reported by the check of all files
                _, kind = read_header(file, sys.maxsize)
                if kind in SIGNATURE_FORMATS:
                    return None
        return explain_decoding_error(UnidentifiedImageError(), head)
    except Exception as error:  # decoders of damaged files raise nearly anything
        return explain_decoding_error(error, head)
