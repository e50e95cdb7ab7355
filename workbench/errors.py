"""Exceptions with readable messages: what was expected, what was received, what to do."""

from __future__ import annotations

import difflib
import functools
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from workbench.formatting import join_names, summarize_names

__all__ = ["WorkbenchError"]

F = TypeVar("F", bound=Callable[..., str])

# characters that a terminal would execute or that could disguise a name: control characters except line feed and tab,
# marks that change the writing direction, and lone surrogates, which represent undecodable bytes of a file name
_CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def escape_control_characters(text: object) -> str:
    """Escape control characters, as `repr` does, so that names from outside cannot control a terminal."""
    return _CONTROL_CHARACTERS.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def escape_returned_text(method: F) -> F:
    """Decorate a `__str__` or `__repr__` that contains names from outside: control characters are escaped."""

    @functools.wraps(method)
    def written(self: Any) -> str:
        return escape_control_characters(method(self))

    return written  # type: ignore[return-value]


class _EscapeFilter(logging.Filter):
    """Logging filter that escapes control characters."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = escape_control_characters(record.getMessage()), None
        return True


logging.getLogger("workbench").addFilter(_EscapeFilter())


class WorkbenchError(Exception):
    """Base class of all errors raised on purpose; the message is one or two plain sentences."""

    def __str__(self) -> str:
        return escape_control_characters(super().__str__())


class UnknownName(WorkbenchError, LookupError):
    """Name that does not exist.

    Subclass of `LookupError` rather than `KeyError`, since `KeyError` prints its message quoted and escaped.
    """

    @classmethod
    def of(cls, kind: str, name: object, known: Iterable[str], hint: str = "") -> UnknownName:
        """Build the error for `name`, with near misses among `known` and an optional closing hint."""
        sentence = f"no {kind} is called {str(name)!r}; {suggest_names(str(name), list(known))}"
        if not hint or hint in sentence:
            return cls(sentence)
        return cls(f"{sentence} ({hint})" if sentence.endswith("?") else f"{sentence}; {hint}")


class BadValue(WorkbenchError, ValueError):
    """Value of the wrong type, out of range, or inconsistent with another."""


class BadData(WorkbenchError, ValueError):
    """Images or labels that cannot be used as they are."""


class Unavailable(WorkbenchError, RuntimeError):
    """Resource that exists but cannot be used here or now: no network, no device, a folder in use."""


class DiskError(Unavailable, OSError):
    """File or folder that the system refuses to read or write: the disk is full, read-only, or access is denied.

    `errno` is the system's error number, for callers that continue without the disk.
    """

    def __init__(self, sentence: str, errno: int | None = None) -> None:
        super().__init__(sentence)
        self.errno = errno


class RunFailed(WorkbenchError, RuntimeError):
    """Run that ended with a failure; its last valid state is kept."""


def suggest_names(name: str, known: list[str]) -> str:
    """Suggest alternatives to `name`: near misses if there are any, else the known names."""
    lowered = {k.lower(): k for k in known}
    close = [lowered[k] for k in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)]
    if close:
        return f"did you mean {join_names(close, 'or')}?"
    return describe_known_names(known)


def describe_known_names(known: Iterable[str]) -> str:
    """List the first twelve known names and the number of further ones."""
    return f"there are {summarize_names(sorted(known)) or 'none'}"
