"""Plotly, without what it imports in vain: two seconds before the first figure of a session."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any, cast


class Later(ModuleType):
    """A module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def without_nbformat() -> None:
    """Imports `plotly.io`, and keeps nbformat for when it is used.

    Plotly reads nbformat's version where a figure is shown by `show`, and nothing else of it; but imports it at once,
    and with it, by way of jsonschema, some forty grammars that are compiled anew in every process.
    """
    early = "plotly.io._renderers" in sys.modules or "nbformat" in sys.modules
    if early or importlib.util.find_spec("nbformat") is None:
        return
    sys.modules["nbformat"] = cast(Any, None)  # Python's way to say that a module cannot be imported
    try:
        renderers: Any = importlib.import_module("plotly.io._renderers")
    finally:
        del sys.modules["nbformat"]
    renderers.nbformat = Later("nbformat")


without_nbformat()

import plotly.graph_objects as go  # noqa: E402
import plotly.io as pio  # noqa: E402

__all__ = ["go", "pio"]
