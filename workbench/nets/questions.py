"""Questions to a frame in words and bounds: `mobilenet, parameters < 6e6 and licence == 'apache-2.0'`.

Bounds look like Python but are never run: their syntax tree is walked, and only comparisons of columns with numbers
and texts, joined by and, or and not, mean anything.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.errors import BadValue, UnknownName

LONGEST = 2000  # characters of a query
_SIGNS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_LOGIC = {"and", "or", "not", "in"}
_PIECE = re.compile(r"""'[^']*'|"[^"]*"|\w+|.""", re.S)


def matching(
    frame: pd.DataFrame, query: str | None, words_in: Sequence[str], synonyms: Mapping[str, str]
) -> np.ndarray:
    """Which rows of `frame` answer a query, as booleans.

    Args:
        query: words that must all occur, and bounds on columns, parted by commas or by `where`; None is everything.
        words_in: the columns in which words are looked for; the name of a true column is found too.
        synonyms: other names of columns.

    Raises:
        BadValue: the bounds are no comparison of columns, or compare text with a number.
        UnknownName: the bounds name a column that the frame lacks.
    """
    if query is not None and not isinstance(query, str):
        raise BadValue(f'a query is text such as "mobilenet, parameters < 6e6"; got {type(query).__name__}')
    if query and len(query) > LONGEST:
        raise BadValue(f"a query has at most {LONGEST} characters; this one has {len(query)}")
    kept = np.ones(len(frame), dtype=bool)
    for part in _parts(query or ""):
        words, bounds = _parted(part, {*frame.columns, *synonyms})
        if words:
            kept &= _with_words(frame, words, words_in)
        if bounds:
            kept &= _Bounds(frame, synonyms, bounds).rows()
    return kept


def _parts(query: str) -> list[str]:
    """The query parted at commas, semicolons and `where`, save inside brackets and quotes."""
    parts, depth = [""], 0
    for piece in _PIECE.findall(query):
        depth += (piece in "([{") - (piece in ")]}")
        if depth <= 0 and piece.lower() in (",", ";", "where"):
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts if part.strip()]


def _parted(part: str, columns: set[str]) -> tuple[list[str], str]:
    """Words and bounds of one part; words may stand straight before the bounds, as in `mobilenet top1 > 70`."""
    if not re.search("[<>=!]", part) and not _LOGIC & set(part.lower().split()):
        return part.split(), ""
    for found in re.finditer(r"[A-Za-z_]\w*", part):
        before = part[: found.start()]
        if found.group() in columns and re.fullmatch(r"[\w./\s-]*", before) and not _LOGIC & set(before.split()):
            return before.split(), part[found.start() :]
    return [], part


def _with_words(frame: pd.DataFrame, words: list[str], columns: Sequence[str]) -> np.ndarray:
    texts = [frame[column].astype(str) for column in columns]
    flags = [(name, frame[name].to_numpy()) for name in frame.columns if frame[name].dtype == bool]
    rows = [" ".join(row).lower() for row in zip(*texts, strict=True)]
    kept = np.ones(len(frame), dtype=bool)
    for word in (w.strip("'\"").lower() for w in words):
        found = np.array([word in row for row in rows], dtype=bool)
        for name, flag in flags:
            if word == name:
                found |= flag
        kept &= found
    return kept


class _Bounds:
    """One boolean expression over the columns of a frame."""

    def __init__(self, frame: pd.DataFrame, synonyms: Mapping[str, str], text: str) -> None:
        self.frame, self.synonyms, self.text = frame, synonyms, text

    def rows(self) -> np.ndarray:
        """Where the expression holds.

        Raises:
            BadValue: it is not an expression of the allowed kind.
            UnknownName: it names a column that is not there.
        """
        try:
            tree = ast.parse(self.text.strip(), mode="eval").body
            return self._truth(tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            if isinstance(error, BadValue):
                raise
            hint = "; equality is ==" if re.search(r"[^<>=!]=(?!=)", self.text) else ""
            raise BadValue(f"{self._shown()} is not a bound such as parameters < 6e6{hint}") from None

    def _truth(self, node: ast.expr) -> np.ndarray:
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(value) for value in node.values]
            return np.logical_and.reduce(parts) if isinstance(node.op, ast.And) else np.logical_or.reduce(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self._truth(node.operand)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            held = [self._compared(sides[i], sign, sides[i + 1]) for i, sign in enumerate(node.ops)]
            return np.logical_and.reduce(held)
        value = self._value(node)
        if isinstance(value, np.ndarray) and value.dtype == bool:
            return value
        raise BadValue(f"{self._shown(node)} alone is no bound; compare it, as in {self._shown(node)} < 1e6")

    def _compared(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> np.ndarray:
        if isinstance(sign, (ast.In, ast.NotIn)):
            held = self._contained(left, right)
            return ~held if isinstance(sign, ast.NotIn) else held
        if type(sign) not in _SIGNS:
            raise BadValue(f"{self._shown()} compares in a way that has no meaning here; there are < <= > >= == != in")
        one, other = self._value(left), self._value(right)
        if _is_text(one) != _is_text(other):
            raise BadValue(
                f"{self._shown(left)} and {self._shown(right)} cannot be compared: one is text, one a number"
            )
        held = np.asarray(_SIGNS[type(sign)](one, other), dtype=bool)
        return np.broadcast_to(held, len(self.frame))

    def _contained(self, left: ast.expr, right: ast.expr) -> np.ndarray:
        """`licence in ('mit', 'apache-2.0')`, or `'tiny' in name`."""
        if isinstance(right, (ast.Tuple, ast.List, ast.Set)):
            held = [self._compared(left, ast.Eq(), option) for option in right.elts]
            return np.logical_or.reduce(held) if held else np.zeros(len(self.frame), dtype=bool)
        piece, texts = self._value(left), self._value(right)
        if not isinstance(piece, str) or not (isinstance(texts, np.ndarray) and _is_text(texts)):
            raise BadValue(f"{self._shown()}: `in` wants a list in brackets, or text before it and a column after it")
        return np.array([piece in text for text in texts], dtype=bool)

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return self._column(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            value = self._value(node.operand)
            if isinstance(value, float):
                return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value.lower()
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            return float(node.value)
        raise BadValue(f"{self._shown(node)} has no place in a query: only columns, numbers and quoted text have")

    def _column(self, name: str) -> np.ndarray:
        known = [str(column) for column in self.frame.columns]
        own = self.synonyms.get(name, name)
        if own not in known:
            raise UnknownName.of(
                "column", name, [*known, *self.synonyms], "text is quoted, and words stand before a comma"
            )
        series = self.frame[own]
        if series.dtype == bool:
            return series.to_numpy()
        if pd.api.types.is_numeric_dtype(series.dtype):
            return series.to_numpy(dtype=float, na_value=np.nan)
        return np.array([str(value).lower() for value in series], dtype=object)

    def _shown(self, node: ast.expr | None = None) -> str:
        text = self.text if node is None else ast.unparse(node)
        return text if len(text) <= 80 else text[:77] + "…"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype == object)
