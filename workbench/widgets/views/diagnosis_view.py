"""Diagnosis view: starts a diagnosis of a transfer, shows its progress and findings, and applies its remedies."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import ipywidgets
import traitlets

from workbench.annotated_types import HasAttributes, NetLike, RunLike
from workbench.argument_checks import check_arguments, check_options
from workbench.diagnosis.report import html
from workbench.errors import Unavailable
from workbench.formatting import format_duration
from workbench.plan import SCHEDULE_FIELDS, Choice, Plan
from workbench.widgets.base import Notice
from workbench.widgets.components.background_task import BackgroundTask, StoppableMixin
from workbench.widgets.components.tooltips import label_with_tooltip

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["DiagnosisView"]

UPDATE_INTERVAL = 0.25  # seconds between two updates of the progress text
FULL, QUICK = "with experiments", "quick, without experiments"
FinishedDiagnosis = Annotated[Any, HasAttributes("a diagnosis, as wb.diagnose(plan) gives it", ("cause_table",))]
Subject = str | os.PathLike[str] | Mapping[str, Any] | Choice | Plan | RunLike | FinishedDiagnosis | NetLike
NO_SUBJECT = "Nothing to diagnose yet: give a plan, a run, or a backbone and images."
READY = "Diagnose tests one possible cause at a time, and measures the gain of correcting it."


class DiagnosisView(ipywidgets.VBox, StoppableMixin):
    """View that runs a diagnosis in the background, shows its current experiment, and then its findings.

    Args:
        subject: a plan, a run, a backbone (with `images`), or a finished diagnosis; or several by name to choose from.
        images: images to diagnose on; by default those of the plan or run.
        diagnosis: a finished diagnosis to show.
        options: further arguments of `wb.diagnose`, such as `seeds=1`.

    Attributes:
        subjects: what can be diagnosed, by name.
        diagnosis: the diagnosis shown; None until there is one.
        plan: result: the remedy applied last; None until one is applied.
    """

    subjects = traitlets.Dict()
    diagnosis = traitlets.Any(None, allow_none=True)
    plan = traitlets.Instance(Plan, allow_none=True)

    @check_arguments
    def __init__(
        self,
        subject: Subject | Mapping[str, Subject] | None = None,
        images: Images | None = None,
        diagnosis: FinishedDiagnosis | None = None,
        **options: Any,
    ) -> None:
        if options:
            from workbench.diagnosis.diagnosing import diagnose

            check_options(diagnose, options, "DiagnosisView", SCHEDULE_FIELDS)
        self.notice, self._task, self.images, self._options = Notice(), BackgroundTask(self), images, options
        self._make_choosers()
        self.progress_bar = ipywidgets.FloatProgress(min=0.0, max=1.0).add_class("wb-progress")
        start_row = [self.subject_chooser, self.depth, self.minutes, self.diagnose_button, self._make_stop_button()]
        self.choosers = ipywidgets.HBox(start_row).add_class("wb-choosers")
        self.saving = ipywidgets.HBox([self.report_path, self.save_button]).add_class("wb-choosers")
        self.verdict, self.cards = ipywidgets.HTML(), ipywidgets.VBox().add_class("wb-cards")
        self.parts = {name: ipywidgets.HTML() for name in ("controls", "negative_transfer", "stages", "causes")}
        report = [self.verdict, self.cards, *self.parts.values(), self.saving]
        super().__init__([self.choosers, self.progress_bar, self.notice, *report])
        self.add_class("wb-form").add_class("wb-results")
        self.diagnose_button.on_click(lambda _: self.start_diagnosis())
        self.save_button.on_click(lambda _: self.save_report())
        self.depth.observe(lambda _: self._depth_changed(), "value")
        self._set_idle()
        self._clear_diagnosis()
        given: Any = subject
        finished: Any = diagnosis if diagnosis is not None else given if hasattr(given, "cause_table") else None
        self.subjects = (
            {}
            if given is None or given is finished
            else dict(given)
            if _has_several_subjects(given)
            else {"this": given}
        )
        if finished is not None:
            self.diagnosis = finished

    def _make_choosers(self) -> None:
        """Make the fields and buttons above and below the report."""
        wide = {"width": "auto"}
        self.subject_chooser = ipywidgets.Dropdown(
            layout=wide, **label_with_tooltip("subject", "plan, run or backbone to diagnose")
        )
        self.depth = ipywidgets.Dropdown(
            options=[FULL, QUICK],
            layout=wide,
            **label_with_tooltip(
                "depth",
                "with experiments: likely causes are tested by trainings; quick: the plan, the weights and the images "
                "are only inspected",
            ),
        )
        self.minutes = ipywidgets.BoundedFloatText(
            value=3.0,
            min=0.1,
            max=600,
            step=1,
            **label_with_tooltip(
                "time budget, minutes", "minutes after which no further training is started, from 0.1 to 600"
            ),
        )
        self.diagnose_button = ipywidgets.Button(description="Diagnose", button_style="primary", tooltip=READY)
        self.report_path = ipywidgets.Text(
            value="diagnosis.html", layout=wide, **label_with_tooltip("report file", "path of the HTML file to write")
        )
        self.save_button = ipywidgets.Button(
            description="Save report", tooltip="write one HTML file that needs no kernel"
        )

    @check_arguments
    def start_diagnosis(self) -> None:
        """Diagnose the chosen subject on a thread; what was found before Stop is kept."""
        subject, quick, minutes = self.subject_chooser.value, self.depth.value == QUICK, float(self.minutes.value)
        if subject is None:
            self.error = NO_SUBJECT
            return
        self.diagnose_button.disabled, self.diagnose_button.tooltip = (
            True,
            "work is under way: stop it, or wait for its end",
        )
        self.progress_bar.value, self.progress_bar.layout.display = 0.0, "none" if quick else ""
        self._start_task("Loading the images and the backbone …", lambda: self._run_diagnosis(subject, quick, minutes))

    @check_arguments
    def apply_remedy(self, index: int | None = None) -> None:
        """Make a remedy the plan to continue with.

        Args:
            index: index of the finding; None takes the remedy of the whole diagnosis.

        Raises:
            Unavailable: the finding has no remedy, because its experiment was not run.
        """
        finding = self.diagnosis if index is None else self.diagnosis.findings[index]
        if finding.remedy is None:
            raise Unavailable(
                "this finding has no remedy, because its experiment was not run; diagnose again with experiments or a "
                "larger time budget"
            )
        self.notice.text = f"Applied: {finding.remedy.summary}. The plan is view.plan; wb.fit(view.plan) trains it."
        self.plan = finding.remedy

    @check_arguments
    def save_report(self) -> None:
        """Save the report to the chosen file, on a thread."""
        diagnosis, path = self.diagnosis, Path(self.report_path.value.strip() or "diagnosis.html")
        if diagnosis is not None:
            self._start_task("Writing the report …", lambda: self._set_notice(f"Saved: {diagnosis.report(path)}"))

    @check_arguments
    def figures(self) -> dict[str, Any]:
        """Return the static figures of the diagnosis for the next cell; they remain in an exported notebook.

        Raises:
            Unavailable: there is no diagnosis yet.
        """
        from workbench import figures

        diagnosis = self.diagnosis
        if diagnosis is None:
            raise Unavailable("no diagnosis yet: press Diagnose and wait until it has finished")
        charts: dict[str, Any] = {}
        if diagnosis.controls is not None:
            charts = {
                "controls": figures.control_comparison(diagnosis.controls),
                "classes": figures.class_gaps(diagnosis.controls),
            }
        if diagnosis.stages is not None and len(diagnosis.stages):
            charts["stages"] = figures.stage_panel(diagnosis)
        if html.list_internal_columns(diagnosis):
            charts["inside"] = html.draw_internal_stages(diagnosis)
        return {**charts, "trials": figures.remedy_gains(diagnosis)}

    @traitlets.observe("subjects")
    def _subjects_changed(self, _: Any) -> None:
        before, names = self.subject_chooser.label, list(self.subjects)
        self.subject_chooser.options = [*self.subjects.items()] or [("", None)]
        self.subject_chooser.index = names.index(before) if before in names else 0
        self.subject_chooser.layout.display = "" if len(self.subjects) > 1 else "none"
        self.choosers.layout.display = "" if self.subjects else "none"
        if self.diagnosis is None:
            self.notice.text = READY if self.subjects else NO_SUBJECT

    @traitlets.observe("diagnosis")
    def _diagnosis_changed(self, _: Any) -> None:
        self._clear_diagnosis()
        if self.diagnosis is not None and not self.diagnose_button.disabled:
            diagnosis = self.diagnosis
            self._start_task("Drawing the diagnosis …", lambda: self._show_diagnosis(diagnosis))

    def _run_diagnosis(self, subject: Any, quick: bool, minutes: float) -> None:
        from workbench.diagnosis.diagnosing import diagnose

        stop, start, last = self._stop_event, time.monotonic(), 0.0

        def report_progress(text: str, done: float) -> None:
            nonlocal last
            if stop.is_set():
                raise KeyboardInterrupt
            now = time.monotonic()
            if now - last > UPDATE_INTERVAL:
                last, elapsed = now, now - start
                remaining = max(60 * minutes - elapsed, 0.0)
                time_left = (
                    "" if quick else f" · {format_duration(remaining)} left at most" if remaining else " · finishing"
                )
                self.progress_bar.value = min(elapsed / (60 * minutes), 1.0)
                self.notice.text = f"{text[:1].upper()}{text[1:]}{time_left}"

        options = {"quick": quick, "minutes": minutes, "progress": report_progress, **self._options}
        try:
            diagnosis = diagnose(subject, self.images, **options)
            self.diagnosis = diagnosis
            self._show_diagnosis(diagnosis)
        except KeyboardInterrupt:
            self.notice.text = "Stopped without a result."
        finally:
            self._set_idle()

    def _show_diagnosis(self, diagnosis: Any) -> None:
        """Show a diagnosis, the parts that are quick to draw first."""
        from workbench.diagnosis.report.negative_transfer_set import build_negative_transfer_set

        self.verdict.value = html.render_verdict(diagnosis)
        self.cards.children = [self._make_card(diagnosis, index) for index in range(len(diagnosis.findings))]
        if not diagnosis.findings:
            self.cards.children = [self._make_no_cause_card(diagnosis)]
        self.saving.layout.display = ""
        self.parts["controls"].value = html.render_controls(diagnosis)
        self.parts["stages"].value = html.render_stages(diagnosis)
        self.parts["causes"].value = html.render_causes(diagnosis)
        self.notice.text = "Computing saliency maps of both nets …" if diagnosis.controls is not None else ""
        self.parts["negative_transfer"].value = html.render_negative_transfer_set(
            build_negative_transfer_set(diagnosis)
        )
        self.notice.text = ""

    def _make_no_cause_card(self, diagnosis: Any) -> Any:
        text = "No cause stands out; all causes that were considered are listed at the end."
        card = ipywidgets.HTML(f'<p class="wb-quiet">{text}</p>').add_class("wb-grow")
        remedy = diagnosis.remedy
        return (
            self._add_remedy_button(card, remedy, "take the plan of the control that is clearly better", None)
            if remedy
            else card
        )

    def _make_card(self, diagnosis: Any, index: int) -> Any:
        card = ipywidgets.HTML(html.render_finding(diagnosis, index)).add_class("wb-grow")
        return self._add_remedy_button(
            card, diagnosis.findings[index].remedy, "take the plan with this cause corrected", index
        )

    def _add_remedy_button(self, text: Any, remedy: Any, tooltip: str, index: int | None) -> Any:
        """Put a text beside the button that applies the remedy."""
        missing = "no experiment was run for this cause, so there is no plan to take"
        button = ipywidgets.Button(
            description="Apply remedy", tooltip=tooltip if remedy else missing, disabled=not remedy
        )
        button.on_click(lambda _: self.apply_remedy(index))
        return ipywidgets.HBox([text, button]).add_class("wb-card-row")

    def _set_notice(self, text: str) -> None:
        self.notice.text = text

    def _depth_changed(self) -> None:
        self.minutes.disabled = self.depth.value == QUICK

    def _set_idle(self) -> None:
        self.diagnose_button.disabled, self.diagnose_button.tooltip = False, READY
        self.progress_bar.layout.display = "none"

    def _clear_diagnosis(self) -> None:
        self.saving.layout.display = "none"
        before, self.cards.children = self.cards.children, []
        for row in before:
            row.close()
        self.verdict.value = ""
        for part in self.parts.values():
            part.value = ""


def _has_several_subjects(subject: Any) -> bool:
    return isinstance(subject, Mapping) and "name" not in subject
