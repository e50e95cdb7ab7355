"""Polling of runs: one thread per kernel calls every widget that shows a run a few times per second.

A widget calls `start_polling(self, self.poll)`. The thread calls `poll` every quarter of a second until it returns
False, raises, or the widget is closed. An exception becomes the widget's trait `error`, since Jupyter shows it
nowhere.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from workbench.widgets.base import format_error

INTERVAL = 0.25
"""Seconds between two polls: four per second, which pages and servers keep up with."""

_callbacks: dict[int, tuple[Any, Callable[[], bool]]] = {}
_lock = threading.Lock()
_pause = threading.Event()
_thread: threading.Thread | None = None


def start_polling(owner: Any, callback: Callable[[], bool]) -> None:
    """Call `callback` a few times per second on the shared thread; a second call for the same owner replaces the first.

    Args:
        owner: widget to poll for; its trait `error` takes what `callback` raises.
        callback: short function; returns True to be called again.
    """
    global _thread
    with _lock:
        _callbacks[id(owner)] = (owner, callback)
        if _thread is None:
            _thread = threading.Thread(target=_run_polling_loop, name="workbench-widgets", daemon=True)
            _thread.start()


def stop_polling(owner: Any) -> None:
    """Stop polling for `owner`, for example when it is closed."""
    with _lock:
        _callbacks.pop(id(owner), None)


def count_polled_widgets() -> int:
    """Count the widgets that are polled at present."""
    with _lock:
        return len(_callbacks)


def _run_polling_loop() -> None:
    global _thread
    while True:
        _pause.wait(INTERVAL)
        with _lock:
            if not _callbacks:
                _thread = None
                return
            present = list(_callbacks.items())
        for key, entry in present:
            if not _poll_once(*entry):
                with _lock:
                    # compared by identity: the owner may have registered a new callback meanwhile
                    if _callbacks.get(key) is entry:
                        del _callbacks[key]


def _poll_once(owner: Any, callback: Callable[[], bool]) -> bool:
    try:
        return callback()
    except Exception as error:
        logging.getLogger("workbench").exception("while following a run for %s", type(owner).__name__)
        owner.error = format_error(error)
        return False
