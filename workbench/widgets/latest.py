"""Slow work behind a widget: on one thread, the newest request only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from workbench.widgets.base import Notice, sentence


class Latest:
    """Runs what was asked last; what still waits when something newer is asked is dropped.

    Args:
        owner: the widget; its trait `error` takes what a request raises.
    """

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._next: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def ask(self, call: Callable[[], None]) -> None:
        """Has `call` run soon, on the thread."""
        with self._lock:
            self._next = call
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="workbench-widget")
                self._thread.start()

    def wait(self, timeout: float | None = None) -> None:
        """Returns when nothing is under way, or after `timeout` seconds."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _work(self) -> None:
        while True:
            with self._lock:
                call, self._next = self._next, None
                if call is None:
                    self._thread = None
                    return
            try:
                call()
            except Exception as error:
                self._owner.error = sentence(error)


class Working:
    """What widgets share whose slow work is on a thread: its error under the choosers, and waiting for it."""

    notice: Notice
    _work: Latest

    @property
    def error(self) -> str:
        """What went wrong, shown under the choosers."""
        return self.notice.error

    @error.setter
    def error(self, text: str) -> None:
        self.notice.text, self.notice.error = "", text

    def wait(self, timeout: float | None = None) -> None:
        """Returns when nothing is under way, or after `timeout` seconds."""
        self._work.wait(timeout)
