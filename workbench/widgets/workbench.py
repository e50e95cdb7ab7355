"""The whole workbench in one widget: images, backbone, layers, training and results as tabs over one plan."""

from __future__ import annotations

import html
import os
from typing import Any

import ipywidgets
import traitlets

from workbench.arguments import check_arguments
from workbench.plan import to_choice
from workbench.widgets.launcher import Launcher
from workbench.widgets.tabs import Bench, Tab, tabs

SHARED = ("images", "backbone", "tuning", "plan", "run")


class Workbench(ipywidgets.VBox):
    """Everything from images to a fine-tuned net, as tabs; what is clicked can be copied as code.

    Args:
        images: what `wb.images` gives, or takes; None lets a person open them in the first tab.
        backbone: what `wb.load` takes, a choice, or a net; None lets a person choose.
        tuning: which weights move.

    Attributes:
        images: the images at hand.
        backbone: the backbone chosen.
        tuning: which weights move.
        plan: the plan as it stands; None while a part is missing.
        run: the run shown: the one launched last, or clicked.
        tabs: the tabs by name.
    """

    images = traitlets.Any(None, allow_none=True)
    backbone = traitlets.Any(None, allow_none=True)
    tuning = traitlets.Any(None, allow_none=True)
    plan = traitlets.Any(None, allow_none=True)
    run = traitlets.Any(None, allow_none=True)

    @check_arguments
    def __init__(self, images: Any = None, backbone: Any = None, tuning: Any = "head") -> None:
        self.launcher = Launcher(images=_opened(images), backbone=_chosen(backbone), tuning=to_choice(tuning, "tuning"))
        self.bench = Bench(launcher=self.launcher)
        made = sorted((cls(self.bench) for cls in tabs.classes().values()), key=lambda tab: tab.order)
        self.tabs: dict[str, Tab] = {tab.name: tab for tab in made}
        self.header = ipywidgets.HTML().add_class("wb-header")
        self.panes = ipywidgets.Tab([tab.box for tab in made], titles=[tab.title for tab in made])
        self.launcher.bar.add_class("wb-footer")
        super().__init__([self.header, self.panes, self.launcher.notice, self.launcher.bar])
        for part, name in ((self, "wb-form"), (self, "wb-workbench"), (self.panes, "wb-tabs")):
            part.add_class(name)
        for name in SHARED:
            traitlets.link((self.launcher, name), (self.bench, name))
            traitlets.link((self.bench, name), (self, name))
        self.panes.observe(lambda _: self._open(), "selected_index")
        self.bench.observe(lambda _: self._say(), ["images"])
        self.bench.observe(self._launched, "run")
        self.launcher.state.observe(self._state_changed, "about")
        self.bench.observe(lambda change: self.show_tab(change.new), "asked")
        self._say()
        self._open()

    @check_arguments
    def show_tab(self, title: str) -> None:
        """Brings the tab of that title into view; nothing happens for a title that no tab bears."""
        titles = [tab.title for tab in self.tabs.values()]
        if title in titles:
            self.panes.selected_index = titles.index(title)

    def _open(self) -> None:
        index = self.panes.selected_index
        if index is not None:
            list(self.tabs.values())[index].open()

    def _launched(self, change: Any) -> None:
        if change.new is not None and change.new.status.alive:
            self.show_tab("Train")

    def _state_changed(self, change: Any) -> None:
        if (change.old or {}).get("state") != change.new.get("state"):
            self._open()

    def _say(self) -> None:
        loaded = html.escape(f"{described(self.images)} · {machine()}")
        name = '<span class="wb-title">Transfer Workbench</span>'
        self.header.value = f'<div class="wb-header-line">{name}<span class="wb-quiet">{loaded}</span></div>'


def described(images: Any) -> str:
    """The images at hand in one line."""
    if images is None:
        return "no images yet: open some in Data"
    splits = images.frame["split"].value_counts()
    parts = [f"{splits[name]:,} {name}" for name in ("train", "valid", "test") if name in splits]
    return " · ".join([images.name, *parts, f"{len(images.classes)} {'tags' if images.kind == 'tags' else 'classes'}"])


def machine() -> str:
    """Where a run would go, in a few words."""
    import torch

    from workbench.loop.device import devices

    best = devices()[0]
    if best.startswith("cuda"):
        return torch.cuda.get_device_name(0)
    if best == "mps":
        return "Apple graphics"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"CPU, {cores} core{'' if cores == 1 else 's'}"


def _opened(images: Any) -> Any:
    if images is None or hasattr(images, "frame"):
        return images
    from workbench.images import images as open_images

    return open_images(images)


def _chosen(backbone: Any) -> Any:
    return backbone if backbone is None or hasattr(backbone, "stages") else to_choice(backbone, "backbone")
