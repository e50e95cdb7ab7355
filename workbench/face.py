"""Rooms that answer a call: `wb.images(...)` opens images, and `workbench.images` is where that is written.

Importing a room binds its module on the package, over any function of the same name. So the four rooms
that share a name with a public function carry that function themselves.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def answer(room: str, function: Callable[..., Any]) -> None:
    """Makes the imported module named `room` callable: calling it calls `function`."""
    signature = inspect.signature(function)
    members = {"__call__": staticmethod(function), "__doc__": function.__doc__}
    members["__signature__"] = property(lambda _: signature)
    sys.modules[room].__class__ = type("Room", (ModuleType,), members)
