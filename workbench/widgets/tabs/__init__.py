"""Tabs of the workbench, one file each, found by walking this folder: adding a file adds a tab.

A tab is a class decorated with `@tabs.add("its-name")` that defines its `title` and its `order` (those here are 10,
20, 30 …, so that others fit between). It receives the `WorkbenchState` shared by all tabs: it reads and observes the
traits of that state and sets the one that is its result. `build` makes its widgets once, when the tab is first
opened; `refresh` is called whenever the tab is shown.
"""

from __future__ import annotations

from typing import Any, ClassVar

import ipywidgets
import traitlets

from workbench.registry import Registry
from workbench.widgets.base import Notice
from workbench.widgets.components.background_task import BackgroundTask


class WorkbenchState(traitlets.HasTraits):
    """State shared by the tabs.

    Attributes:
        images: images in use, or None.
        backbone: backbone chosen: a name that `wb.load_net` takes, a choice or a net; or None.
        tuning: which weights move, as a choice.
        plan: current plan, or None while a part is missing.
        run: run shown, or None.
        launcher: launcher whose settings and button make the plan and the run.
        requested_tab: title of the tab to show; assign it to lead a person on.
    """

    images = traitlets.Any(None, allow_none=True)
    backbone = traitlets.Any(None, allow_none=True)
    tuning = traitlets.Any(None, allow_none=True)
    plan = traitlets.Any(None, allow_none=True)
    run = traitlets.Any(None, allow_none=True)
    launcher = traitlets.Any(None, allow_none=True)
    requested_tab = traitlets.Unicode("")


class Tab:
    """One tab.

    Attributes:
        title: label of the tab.
        order: position from the left.
        loading_text: text shown while `build` runs on a thread; empty where it is quick.
        state: state shared by all tabs.
        box: container of the tab's widgets; empty until `build` has filled it.
        notice: strip for a status text or an error message.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    order: ClassVar[int]
    loading_text: ClassVar[str] = ""

    def __init__(self, state: WorkbenchState) -> None:
        self.state, self.notice = state, Notice()
        self.box = ipywidgets.VBox().add_class("wb-tab")
        self.is_built, self._build_task = False, BackgroundTask(self.notice)

    def open(self) -> None:
        """Show the tab; build its widgets the first time, on a thread where that is slow."""
        if self.is_built or not self.loading_text:
            self._show_content()
            return
        self.notice.text, self.box.children = self.loading_text, [self.notice]
        self._build_task.submit(self._show_content)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until a slow tab is built, or for `timeout` seconds."""
        self._build_task.wait(timeout)

    def _show_content(self) -> None:
        if not self.is_built:
            children = self.build()
            self.is_built, self.notice.text = True, ""
            self.box.children = [*children, self.notice]
        self.refresh()

    def build(self) -> list[Any]:
        """Build the widgets of the tab, from top to bottom."""
        raise TypeError(f"the tab {type(self).__name__} must define build()")

    def refresh(self) -> None:
        """Update the tab to changes made elsewhere; called whenever it is shown."""


tabs: Registry[Tab] = Registry("tab", "workbench.widgets.tabs")
