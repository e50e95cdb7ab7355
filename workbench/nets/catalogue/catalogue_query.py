"""Query language for frames, of words and bounds: `mobilenet, parameters < 6e6 and licence == 'apache-2.0'`.

Bounds use Python's syntax but are never executed: only comparisons of columns with numbers and texts, combined by
and, or and not, are evaluated on the syntax tree.
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
from workbench.formatting import truncate_end

MAX_QUERY_LENGTH = 2000  # largest number of characters in a query
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_LOGIC_WORDS = {"and", "or", "not", "in"}
_TOKEN_PATTERN = re.compile(r"""'[^']*'|"[^"]*"|\w+|.""", re.S)


def match_rows(
    frame: pd.DataFrame, query: str | None, text_columns: Sequence[str], synonyms: Mapping[str, str]
) -> np.ndarray:
    """Match the rows of `frame` against a query; returns one boolean per row.

    Args:
        query: words that must all occur, and bounds on columns, separated by commas or by `where`; None matches all.
        text_columns: columns in which words are searched; a word that names a boolean column matches its true rows.
        synonyms: other names of columns.

    Raises:
        BadValue: the bounds are no comparison of columns, or compare text with a number.
        UnknownName: the bounds name a column that the frame lacks.
    """
    if query is not None and not isinstance(query, str):
        raise BadValue(f'a query is text such as "mobilenet, parameters < 6e6"; got {type(query).__name__}')
    if query and len(query) > MAX_QUERY_LENGTH:
        raise BadValue(f"a query has at most {MAX_QUERY_LENGTH} characters; this one has {len(query)}")
    mask = np.ones(len(frame), dtype=bool)
    for part in _split_query(query or ""):
        words, bounds = _split_words_from_bounds(part, {*frame.columns, *synonyms})
        if words:
            mask &= _match_words(frame, words, text_columns)
        if bounds:
            mask &= _BoundsEvaluator(frame, synonyms, bounds).evaluate()
    return mask


def _split_query(query: str) -> list[str]:
    """Split the query at commas, semicolons and `where`, except inside brackets and quotes."""
    parts, depth = [""], 0
    for piece in _TOKEN_PATTERN.findall(query):
        depth += (piece in "([{") - (piece in ")]}")
        if depth <= 0 and piece.lower() in (",", ";", "where"):
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts if part.strip()]


def _split_words_from_bounds(part: str, columns: set[str]) -> tuple[list[str], str]:
    """Split one part into words and bounds; words may directly precede the bounds, as in `mobilenet top1 > 70`."""
    if not re.search("[<>=!]", part) and not _LOGIC_WORDS & set(part.lower().split()):
        return part.split(), ""
    for match in re.finditer(r"[A-Za-z_]\w*", part):
        before = part[: match.start()]
        if match.group() in columns and re.fullmatch(r"[\w./\s-]*", before) and not _LOGIC_WORDS & set(before.split()):
            return before.split(), part[match.start() :]
    return [], part


def _match_words(frame: pd.DataFrame, words: list[str], columns: Sequence[str]) -> np.ndarray:
    texts = [frame[column].astype(str) for column in columns]
    flags = [(name, frame[name].to_numpy()) for name in frame.columns if frame[name].dtype == bool]
    rows = [" ".join(row).lower() for row in zip(*texts, strict=True)]
    mask = np.ones(len(frame), dtype=bool)
    for word in (w.strip("'\"").lower() for w in words):
        matches = np.array([word in row for row in rows], dtype=bool)
        for name, flag in flags:
            if word == name:
                matches |= flag
        mask &= matches
    return mask


