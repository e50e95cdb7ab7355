"""One thread a kernel that looks at running things a few times a second, for every widget that shows them.

A widget asks `follow(self, self.look)`. The thread calls `look` every quarter of a second until it returns False,
raises, or the widget is closed. What it raises becomes the widget's trait `error`, since Jupyter shows it nowhere.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from workbench.widgets.base import sentence

INTERVAL = 0.25
"""Seconds between two looks: four a second, which pages and servers keep up with."""

_looks: dict[int, tuple[Any, Callable[[], bool]]] = {}
_lock = threading.Lock()
_pause = threading.Event()
_thread: threading.Thread | None = None


def follow(owner: Any, look: Callable[[], bool]) -> None:
    """Calls `look` a few times a second, from one thread shared by all; a second call replaces the first.

    Args:
        owner: the widget that asks; its trait `error` takes what `look` raises.
        look: short; returns whether it wants to be called again.
    """
    global _thread
    with _lock:
        _looks[id(owner)] = (owner, look)
        if _thread is None:
            _thread = threading.Thread(target=_go_round, name="workbench-widgets", daemon=True)
            _thread.start()


def unfollow(owner: Any) -> None:
    """Ends the looking of `owner`, as when it is closed."""
    with _lock:
        _looks.pop(id(owner), None)


def followed() -> int:
    """How many widgets are looked after at present."""
    with _lock:
        return len(_looks)


def _go_round() -> None:
    global _thread
    while True:
        _pause.wait(INTERVAL)
        with _lock:
            if not _looks:
                _thread = None
                return
            present = list(_looks.items())
        for key, entry in present:
            if not _once(*entry):
                with _lock:
                    # by identity: the owner may have asked anew meanwhile
                    if _looks.get(key) is entry:
                        del _looks[key]


def _once(owner: Any, look: Callable[[], bool]) -> bool:
    try:
        return look()
    except Exception as error:
        logging.getLogger("workbench").exception("while following a run for %s", type(owner).__name__)
        owner.error = sentence(error)
        return False
