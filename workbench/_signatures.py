"""Signatures that name the options behind `**options`, so that completion and `help` show them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any


def name_options(function: Callable[..., Any], options: Iterable[inspect.Parameter]) -> None:
    """Set the function's `__signature__` to its own parameters followed by `options`, in place of `**options`.

    Args:
        function: function whose last parameter is `**options`.
        options: parameters that it accepts there; those that it has under the same name already are left out.
    """
    signature = inspect.signature(function)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    known = {p.name for p in own}
    named = {p.name: p.replace(kind=p.KEYWORD_ONLY) for p in options}
    function.__signature__ = signature.replace(
        parameters=[*own, *(p for name, p in named.items() if name not in known)]
    )  # type: ignore[attr-defined]
