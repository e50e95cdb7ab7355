"""Whole workbench in one widget: tabs for images, backbone, layers, training and results over one plan."""

from __future__ import annotations

import html
import os
from typing import Any

import ipywidgets
import traitlets

from workbench.argument_checks import check_arguments
from workbench.formatting import format_quantity
from workbench.plan import to_choice
from workbench.widgets.launcher import Launcher
from workbench.widgets.tabs import Tab, WorkbenchState, tabs

__all__ = ["Workbench"]

SHARED_TRAITS = ("images", "backbone", "tuning", "plan", "run")


class Workbench(ipywidgets.VBox):
    """Tabs from images to a fine-tuned net; the plan made by clicking can be copied as code.

    Args:
        images: images, or a source that `wb.load_images` takes; None opens them in the first tab.
        backbone: name that `wb.load_net` takes, a choice, or a net; None chooses it in a tab.
        tuning: which weights move.

    Attributes:
        images: images in use.
        backbone: backbone chosen.
        tuning: which weights move.
        plan: current plan; None while a part is missing.
        run: run shown: the one launched last, or clicked.
        tabs: tabs by name.
    """

    images = traitlets.Any(None, allow_none=True)
    backbone = traitlets.Any(None, allow_none=True)
    tuning = traitlets.Any(None, allow_none=True)
    plan = traitlets.Any(None, allow_none=True)
    run = traitlets.Any(None, allow_none=True)

    @check_arguments
    def __init__(self, images: Any = None, backbone: Any = None, tuning: Any = "head") -> None:
        self.launcher = Launcher(
            images=_open_images(images), backbone=_to_backbone(backbone), tuning=to_choice(tuning, "tuning")
        )
        self.state = WorkbenchState(launcher=self.launcher)
        ordered = sorted((cls(self.state) for cls in tabs.classes().values()), key=lambda tab: tab.order)
        self.tabs: dict[str, Tab] = {tab.name: tab for tab in ordered}
        self.header = ipywidgets.HTML().add_class("wb-header")
        self.panes = ipywidgets.Tab([tab.box for tab in ordered], titles=[tab.title for tab in ordered])
        self.launcher.plan_bar.add_class("wb-footer")
        super().__init__([self.header, self.panes, self.launcher.notice, self.launcher.plan_bar])
        for widget, name in ((self, "wb-form"), (self, "wb-workbench"), (self.panes, "wb-tabs")):
            widget.add_class(name)
        for name in SHARED_TRAITS:
            traitlets.link((self.launcher, name), (self.state, name))
            traitlets.link((self.state, name), (self, name))
        self.panes.observe(lambda _: self._open_tab(), "selected_index")
        self.state.observe(lambda _: self._update_header(), ["images"])
        self.state.observe(self._show_active_run, "run")
        self.launcher.run_state.observe(self._state_changed, "about")
        self.state.observe(lambda change: self.show_tab(change.new), "requested_tab")
        self._update_header()
        self._open_tab()

    @check_arguments
    def show_tab(self, title: str) -> None:
        """Select the tab with that title; do nothing if there is none."""
        titles = [tab.title for tab in self.tabs.values()]
        if title in titles:
            self.panes.selected_index = titles.index(title)

    def _open_tab(self) -> None:
        index = self.panes.selected_index
        if index is not None:
            list(self.tabs.values())[index].open()

    def _show_active_run(self, change: Any) -> None:
        if change.new is not None and change.new.status.is_active:
            self.show_tab("Train")

    def _state_changed(self, change: Any) -> None:
        if (change.old or {}).get("state") != change.new.get("state"):
            self._open_tab()

    def _update_header(self) -> None:
        loaded = html.escape(f"{describe_images(self.images)} · {describe_device()}")
        name = '<span class="wb-title">Transfer Workbench</span>'
        self.header.value = f'<div class="wb-header-line">{name}<span class="wb-quiet">{loaded}</span></div>'


def describe_images(images: Any) -> str:
    """Describe the images in use in one line."""
    if images is None:
        return "no images yet: open some in Data"
    splits = images.frame["split"].value_counts()
    parts = [f"{splits[name]:,} {name}" for name in ("train", "valid", "test") if name in splits]
    return " · ".join([images.name, *parts, f"{len(images.classes)} {'tags' if images.kind == 'tags' else 'classes'}"])


def describe_device() -> str:
    """Describe the device that a run would use in a few words."""
    import torch

    from workbench.loop.device import list_devices

    best = list_devices()[0]
    if best.startswith("cuda"):
        return torch.cuda.get_device_name(0)
    if best == "mps":
        return "Apple GPU (MPS)"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"CPU, {format_quantity(cores, 'core')}"


def _open_images(images: Any) -> Any:
    if images is None or hasattr(images, "frame"):
        return images
    from workbench.data.image_loading import load_images

    return load_images(images)


def _to_backbone(backbone: Any) -> Any:
    return backbone if backbone is None or hasattr(backbone, "stages") else to_choice(backbone, "backbone")
