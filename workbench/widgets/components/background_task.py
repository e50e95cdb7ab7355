"""Background task of a widget: a thread that runs the newest request only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets

from workbench._threads import limit_to_free_cores
from workbench.widgets.base import Notice, format_error


class BackgroundTask:
    """Thread that runs the latest request; a waiting request is dropped when a newer one is submitted.

    Args:
        owner: the widget; its trait `error` takes what a request raises.
    """

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._lock = threading.Lock()
        self._next: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def submit(self, call: Callable[[], None]) -> None:
        """Submit `call` to run on the thread."""
        with self._lock:
            self._next = call
            if self._thread is None:
                self._thread = threading.Thread(target=self._run_submitted, name="workbench-widget")
                self._thread.start()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until no request is left, or for `timeout` seconds."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _run_submitted(self) -> None:
        while True:
            with self._lock:
                call, self._next = self._next, None
                if call is None:
                    self._thread = None
                    return
            try:
                with limit_to_free_cores():
                    call()
            except Exception as error:
                self._owner.error = format_error(error)


class BackgroundTaskMixin:
    """Mixin of widgets with a background task: its error message under the choosers, and waiting for its end."""

    notice: Notice
    _task: BackgroundTask

    @property
    def error(self) -> str:
        """Error message, shown under the choosers."""
        return self.notice.error

    @error.setter
    def error(self, text: str) -> None:
        self.notice.text, self.notice.error = "", text

    def wait(self, timeout: float | None = None) -> None:
        """Wait until no work is left, or for `timeout` seconds."""
        self._task.wait(timeout)


IDLE_TOOLTIP, STOP_TOOLTIP = "no work is under way", "stop, and keep the results so far"


class StoppableMixin(BackgroundTaskMixin):
    """Mixin of widgets whose background task can be stopped by a button; partial results are kept."""

    _stop_event: threading.Event
    stop_button: ipywidgets.Button

    def _make_stop_button(self) -> ipywidgets.Button:
        """Make the Stop button, disabled until work is under way."""
        self._stop_event = threading.Event()
        self.stop_button = ipywidgets.Button(description="Stop", tooltip=IDLE_TOOLTIP, disabled=True)
        self.stop_button.on_click(lambda _: self._stop_event.set())
        return self.stop_button

    def _start_task(self, text: str, call: Callable[[], None]) -> None:
        """Run `call` on the thread, after stopping the work under way."""
        self.error, self.notice.text = "", text
        self._stop_event.set()
        stop = self._stop_event = threading.Event()
        self._task.submit(lambda: self._run_task(stop, call))

    def _run_task(self, stop_event: threading.Event, call: Callable[[], None]) -> None:
        if stop_event.is_set():
            return
        self.stop_button.disabled, self.stop_button.tooltip = False, STOP_TOOLTIP
        try:
            call()
        finally:
            if self._stop_event is stop_event:  # otherwise the button belongs to the next task
                self.stop_button.disabled, self.stop_button.tooltip = True, IDLE_TOOLTIP
