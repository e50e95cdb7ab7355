"""Normalisation of single labels to words, and refusal of invalid ones: one rule for every source."""

from __future__ import annotations

import enum
import math
import numbers
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from workbench.errors import BadData

# whole numbers as people and programs write them: 1, 1.0, +1, 1e+03; but 1e3 without a sign may be a name
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+(\.0*)?")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-][0-9]+)?|[+-]?[0-9]+\.[0-9]*[eE][0-9]+")
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")  # a fraction with a decimal comma
ZERO_PADDED = re.compile(r"0[0-9]+")  # 007 is a code and keeps its zeros
PRESERVED_TYPES = (pd.Interval, pd.Period, date)


class _InvalidLabel(Exception):
    """Value that cannot be a class; the message is the reason."""


def normalize_labels(cells: Iterable[Any], where: str, *, allow_any_text: bool = False) -> list[str]:
    """Normalise the labels of images to words, such that `1`, `1.0` and `"1"` are one.

    Args:
        cells: one label per image.
        where: name of the labels in error messages, such as `y` or `the column 'label'`.
        allow_any_text: True for names given by a person, such as those of folders: fractions are then valid names.

    Raises:
        BadData: an image without a label, a fraction, or a value that is neither a word nor a whole number.
    """
    cells = list(cells)
    word_of_cell: dict[tuple[type, Any], str | None] = {}
    words: list[str | None] = []
    for row, cell in enumerate(cells):
        key = (cell.__class__, cell)
        try:
            if key not in word_of_cell:
                word_of_cell[key] = normalize_label(cell, allow_any_text=allow_any_text)
            words.append(word_of_cell[key])
        except TypeError:  # an unhashable object is no word
            raise BadData(
                _format_refusal(where, row, f"{_name_type(cell)} is neither a word nor a whole number")
            ) from None
        except _InvalidLabel as reason:
            raise BadData(_format_refusal(where, row, str(reason))) from None
    return check_all_labeled(words, cells, where)


def check_all_labeled(words: Sequence[str | None], cells: Sequence[Any], where: str) -> list[str]:
    """Check that every image has a label, and return the words; the only place that refuses images without a label.

    Args:
        words: one word per image, None for an image without a label.
        cells: values that the words were read from, for the error message.

    Raises:
        BadData: an image without a label.
    """
    missing = [row for row, word in enumerate(words) if word is None]
    if not missing:
        return words  # type: ignore[return-value]
    first, more = missing[0], f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    cell = cells[first]
    why = "it is empty" if isinstance(cell, str) and not cell.strip() else f"it is {cell!s:.30}"
    if is_negative_label(cell):
        why += ", and numbers below 0 mark images without a label"
    raise BadData(
        f"row {first}{more} of {where} has no label: {why}. Every image needs one; fill it in, or leave the row out"
    )


def normalize_label(value: Any, *, allow_any_text: bool = False) -> str | None:
    """Normalise a label to a word; None for a missing label: empty, not a number, or below 0.

    Raises:
        _InvalidLabel: a fraction, or neither a word nor a number.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return _normalize_text(unicodedata.normalize("NFC", str(value).strip().strip("\ufeff")), allow_any_text)
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, enum.Enum):
        return value.name
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (numbers.Real, Decimal)):
        return _normalize_number(value)
    if isinstance(value, PRESERVED_TYPES):
        return str(value)
    if isinstance(value, str):
        return normalize_label(value, allow_any_text=allow_any_text)
    raise _InvalidLabel(f"{_name_type(value)} is neither a word nor a whole number")


def is_negative_label(value: Any) -> bool:
    """Return True if a label is a number below 0, or the text of one."""
    text = str(value).strip()
    return bool(NUMBER.fullmatch(text)) and float(text) < 0


def is_whole_number(word: str) -> bool:
    """Return True if a word is a whole number from 0 on, in the form that `normalize_label` returns."""
    return word.isascii() and word.isdigit() and not ZERO_PADDED.fullmatch(word)


def sort_names(names: Iterable[str]) -> tuple[str, ...]:
    """Sort names in an order independent of their source: numbers by size, then words alphabetically."""
    return tuple(sorted(names, key=_sort_key))


def _sort_key(name: str) -> tuple[int, float, str]:
    if WHOLE_NUMBER.fullmatch(name):
        return 0, int(name.partition(".")[0]), name
    if NUMBER.fullmatch(name):
        return 0, float(name), name
    return 1, 0, name


def _normalize_text(text: str, allow_any_text: bool) -> str | None:
    if not text:
        return None
    if ZERO_PADDED.fullmatch(text):
        return text
    if WHOLE_NUMBER.fullmatch(text):
        number = int(text.partition(".")[0])
        return str(number) if number >= 0 or allow_any_text else None
    if allow_any_text:
        return text
    if NUMBER.fullmatch(text):
        return _normalize_number(Decimal(text))
    if DECIMAL_COMMA.fullmatch(text):
        raise _fraction_error(text)
    return text


def _normalize_number(value: Any) -> str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise _InvalidLabel(f"{value} is not a class")
    if value != int(value):
        raise _fraction_error(value)
    return str(int(value)) if value >= 0 else None


def _fraction_error(value: Any) -> _InvalidLabel:
    return _InvalidLabel(
        f"{value} is a fraction; the workbench sorts images into classes, it does not predict amounts. Sort the "
        "amounts into classes first (pandas.cut does), or name the classes by words"
    )


def _format_refusal(where: str, row: int, why: str) -> str:
    return f"row {row} of {where} cannot be a class: {why}"


def _name_type(value: Any) -> str:
    word = type(value).__name__
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"
