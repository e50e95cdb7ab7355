"""The plan in words, "Copy as code", and the button that launches it."""

from __future__ import annotations

from collections.abc import Callable

import traitlets

from workbench.widgets.base import Panel, script, shown


class PlanBar(Panel):
    """One line that says what would be run, and two buttons.

    Attributes:
        words: the plan in words.
        code: the same as lines of Python; empty disables the copying.
        reason: why it cannot be launched now; empty enables the button.
        busy: whether a launch is under way; the button says so.
    """

    _esm = script("plan_bar.mjs")
    words = traitlets.Unicode("").tag(sync=True)
    code = traitlets.Unicode("").tag(sync=True)
    reason = traitlets.Unicode("").tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)

    def __init__(self, launch: Callable[[], None]) -> None:
        super().__init__()
        self._launch = launch
        self.on_msg(lambda _, content, __: self.answer(content))

    @shown
    def answer(self, content: dict[str, str]) -> None:
        """Launches, when the page asks for it and nothing speaks against it."""
        try:
            if content.get("do") == "launch" and not self.busy and not self.reason:
                self._launch()
        finally:
            # the page has shown "Starting…" already, and looks anew at what is true
            self.send({"kind": "answered"})
