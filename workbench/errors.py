"""Every refusal that a person can act on: what was wanted, what came, what to do."""

from __future__ import annotations

import difflib
import functools
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., str])

# what a terminal would obey or a name could hide behind: control characters but line end and tab, marks that turn the
# direction of writing, and halves of surrogate pairs, which stand for bytes of a file name that are no text
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: object) -> str:
    """Write control characters out, as `repr` does, so that a name from outside can do nothing to a terminal."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def printable_text(method: F) -> F:
    """Decorate a `__str__` or `__repr__` that shows names from outside: control characters are written out."""

    @functools.wraps(method)
    def written(self: Any) -> str:
        return printable(method(self))

    return written  # type: ignore[return-value]


class _WrittenOut(logging.Filter):
    """What the workbench logs, with control characters written out."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = printable(record.getMessage()), None
        return True


logging.getLogger("workbench").addFilter(_WrittenOut())


class WorkbenchError(Exception):
    """Base of all refusals; its text is one or two plain sentences."""

    def __str__(self) -> str:
        return printable(super().__str__())


class UnknownName(WorkbenchError, LookupError):
    """A name that nothing bears.

    `LookupError` rather than `KeyError`, since `KeyError` prints its message quoted and escaped.
    """

    @classmethod
    def of(cls, kind: str, name: object, known: Iterable[str], hint: str = "") -> UnknownName:
        """The refusal for `name`, with near misses among `known` and an optional closing hint."""
        sentence = f"no {kind} is called {str(name)!r}; {nearest(str(name), list(known))}"
        if not hint or hint in sentence:
            return cls(sentence)
        return cls(f"{sentence} ({hint})" if sentence.endswith("?") else f"{sentence}; {hint}")


class BadValue(WorkbenchError, ValueError):
    """A value of the wrong type, out of its range, or at odds with another."""


class BadData(WorkbenchError, ValueError):
    """Images or labels that cannot be used as they are."""


class Unavailable(WorkbenchError, RuntimeError):
    """Something that exists, but not here or not now: no network, no device, a folder in use."""


class DiskError(Unavailable, OSError):
    """A file or folder that the system does not let us write or read: the disk is full, read-only, not ours.

    `errno` is the system's number, for those who go on without the disk.
    """

    def __init__(self, sentence: str, errno: int | None = None) -> None:
        super().__init__(sentence)
        self.errno = errno


class RunFailed(WorkbenchError, RuntimeError):
    """A run that ended with a failure; its last good state is kept."""


def nearest(name: str, known: list[str]) -> str:
    """What to try instead of `name`: near misses if there are any, else what there is."""
    lowered = {k.lower(): k for k in known}
    close = [lowered[k] for k in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)]
    if close:
        return f"did you mean {' or '.join(close)}?"
    return listed(known)


def listed(known: Iterable[str]) -> str:
    """What there is: the first twelve names, and how many more."""
    names = sorted(known)
    if not names:
        return "there are none"
    return f"there are {', '.join(names[:12])}" + (f" and {len(names) - 12} more" if len(names) > 12 else "")
