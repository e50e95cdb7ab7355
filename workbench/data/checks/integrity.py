"""Integrity of image files: a quick check of both ends of a file, or a full decoding."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NoReturn

import numpy as np

from workbench.data.items import Items
from workbench.data.pixels.decoding import decode_image, explain_decoding_error
from workbench.data.pixels.image_files import DEFAULT_MAX_PIXELS, ImageHeader, UnreadableImage, open_file, read_header
from workbench.data.pixels.pixel_ranges import PixelRange
from workbench.data.pixels.pixel_sources import FileSource
from workbench.errors import BadData

MAX_FILES_CHECKED = 5_000  # files up to which all are checked at opening; of larger sets only the names are read
SAMPLE_SIZE = 64  # files of larger sets whose headers are read
HEAD_BYTES, TAIL_BYTES = 65_536, 64
CHECK_SIZE = 1024  # edge at which files are decoded for the check: only huge JPEGs are read at reduced scale
END_MARKERS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82", "GIF": b"\x3b"}


def check_file(path: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[str | None, ImageHeader | None]:
    """Check both ends of a file; return why it is no valid image, None if it seems valid, and its header."""
    head, header = None, None
    try:
        with open_file(path) as file:
            head = file.read(HEAD_BYTES)
            if not head:
                return "the file is empty", None
            file.seek(0)
            header, kind = read_header(file, max_pixels)
            end = END_MARKERS.get(kind)
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL_BYTES))
            if end is None or end in file.read(TAIL_BYTES):
                return None, header
            file.seek(0)
            return _check_damage(file.read(), header, max_pixels), header
    except Exception as error:  # decoders of damaged files raise nearly anything
        return explain_decoding_error(error, head), header


def check_decoding(
    raw: bytes | np.ndarray, pixel_range: PixelRange | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> str | None:
    """Return why content cannot be decoded, None if it can."""
    try:
        decode_image(raw, CHECK_SIZE, pixel_range, max_pixels)
    except UnreadableImage as error:
        return str(error)
    return None


def _check_damage(raw: bytes, header: ImageHeader, max_pixels: int) -> str | None:
    """Return why a file without its end marker cannot be decoded; high-bit-depth greyscale is tried with any range."""
    return check_decoding(raw, (0.0, 1.0) if header.is_high_bit_depth else None, max_pixels)


def drop_invalid_files(items: Items) -> Items:
    """Drop the files that are certainly no valid images; they are listed in `excluded`.

    Raises:
        BadData: nothing would be left of the set, or of a class.
    """
    if not isinstance(items.pixel_source, FileSource):
        return _mark_checked(items)
    if len(items) > MAX_FILES_CHECKED:
        _check_file_sample(items)
        return items
    reasons = dict(_find_invalid_files(items, range(len(items))))
    return drop_rows(items, reasons)


def drop_rows(items: Items, reasons: dict[int, str]) -> Items:
    """Drop the given rows; their reasons are added to `excluded`.

    Raises:
        BadData: nothing would be left of the set, or of a class.
    """
    if not reasons:
        return _mark_checked(items)
    keep = np.array([row for row in range(len(items)) if row not in reasons], np.int64)
    excluded = [(items.ids[row], items.path(row), why) for row, why in reasons.items()]
    _check_remaining_rows(items, keep, reasons)
    return replace(_mark_checked(items.take(keep)), excluded=items.excluded + excluded)


def check_remaining_files(items: Items) -> None:
    """Check the files that were not checked at opening; invalid ones are added to `read_log`."""
    if items.read_log.is_checked or not isinstance(items.pixel_source, FileSource):
        return
    for row, why in _find_invalid_files(items, (r for r in range(len(items)) if r not in items.read_log.unreadable)):
        items.read_log.unreadable[row] = why
    items.read_log.is_checked = True


def check_all_rows(items: Items, rows: np.ndarray) -> Iterator[tuple[int, str | None]]:
    """Decode each row on all cores; yield it with the reason why it cannot be decoded, or None."""

    def one(row: int) -> tuple[int, str | None]:
        try:
            return row, check_decoding(items.read(row), items.pixel_range, items.max_pixels)
        except (OSError, UnreadableImage) as error:
            return row, explain_decoding_error(error)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from pool.map(one, map(int, rows))


def _mark_checked(items: Items) -> Items:
    return replace(items, read_log=replace(items.read_log, is_checked=True))


def _find_invalid_files(items: Items, rows: Iterable[int]) -> Iterator[tuple[int, str]]:
    reasons: dict[str, str | None] = {}
    assert isinstance(items.pixel_source, FileSource)
    for row in rows:
        path = items.path(row) or ""
        if path not in reasons:
            reasons[path], header = check_file(path, items.max_pixels)
            if header is not None:
                items.pixel_source.headers[int(items.source_index[row])] = header
        why = reasons[path]
        if why:
            yield row, why


def refuse_unreadable_set(items: Items, reasons: dict[int, str]) -> NoReturn:
    """Refuse a set of which no image can be read.

    Raises:
        BadData: always.
    """
    first, why = next(iter(reasons.items()))
    example = f"the first is {items.path(first) or items.ids[first]}: {why}"
    raise BadData(f"none of the {len(reasons)} images of {items.name} can be read; {example}")


def _check_remaining_rows(items: Items, keep: np.ndarray, reasons: dict[int, str]) -> None:
    if not len(keep):
        refuse_unreadable_set(items, reasons)
    if items.labels.kind != "classes":
        return
    left = np.bincount(items.labels.values[keep], minlength=len(items.labels.names))
    had = np.bincount(items.labels.values, minlength=len(items.labels.names))
    for code, name in enumerate(items.labels.names):
        if had[code] and not left[code]:
            row = next(r for r in reasons if items.labels.values[r] == code)
            raise BadData(
                f"none of the {had[code]} images of the class {name!r} can be read; "
                f"the first is {items.path(row)}: {reasons[row]}"
            )


def _check_file_sample(items: Items) -> None:
    """Read the headers of a few files of a large set.

    Raises:
        BadData: none of them exists.
    """
    sample = np.linspace(0, len(items) - 1, SAMPLE_SIZE).astype(int)
    for _ in _find_invalid_files(items, map(int, sample)):
        pass
    if not any(os.path.exists(items.path(int(r)) or "") for r in sample):
        raise BadData(
            f"none of the checked images of {items.name} exists; the first is {items.path(0)}. "
            "Relative paths of a table start from its own folder, or from root="
        )
