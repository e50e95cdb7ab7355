"""Tabs of the workbench: one file each, found by walking this folder. Adding a file adds a tab.

A tab is a class decorated with `@tabs.add("its-name")` that says its `title` and its place, `order` (those here
stand at 10, 20, 30 …, so that others fit between). It is handed the `Bench`, the state that all tabs share:
it reads and observes the bench's traits and sets the one that is its product. `build` makes what it shows, once,
when it is first opened; `opened` is called whenever it comes into view.
"""

from __future__ import annotations

from typing import Any, ClassVar

import ipywidgets
import traitlets

from workbench.registry import Registry
from workbench.widgets.base import Notice
from workbench.widgets.latest import Latest


class Bench(traitlets.HasTraits):
    """What the tabs share.

    Attributes:
        images: the images at hand, or None.
        backbone: the backbone chosen: what `wb.load` takes, or None.
        tuning: which weights move, as a choice.
        plan: the plan as it stands, or None while a part is missing.
        run: the run shown, or None.
        launcher: the launcher whose settings and button make the plan and the run.
        asked: title of the tab that should come into view; set it to lead a person on.
    """

    images = traitlets.Any(None, allow_none=True)
    backbone = traitlets.Any(None, allow_none=True)
    tuning = traitlets.Any(None, allow_none=True)
    plan = traitlets.Any(None, allow_none=True)
    run = traitlets.Any(None, allow_none=True)
    launcher = traitlets.Any(None, allow_none=True)
    asked = traitlets.Unicode("")


class Tab:
    """One tab.

    Attributes:
        title: the word on it.
        order: its place from the left.
        slow: what stands there while `build` runs on a thread; empty where it is quick.
        bench: the state that all tabs share.
        box: what the page shows; empty until `build` has filled it.
        notice: room for a quiet sentence or for what went wrong.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    order: ClassVar[int]
    slow: ClassVar[str] = ""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.notice = bench, Notice()
        self.box = ipywidgets.VBox().add_class("wb-tab")
        self.built, self._building = False, Latest(self.notice)

    def open(self) -> None:
        """Comes into view: builds what it shows if this is the first time, on a thread where that is slow."""
        if self.built or not self.slow:
            self._show()
            return
        self.notice.text, self.box.children = self.slow, [self.notice]
        self._building.ask(self._show)

    def wait(self, timeout: float | None = None) -> None:
        """Returns when a slow tab is built, or after `timeout` seconds."""
        self._building.wait(timeout)

    def _show(self) -> None:
        if not self.built:
            children = self.build()
            self.built, self.notice.text = True, ""
            self.box.children = [*children, self.notice]
        self.opened()

    def build(self) -> list[Any]:
        """The widgets it shows, from top to bottom."""
        raise TypeError(f"the tab {type(self).__name__} does not say what it shows")

    def opened(self) -> None:
        """Called whenever it comes into view; brings up to date what changed elsewhere meanwhile."""


tabs: Registry[Tab] = Registry("tab", "workbench.widgets.tabs")
