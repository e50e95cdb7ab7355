"""Launcher: from a plan to a run, with settings, progress, live curves, and the list of all runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from workbench.argument_checks import check_arguments
from workbench.errors import WorkbenchError
from workbench.plan import Plan
from workbench.runs.build import open_images
from workbench.runs.entry_points import launch
from workbench.runs.folder.run_files import ACTIVE_STATES
from workbench.runs.processes.launching import prewarm_worker
from workbench.runs.run import Run, load_run
from workbench.tunings import tunings
from workbench.widgets.base import Notice, format_error
from workbench.widgets.plan_bar import PlanBar
from workbench.widgets.run_list import RunList
from workbench.widgets.run_state import RunState
from workbench.widgets.settings import Settings
from workbench.widgets.views.live_curves import LiveCurves

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["Launcher"]


class Launcher(ipywidgets.VBox):
    """Settings of a run, the button that launches it, and all runs under way or finished.

    Args:
        plan: initial plan; or its parts:
        images: images, or a source that `wb.load_images` takes.
        backbone: name that `wb.load_net` takes, a choice, or a net.
        tuning: which weights move.

    Attributes:
        images: images to train on.
        backbone: backbone to start from.
        tuning: which weights move.
        plan: current plan; None while a part is missing.
        run: run shown: the one launched last, or clicked.
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
        self.settings, self.plan_bar, self.notice = Settings(plan), PlanBar(self.launch), Notice()
        self.run_list, self.curves = RunList(), LiveCurves()
        self.run_state = RunState(on_resume=self.curves.follow_run)
        self.run_panel = ipywidgets.HBox(
            [ipywidgets.VBox([self.run_list]).add_class("wb-left"), self._make_right_column()]
        ).add_class("wb-watch")
        super().__init__([self.settings, self.plan_bar, self.run_panel, self.notice])
        for widget, name in (
            (self, "wb-form"),
            (self, "wb-launcher"),
            (self.plan_bar, "wb-section"),
            (self.run_panel, "wb-section"),
        ):
            widget.add_class(name)
        in_memory = plan.in_memory if plan is not None else {}
        self.images = images if plan is None else in_memory.get("data", plan.data)
        self.backbone = backbone if plan is None else in_memory.get("backbone", plan.backbone)
        self.tuning = plan.tuning if plan is not None else (tuning or "head")
        self._building = False
        self.settings.observe(lambda _: self._update_plan(), ["value", "problem"])
        self.run_list.observe(self._chosen_changed, "chosen")
        self.run_list.observe(lambda _: self._rows_changed(), "rows")
        self._update_plan()
        # after a restart of the kernel, a run still under way is shown at once
        self.run_list.chosen = next((row["name"] for row in self.run_list.rows if row["state"] in ACTIVE_STATES), "")

    @check_arguments
    def set_plan(self, plan: Plan) -> None:
        """Take over the settings, images, backbone and tuning of a plan."""
        self._building = True
        try:
            self.settings.set_plan(plan)
            if getattr(self.images, "choice", None) != plan.data or "data" in plan.in_memory:
                self.images = plan.in_memory["data"] if "data" in plan.in_memory else open_images(plan)
            self.backbone, self.tuning = plan.in_memory.get("backbone", plan.backbone), plan.tuning
        finally:
            self._building = False
        self._update_plan()

    @check_arguments
    def launch(self) -> None:
        """Launch the plan on a thread of its own, and show the run as soon as it is created."""
        self.plan_bar.busy, self.notice.error = True, ""
        threading.Thread(target=self._launch_plan, args=(self.plan,), name="workbench-launch", daemon=True).start()

    def _launch_plan(self, plan: Plan) -> None:
        try:
            run = launch(plan)
            self.run_list.refresh()
            self.run = run
        except Exception as error:
            self.notice.error = format_error(error)
        finally:
            self.plan_bar.busy = False

    @traitlets.observe("images", "backbone", "tuning")
    def _parts_changed(self, _: Any) -> None:
        self._update_plan()

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self.run_state.run = self.curves.run = self.run
        self.run_list.chosen = self.run.name if self.run is not None else ""

    def _update_plan(self) -> None:
        if self._building:
            return
        reason, plan = self.settings.problem or self._describe_missing_part(), None
        if not reason:
            try:
                plan = Plan(self.backbone, self.images, self.tuning, **self.settings.value)
                self.settings.set_lr_hint(tunings[plan.tuning.name].lr)
            except WorkbenchError as error:
                reason = str(error)
        if plan is not None and self.plan is None:
            threading.Thread(target=prewarm_worker, name="workbench-warm", daemon=True).start()
        self.plan = plan
        if plan is not None or not self.settings.problem:
            # while a field is invalid, the last valid plan remains in view
            self.plan_bar.words = f"Plan: {plan.summary}" if plan is not None else "No plan yet"
        self.plan_bar.code = plan.to_code() if plan is not None else ""
        self.plan_bar.reason = reason

    def _describe_missing_part(self) -> str:
        if self.images is None:
            return "choose images first"
        return "choose a backbone first" if self.backbone is None else ""

    def _chosen_changed(self, change: Any) -> None:
        if change.new and (self.run is None or self.run.name != change.new):
            try:
                self.run = load_run(change.new)
            except WorkbenchError as error:
                self.notice.error = str(error)

    def _rows_changed(self) -> None:
        # a run that another notebook or the command line has resumed
        run, is_followed = self.run, self.run_state.about.get("no_resume") == "the run is under way"
        if isinstance(run, Run) and not is_followed and run.is_active:
            self.run_state.follow_run()
            self.curves.follow_run()

    def _make_right_column(self) -> ipywidgets.VBox:
        return ipywidgets.VBox([self.run_state, self.curves]).add_class("wb-right")