class _BoundsEvaluator:
    """Boolean expression over the columns of a frame."""

    def __init__(self, frame: pd.DataFrame, synonyms: Mapping[str, str], text: str) -> None:
        self.frame, self.synonyms, self.text = frame, synonyms, text

    def evaluate(self) -> np.ndarray:
        """Evaluate the expression for each row.

        Raises:
            BadValue: it is not an expression of the allowed kind.
            UnknownName: it names a column that does not exist.
        """
        try:
            tree = ast.parse(self.text.strip(), mode="eval").body
            return self._evaluate_condition(tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            if isinstance(error, BadValue):
                raise
            hint = "; equality is ==" if re.search(r"[^<>=!]=(?!=)", self.text) else ""
            raise BadValue(f"{self._shorten_source()} is not a bound such as parameters < 6e6{hint}") from None

    def _evaluate_condition(self, node: ast.expr) -> np.ndarray:
        if isinstance(node, ast.BoolOp):
            parts = [self._evaluate_condition(value) for value in node.values]
            return np.logical_and.reduce(parts) if isinstance(node.op, ast.And) else np.logical_or.reduce(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self._evaluate_condition(node.operand)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            results = [self._compare(sides[i], sign, sides[i + 1]) for i, sign in enumerate(node.ops)]
            return np.logical_and.reduce(results)
        value = self._evaluate_operand(node)
        if isinstance(value, np.ndarray) and value.dtype == bool:
            return value
        raise BadValue(
            f"{self._shorten_source(node)} alone is not a bound; compare it, as in {self._shorten_source(node)} < 1e6"
        )

    def _compare(self, left: ast.expr, comparison: ast.cmpop, right: ast.expr) -> np.ndarray:
        if isinstance(comparison, (ast.In, ast.NotIn)):
            result = self._evaluate_membership(left, right)
            return ~result if isinstance(comparison, ast.NotIn) else result
        if type(comparison) not in _COMPARISONS:
            raise BadValue(f"{self._shorten_source()} uses an unsupported comparison; supported are < <= > >= == != in")
        one, other = self._evaluate_operand(left), self._evaluate_operand(right)
        if _is_text(one) != _is_text(other):
            raise BadValue(
                f"{self._shorten_source(left)} and {self._shorten_source(right)} cannot be compared: "
                "one is text, one a number"
            )
        result = np.asarray(_COMPARISONS[type(comparison)](one, other), dtype=bool)
        return np.broadcast_to(result, len(self.frame))

    def _evaluate_membership(self, left: ast.expr, right: ast.expr) -> np.ndarray:
        """Evaluate `licence in ('mit', 'apache-2.0')`, or `'tiny' in name`."""
        if isinstance(right, (ast.Tuple, ast.List, ast.Set)):
            results = [self._compare(left, ast.Eq(), option) for option in right.elts]
            return np.logical_or.reduce(results) if results else np.zeros(len(self.frame), dtype=bool)
        piece, texts = self._evaluate_operand(left), self._evaluate_operand(right)
        if not isinstance(piece, str) or not (isinstance(texts, np.ndarray) and _is_text(texts)):
            raise BadValue(
                f"{self._shorten_source()}: `in` needs a list in brackets, or text before it and a column after it"
            )
        return np.array([piece in text for text in texts], dtype=bool)

    def _evaluate_operand(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return self._get_column(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            value = self._evaluate_operand(node.operand)
            if isinstance(value, float):
                return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value.lower()
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            return float(node.value)
        raise BadValue(f"{self._shorten_source(node)} is not allowed in a query: use columns, numbers and quoted text")

    def _get_column(self, name: str) -> np.ndarray:
        known = [str(column) for column in self.frame.columns]
        own = self.synonyms.get(name, name)
        if own not in known:
            raise UnknownName.of(
                "column", name, [*known, *self.synonyms], "text is quoted, and words come before a comma"
            )
        series = self.frame[own]
        if series.dtype == bool:
            return series.to_numpy()
        if pd.api.types.is_numeric_dtype(series.dtype):
            return series.to_numpy(dtype=float, na_value=np.nan)
        return np.array([str(value).lower() for value in series], dtype=object)

    def _shorten_source(self, node: ast.expr | None = None) -> str:
        text = self.text if node is None else ast.unparse(node)
        return truncate_end(text)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype == object)
