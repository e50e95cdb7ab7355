"""State of one run: a sentence, its progress, the time left, and buttons to stop and resume it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from workbench.formatting import format_duration
from workbench.widgets.base import Panel, bundle_script, show_errors
from workbench.widgets.components.background_task import BackgroundTask
from workbench.widgets.components.polling import start_polling, stop_polling


class RunState(Panel):
    """State of a run while it is under way, and after.

    Args:
        on_resume: called after a click has resumed the run, so that its curves are followed again.

    Attributes:
        run: run shown.
        about: content of the page: name, state, sentence, fraction done, and reasons why a button is disabled.
    """

    _esm = bundle_script("run_state.mjs")
    run = traitlets.Any(None, allow_none=True)
    about = traitlets.Dict().tag(sync=True)

    def __init__(self, on_resume: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._on_resume, self._task = on_resume, BackgroundTask(self)
        self.on_msg(lambda _, content, __: self.handle_message(content))

    def follow_run(self) -> None:
        """Follow the run from now on."""
        if self.run is not None and self.poll():
            start_polling(self, self.poll)

    def poll(self) -> bool:
        """Read the state of the run; True if it may still change."""
        run = self.run
        if run is None:
            self.about = {}
            return False
        status = run.status
        self.about = build_state(run.name, status)
        return status.is_active

    @show_errors
    def handle_message(self, content: dict[str, str]) -> None:
        """Stop or resume the run on the page's request."""
        run, request = self.run, content.get("do")
        if run is None:
            return
        if request == "stop":
            run.stop()
            self.poll()
        if request == "resume":
            self._task.submit(lambda: self._resume_run(run))

    def close(self) -> None:
        """Stop polling and close the view."""
        stop_polling(self)
        super().close()

    def _resume_run(self, run: Any) -> None:
        run.resume()
        self.follow_run()
        self._on_resume()

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self.error = ""
        self.poll()
        self.follow_run()


def build_state(name: str, status: Any) -> dict[str, Any]:
    """Build the state of a run for the page."""
    fraction = status.step / status.steps if status.steps else 0.0
    is_active = status.is_active
    no_stop = "" if is_active else "the run is not under way"
    no_resume = "the run is under way" if is_active else "the run is done" if status.state == "done" else ""
    return {
        "name": name,
        "state": status.state,
        "sentence": describe_status(status),
        "share": 1.0 if status.state == "done" else round(fraction, 4),
        "no_stop": "it is stopping already" if status.state == "stopping" else no_stop,
        "no_resume": no_resume,
    }


def describe_status(status: Any) -> str:
    """Describe the state of a run in words."""
    if status.state != "running" or not status.steps:
        return status.message or {"created": "not started", "done": "all epochs trained"}.get(status.state, "")
    parts = [f"epoch {min(int(status.epoch) + 1, status.epochs)} of {status.epochs}"]
    if status.seconds_left is not None:
        parts.append(f"{format_duration(status.seconds_left)} left")
    return ", ".join([*parts, f"on {status.device}"] if status.device else parts)
