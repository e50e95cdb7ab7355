"""From a plan to a run: settings, launching, progress, live curves, and the list of all runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from workbench.arguments import check_arguments
from workbench.errors import WorkbenchError
from workbench.plan import Plan
from workbench.runs import Run
from workbench.runs import run as find_run
from workbench.runs.assembly import open_images
from workbench.runs.folder import ACTIVE
from workbench.runs.launching import launch, warm
from workbench.tunings import tunings
from workbench.widgets.base import Notice, sentence
from workbench.widgets.live_curves import LiveCurves
from workbench.widgets.plan_bar import PlanBar
from workbench.widgets.run_list import RunList
from workbench.widgets.run_state import RunState
from workbench.widgets.settings import Settings

if TYPE_CHECKING:
    from workbench.images import Images


class Launcher(ipywidgets.VBox):
    """Settings of a run, the button that launches it, and everything that is under way or over.

    Args:
        plan: where to begin; or its parts:
        images: what `wb.images` gives, or takes.
        backbone: what `wb.load` takes, a choice, or a net.
        tuning: which weights move.

    Attributes:
        images: the images to train on.
        backbone: the backbone to begin from.
        tuning: which weights move.
        plan: the plan as it stands; None while a part is missing.
        run: the run shown: the one launched last, or clicked.
    """

    images = traitlets.Any(None, allow_none=True)
    backbone = traitlets.Any(None, allow_none=True)
    tuning = traitlets.Any("head")
    plan = traitlets.Any(None, allow_none=True)
    run = traitlets.Any(None, allow_none=True)

    @check_arguments
    def __init__(
        self, plan: Plan | None = None, images: Images | str | None = None, backbone: Any = None, tuning: Any = None
    ) -> None:
        self._building = True
        self.settings, self.bar, self.notice = Settings(plan), PlanBar(self.launch), Notice()
        self.list, self.curves = RunList(), LiveCurves()
        self.state = RunState(resumed=self.curves.watch)
        self.watch = ipywidgets.HBox([ipywidgets.VBox([self.list]).add_class("wb-left"), self._right()]).add_class(
            "wb-watch"
        )
        super().__init__([self.settings, self.bar, self.watch, self.notice])
        for part, name in (
            (self, "wb-form"),
            (self, "wb-launcher"),
            (self.bar, "wb-section"),
            (self.watch, "wb-section"),
        ):
            part.add_class(name)
        held = plan.held if plan is not None else {}
        self.images = images if plan is None else held.get("data", plan.data)
        self.backbone = backbone if plan is None else held.get("backbone", plan.backbone)
        self.tuning = plan.tuning if plan is not None else (tuning or "head")
        self._building = False
        self.settings.observe(lambda _: self._replan(), ["value", "problem"])
        self.list.observe(self._chosen, "chosen")
        self.list.observe(lambda _: self._noticed(), "rows")
        self._replan()
        # what a restarted kernel finds still under way is shown at once
        self.list.chosen = next((row["name"] for row in self.list.rows if row["state"] in ACTIVE), "")

    @check_arguments
    def take(self, plan: Plan) -> None:
        """Makes a whole plan the one that stands: its settings, images, backbone and tuning."""
        self._building = True
        try:
            self.settings.take(plan)
            if getattr(self.images, "choice", None) != plan.data or "data" in plan.held:
                self.images = plan.held["data"] if "data" in plan.held else open_images(plan)
            self.backbone, self.tuning = plan.held.get("backbone", plan.backbone), plan.tuning
        finally:
            self._building = False
        self._replan()

    @check_arguments
    def launch(self) -> None:
        """Launches the plan on a thread of its own, and shows the run as soon as it is there."""
        self.bar.busy, self.notice.error = True, ""
        threading.Thread(target=self._launch, args=(self.plan,), name="workbench-launch", daemon=True).start()

    def _launch(self, plan: Plan) -> None:
        try:
            made = launch(plan)
            self.list.refresh()
            self.run = made
        except Exception as error:
            self.notice.error = sentence(error)
        finally:
            self.bar.busy = False

    @traitlets.observe("images", "backbone", "tuning")
    def _parts_changed(self, _: Any) -> None:
        self._replan()

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self.state.run = self.curves.run = self.run
        self.list.chosen = self.run.name if self.run is not None else ""

    def _replan(self) -> None:
        if self._building:
            return
        reason, plan = self.settings.problem or self._missing(), None
        if not reason:
            try:
                plan = Plan(self.backbone, self.images, self.tuning, **self.settings.value)
                self.settings.suggest_rate(tunings[plan.tuning.name].lr)
            except WorkbenchError as error:
                reason = str(error)
        if plan is not None and self.plan is None:
            threading.Thread(target=warm, name="workbench-warm", daemon=True).start()
        self.plan = plan
        if plan is not None or not self.settings.problem:
            # while a field is being corrected the last plan stays in view
            self.bar.words = f"Plan: {plan.brief}" if plan is not None else "No plan yet"
        self.bar.code = plan.code() if plan is not None else ""
        self.bar.reason = reason

    def _missing(self) -> str:
        if self.images is None:
            return "choose images first"
        return "choose a backbone first" if self.backbone is None else ""

    def _chosen(self, change: Any) -> None:
        if change.new and (self.run is None or self.run.name != change.new):
            try:
                self.run = find_run(change.new)
            except WorkbenchError as error:
                self.notice.error = str(error)

    def _noticed(self) -> None:
        # a run that another notebook or the command line has taken up again
        shown, under_way = self.run, self.state.about.get("no_resume") == "the run is under way"
        if isinstance(shown, Run) and not under_way and shown.alive:
            self.state.watch()
            self.curves.watch()

    def _right(self) -> ipywidgets.VBox:
        return ipywidgets.VBox([self.state, self.curves]).add_class("wb-right")
