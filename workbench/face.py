"""What rooms look like from outside: those that answer a call, and those whose names are resolved on first use.

`wb.images(...)` opens images, and `workbench.images` is where that is written: importing a room binds its module on
the package, over any function of the same name. So the rooms that share a name with a public function carry that
function themselves.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any


def answer(room: str, function: Callable[..., Any]) -> None:
    """Makes the imported module named `room` callable: calling it calls `function`."""
    signature = inspect.signature(function)
    members = {"__call__": staticmethod(function), "__doc__": function.__doc__}
    members["__signature__"] = property(lambda _: signature)
    sys.modules[room].__class__ = type("Room", (ModuleType,), members)


def later(room: str, homes: Mapping[str, str], kind: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A room's `__getattr__` and `__dir__`: each name is taken from its module when it is first asked for.

    Args:
        room: the room's `__name__`.
        homes: the module of each public name, within the room.
        kind: what the names are, for the sentence that meets an unknown one.
    """

    def find(name: str) -> Any:
        if name not in homes:
            from workbench.errors import nearest

            raise AttributeError(f"there is no {kind} {name!r}; {nearest(name, list(homes))}")
        value = getattr(importlib.import_module(f"{room}.{homes[name]}"), name)
        setattr(sys.modules[room], name, value)
        return value

    return find, lambda: sorted(homes)
