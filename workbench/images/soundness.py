"""Which files are images at all: a quick look at both ends of a file, or a full decoding."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import numpy as np

from workbench.errors import BadData
from workbench.images.decoding import picture, reason
from workbench.images.grey_levels import Scale
from workbench.images.image_files import LIMIT, Header, Unreadable, open_file, read_header
from workbench.images.items import Items
from workbench.images.origins import Files

QUICK = 5_000  # files looked at while opening; of larger sets only the names are read
SAMPLE = 64  # and the beginnings of so many
HEAD, TAIL = 65_536, 64
CHECKED = 1024  # edge at which files are decoded to check them: only huge JPEGs are read at reduced scale
ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82", "GIF": b"\x3b"}


def look(path: str, max_pixels: int = LIMIT) -> tuple[str | None, Header | None]:
    """Why a file is plainly no image, None where it looks sound, and its header; almost nothing of it is read."""
    head, header = None, None
    try:
        with open_file(path) as file:
            head = file.read(HEAD)
            if not head:
                return "the file is empty", None
            file.seek(0)
            header, kind = read_header(file, max_pixels)
            end = ENDS.get(kind)
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL))
            if end is None or end in file.read(TAIL):
                return None, header
            file.seek(0)
            return _damage(file.read(), header, max_pixels), header
    except Exception as error:  # decoders of damaged files raise nearly anything
        return reason(error, head), header


def decoded(raw: bytes | np.ndarray, pixel_range: Scale | None = None, max_pixels: int = LIMIT) -> str | None:
    """Why some content cannot be decoded, None where it can."""
    try:
        picture(raw, CHECKED, pixel_range, max_pixels)
    except Unreadable as error:
        return str(error)
    return None


def _damage(raw: bytes, header: Header, max_pixels: int) -> str | None:
    """Why a file without its end cannot be decoded; of deep greys, whose scale is not known yet, any will do."""
    return decoded(raw, (0.0, 1.0) if header.deep else None, max_pixels)


def glance(items: Items) -> Items:
    """The set without the files that are plainly no images; these are listed in `left_out`.

    Raises:
        BadData: nothing would be left of the set, or of a class.
    """
    if not isinstance(items.origin, Files):
        items.looked = True
        return items
    if len(items) > QUICK:
        _look_at_some(items)
        return items
    found = dict(_found(items, range(len(items))))
    return without(items, found)


def without(items: Items, found: dict[int, str]) -> Items:
    """The set without the given rows, whose reasons join `left_out`.

    Raises:
        BadData: nothing would be left of the set, or of a class.
    """
    if not found:
        items.looked = True
        return items
    keep = np.array([row for row in range(len(items)) if row not in found], np.int64)
    out = [(items.ids[row], items.path(row), why) for row, why in found.items()]
    _check_left(items, keep, found)
    kept = items.take(keep)
    kept.left_out = items.left_out + out
    kept.looked = True
    return kept


def look_at_rest(items: Items) -> None:
    """Takes the quick look at files that opening passed over; what it finds joins `unreadable`."""
    if items.looked or not isinstance(items.origin, Files):
        return
    for row, why in _found(items, (r for r in range(len(items)) if r not in items.unreadable)):
        items.unreadable[row] = why
    items.looked = True


def decode_all(items: Items, rows: np.ndarray) -> Iterator[tuple[int, str | None]]:
    """Each row with the reason why it cannot be decoded, or None; on all cores."""

    def one(row: int) -> tuple[int, str | None]:
        try:
            return row, decoded(items.read(row), items.pixel_range, items.max_pixels)
        except (OSError, Unreadable) as error:
            return row, reason(error)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from pool.map(one, map(int, rows))


def _found(items: Items, rows: Iterable[int]) -> Iterator[tuple[int, str]]:
    seen: dict[str, str | None] = {}
    assert isinstance(items.origin, Files)
    for row in rows:
        path = items.path(row) or ""
        if path not in seen:
            seen[path], header = look(path, items.max_pixels)
            if header is not None:
                items.origin.headers[int(items.at[row])] = header
        why = seen[path]
        if why:
            yield row, why


def refuse_all(items: Items, found: dict[int, str]) -> NoReturn:
    """Refuses a set of which no image can be read.

    Raises:
        BadData: always.
    """
    first, why = next(iter(found.items()))
    example = f"the first is {items.path(first) or items.ids[first]}: {why}"
    raise BadData(f"none of the {len(found)} images of {items.name} can be read; {example}")


def _check_left(items: Items, keep: np.ndarray, found: dict[int, str]) -> None:
    if not len(keep):
        refuse_all(items, found)
    if items.labels.kind != "classes":
        return
    left = np.bincount(items.labels.values[keep], minlength=len(items.labels.names))
    had = np.bincount(items.labels.values, minlength=len(items.labels.names))
    for code, name in enumerate(items.labels.names):
        if had[code] and not left[code]:
            row = next(r for r in found if items.labels.values[r] == code)
            raise BadData(
                f"none of the {had[code]} images of the class {name!r} can be read; "
                f"the first is {items.path(row)}: {found[row]}"
            )


def _look_at_some(items: Items) -> None:
    """Reads the headers of a few files of a large set.

    Raises:
        BadData: none of them exists.
    """
    sample = np.linspace(0, len(items) - 1, SAMPLE).astype(int)
    for _ in _found(items, map(int, sample)):
        pass
    if not any(os.path.exists(items.path(int(r)) or "") for r in sample):
        raise BadData(
            f"none of the images of {items.name} that were looked for exists; the first is {items.path(0)}. "
            "Relative paths of a table start from its own folder, or from root="
        )
