"""Import of plotly without nbformat, which saves two seconds before the first figure of a session."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any, cast


class LazyModule(ModuleType):
    """Module that is imported on first attribute access."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def defer_nbformat() -> None:
    """Import `plotly.io` and postpone the import of nbformat until it is used.

    Plotly reads nbformat's version where a figure is shown by `show`, and nothing else of it, but imports it at once.
    By way of jsonschema, this compiles some forty grammars in every process.
    """
    early = "plotly.io._renderers" in sys.modules or "nbformat" in sys.modules
    if early or importlib.util.find_spec("nbformat") is None:
        return
    sys.modules["nbformat"] = cast(Any, None)  # None makes Python raise ImportError for this module
    try:
        renderers: Any = importlib.import_module("plotly.io._renderers")
    finally:
        del sys.modules["nbformat"]
    renderers.nbformat = LazyModule("nbformat")


defer_nbformat()

import plotly.graph_objects as go  # noqa: E402, F401
import plotly.io as pio  # noqa: E402, F401
