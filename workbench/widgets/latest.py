"""Slow work behind a widget: on one thread, the newest request only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets

from workbench.threads import spare
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
                with spare():
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


IDLE, BUSY = "nothing is under way", "keep what there is"


class Stoppable(Working):
    """What widgets share whose slow work a person may end: a button, and what there is stays."""

    _stop: threading.Event
    halt: ipywidgets.Button

    def _stopping(self) -> ipywidgets.Button:
        """The button; until work is under way it is at rest."""
        self._stop = threading.Event()
        self.halt = ipywidgets.Button(description="Stop", tooltip=IDLE, disabled=True)
        self.halt.on_click(lambda _: self._stop.set())
        return self.halt

    def _start(self, says: str, call: Callable[[], None]) -> None:
        """Has `call` run soon, on the thread; what is under way makes room."""
        self.error, self.notice.text = "", says
        self._stop.set()
        stop = self._stop = threading.Event()
        self._work.ask(lambda: self._carried_out(stop, call))

    def _carried_out(self, stop: threading.Event, call: Callable[[], None]) -> None:
        if stop.is_set():
            return
        self.halt.disabled, self.halt.tooltip = False, BUSY
        try:
            call()
        finally:
            if self._stop is stop:  # else what comes next has it
                self.halt.disabled, self.halt.tooltip = True, IDLE
