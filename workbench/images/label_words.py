"""One label of one image as a word, and which labels are refused: one rule for every source."""

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

# whole numbers as people and programs write them: 1, 1.0, +1, 1e+03; 1e3 without a sign may be a name
WHOLE = re.compile(r"[+-]?[0-9]+(\.0*)?")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-][0-9]+)?|[+-]?[0-9]+\.[0-9]*[eE][0-9]+")
COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")  # a fraction as most of Europe writes it
CODE = re.compile(r"0[0-9]+")  # 007 is a code and keeps its zeros
KEPT = (pd.Interval, pd.Period, date)


class _NoClass(Exception):
    """A value that cannot be a class; its text is the reason."""


def words_of(cells: Iterable[Any], where: str, *, named: bool = False) -> list[str]:
    """The labels of images as words, such that `1`, `1.0` and `"1"` are one.

    Args:
        cells: one label per image.
        where: what the labels are called in a refusal, such as `y` or `the column 'label'`.
        named: whether somebody gave the names, as those of folders: a fraction is then a name like any other.

    Raises:
        BadData: an image without a label, a fraction, or what is neither a word nor a whole number.
    """
    cells = list(cells)
    known: dict[tuple[type, Any], str | None] = {}
    words: list[str | None] = []
    for row, cell in enumerate(cells):
        key = (cell.__class__, cell)
        try:
            if key not in known:
                known[key] = to_word(cell, named=named)
            words.append(known[key])
        except TypeError:  # an object that has no hash is no word
            raise BadData(_refusal(where, row, f"{_kind(cell)} is neither a word nor a whole number")) from None
        except _NoClass as reason:
            raise BadData(_refusal(where, row, str(reason))) from None
    return check_labelled(words, cells, where)


def check_labelled(words: Sequence[str | None], cells: Sequence[Any], where: str) -> list[str]:
    """The words themselves, where every image has one; the only place that refuses images without a label.

    Args:
        words: a word per image, None for an image without a label.
        cells: the values that the words were read from, for the refusal.

    Raises:
        BadData: an image without a label.
    """
    missing = [row for row, word in enumerate(words) if word is None]
    if not missing:
        return words  # type: ignore[return-value]
    first, more = missing[0], f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    cell = cells[first]
    why = "it is empty" if isinstance(cell, str) and not cell.strip() else f"it is {cell!s:.30}"
    if is_negative(cell):
        why += ", and numbers below 0 mark images without a label"
    raise BadData(
        f"row {first}{more} of {where} has no label: {why}. Every image wants one; fill it in, or leave the row out"
    )


def to_word(value: Any, *, named: bool = False) -> str | None:
    """A label as a word; None for one that says that there is none: empty, not a number, or below 0.

    Raises:
        _NoClass: a fraction, or no word and no number.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return _of_text(unicodedata.normalize("NFC", str(value).strip().strip("\ufeff")), named)
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, enum.Enum):
        return value.name
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (numbers.Real, Decimal)):
        return _of_number(value)
    if isinstance(value, KEPT):
        return str(value)
    if isinstance(value, str):
        return to_word(value, named=named)
    raise _NoClass(f"{_kind(value)} is neither a word nor a whole number")


def is_negative(value: Any) -> bool:
    """Whether a label is a number below 0, or reads as one."""
    text = str(value).strip()
    return bool(NUMBER.fullmatch(text)) and float(text) < 0


def is_whole(word: str) -> bool:
    """Whether a word is a whole number from 0 on, in the form that `to_word` gives."""
    return word.isascii() and word.isdigit() and not CODE.fullmatch(word)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names in an order that is the same wherever they come from: numbers by size, then words by their letters."""
    return tuple(sorted(names, key=_place))


def _place(name: str) -> tuple[int, float, str]:
    if WHOLE.fullmatch(name):
        return 0, int(name.partition(".")[0]), name
    if NUMBER.fullmatch(name):
        return 0, float(name), name
    return 1, 0, name


def _of_text(text: str, named: bool) -> str | None:
    if not text:
        return None
    if CODE.fullmatch(text):
        return text
    if WHOLE.fullmatch(text):
        number = int(text.partition(".")[0])
        return str(number) if number >= 0 or named else None
    if named:
        return text
    if NUMBER.fullmatch(text):
        return _of_number(Decimal(text))
    if COMMA.fullmatch(text):
        raise _fraction(text)
    return text


def _of_number(value: Any) -> str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise _NoClass(f"{value} is no class")
    if value != int(value):
        raise _fraction(value)
    return str(int(value)) if value >= 0 else None


def _fraction(value: Any) -> _NoClass:
    return _NoClass(
        f"{value} is a fraction; the workbench sorts images into classes, it does not predict amounts. Sort the "
        "amounts into classes first (pandas.cut does), or name the classes by words"
    )


def _refusal(where: str, row: int, why: str) -> str:
    return f"row {row} of {where} cannot be a class: {why}"


def _kind(value: Any) -> str:
    word = type(value).__name__
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"
