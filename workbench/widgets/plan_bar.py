"""Plan in words, with the buttons "Copy as code" and Launch."""

from __future__ import annotations

from collections.abc import Callable

import traitlets

from workbench.widgets.base import Panel, bundle_script, show_errors


class PlanBar(Panel):
    """One line that describes the plan, and two buttons.

    Attributes:
        words: plan in words.
        code: plan as lines of Python; empty disables copying.
        reason: reason why the plan cannot be launched now; empty enables the button.
        busy: True while a launch is under way; the button shows it.
    """

    _esm = bundle_script("plan_bar.mjs")
    words = traitlets.Unicode("").tag(sync=True)
    code = traitlets.Unicode("").tag(sync=True)
    reason = traitlets.Unicode("").tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)

    def __init__(self, launch: Callable[[], None]) -> None:
        super().__init__()
        self._launch = launch
        self.on_msg(lambda _, content, __: self.handle_message(content))

    @show_errors
    def handle_message(self, content: dict[str, str]) -> None:
        """Launch the plan on the page's request, if nothing prevents it."""
        try:
            if content.get("do") == "launch" and not self.busy and not self.reason:
                self._launch()
        finally:
            # the page already shows "Starting…" and reads the state again after this message
            self.send({"kind": "answered"})
