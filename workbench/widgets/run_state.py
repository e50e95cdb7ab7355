"""How one run stands: its sentence, its progress, the time left, and the buttons that stop and resume it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import traitlets

from workbench.widgets.base import Panel, script, shown
from workbench.widgets.follow import follow, unfollow
from workbench.widgets.latest import Latest
from workbench.widgets.words import duration


class RunState(Panel):
    """One run while it is under way, and after.

    Args:
        resumed: called when the run goes on after a click, so that its curves are followed again.

    Attributes:
        run: the run shown.
        about: what the page shows: name, state, sentence, share done, and why a button is off.
    """

    _esm = script("run_state.mjs")
    run = traitlets.Any(None, allow_none=True)
    about = traitlets.Dict().tag(sync=True)

    def __init__(self, resumed: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._resumed, self._doing = resumed, Latest(self)
        self.on_msg(lambda _, content, __: self.answer(content))

    def watch(self) -> None:
        """Follows the run from here on."""
        if self.run is not None and self.look():
            follow(self, self.look)

    def look(self) -> bool:
        """Reads how the run stands; whether that may still change."""
        run = self.run
        if run is None:
            self.about = {}
            return False
        status = run.status
        self.about = said(run.name, status)
        return status.alive

    @shown
    def answer(self, content: dict[str, str]) -> None:
        """Stops or resumes, when the page asks for it."""
        run, wanted = self.run, content.get("do")
        if run is None:
            return
        if wanted == "stop":
            run.stop()
            self.look()
        if wanted == "resume":
            self._doing.ask(lambda: self._resume(run))

    def close(self) -> None:
        """Ends the following with the view."""
        unfollow(self)
        super().close()

    def _resume(self, run: Any) -> None:
        run.resume()
        self.watch()
        self._resumed()

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self.error = ""
        self.look()
        self.watch()


def said(name: str, status: Any) -> dict[str, Any]:
    """The state of a run for the page."""
    share = status.step / status.steps if status.steps else 0.0
    alive = status.alive
    no_stop = "" if alive else "the run is not under way"
    no_resume = "the run is under way" if alive else "the run is done" if status.state == "done" else ""
    return {
        "name": name,
        "state": status.state,
        "sentence": sentence(status),
        "share": 1.0 if status.state == "done" else round(share, 4),
        "no_stop": "it is stopping already" if status.state == "stopping" else no_stop,
        "no_resume": no_resume,
    }


def sentence(status: Any) -> str:
    """How a run stands, in words."""
    if status.state != "running" or not status.steps:
        return status.sentence or {"created": "not started", "done": "all epochs are over"}.get(status.state, "")
    parts = [f"epoch {min(int(status.epoch) + 1, status.epochs)} of {status.epochs}"]
    if status.seconds_left is not None:
        parts.append(f"{duration(status.seconds_left)} left")
    return ", ".join([*parts, f"on {status.device}"] if status.device else parts)
