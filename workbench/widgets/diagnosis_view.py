"""Why a transfer is worse than it should be: a diagnosis begun, watched, read, and put to use."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import ipywidgets
import traitlets

from workbench.arguments import check_arguments, check_options
from workbench.diagnosis import drawn
from workbench.errors import Unavailable
from workbench.markers import Like, NetLike, RunLike
from workbench.plan import SCHEDULE, Choice, Plan
from workbench.widgets.base import Notice
from workbench.widgets.latest import Latest, Stoppable
from workbench.widgets.words import duration

if TYPE_CHECKING:
    from workbench.images import Images

AT_MOST = 0.25  # seconds between two words of progress
FULL, QUICK = "with experiments", "a quick look"
Finished = Annotated[Any, Like("a diagnosis, as wb.diagnose(plan) gives it", ("considered",))]
Subject = str | os.PathLike[str] | Mapping[str, Any] | Choice | Plan | RunLike | Finished | NetLike
NOTHING = "Nothing to diagnose yet: give a plan, a run, or a backbone and images."
READY = "Diagnose tries what could be wrong, one thing at a time, and measures what putting it right gains."


class DiagnosisView(ipywidgets.VBox, Stoppable):
    """Starts a diagnosis in the background, says what it tries and why, and shows what it found.

    Args:
        what: a plan, a run, a backbone (with `images`), or a finished diagnosis; or several by name to choose from.
        images: those of the plan or run unless given.
        diagnosis: a finished one, to be shown.
        options: further arguments of `wb.diagnose`, such as `seeds=1`.

    Attributes:
        subjects: what can be diagnosed, by name.
        diagnosis: what is shown; None until there is one.
        plan: the product: the remedy that was applied last; None until one is.
    """

    subjects = traitlets.Dict()
    diagnosis = traitlets.Any(None, allow_none=True)
    plan = traitlets.Instance(Plan, allow_none=True)

    @check_arguments
    def __init__(
        self,
        what: Subject | Mapping[str, Subject] | None = None,
        images: Images | None = None,
        diagnosis: Finished | None = None,
        **options: Any,
    ) -> None:
        if options:
            from workbench.diagnosis.diagnosing import diagnose

            check_options(diagnose, options, "DiagnosisView", SCHEDULE)
        self.notice, self._work, self.images, self._options = Notice(), Latest(self), images, options
        auto = {"style": {"description_width": "auto"}, "layout": {"width": "auto"}}
        self.of = ipywidgets.Dropdown(description="of", **auto)
        self.depth = ipywidgets.Dropdown(options=[FULL, QUICK], description="how", **auto)
        self.minutes = ipywidgets.BoundedFloatText(
            value=3.0, min=0.1, max=600, step=1, description="minutes at most", style={"description_width": "auto"}
        )
        self.go = ipywidgets.Button(description="Diagnose", button_style="primary", tooltip=READY)
        self.file = ipywidgets.Text(value="diagnosis.html", description="report", **auto)
        self.keep = ipywidgets.Button(description="Save report", tooltip="one file that needs no kernel")
        self.bar = ipywidgets.FloatProgress(min=0.0, max=1.0).add_class("wb-progress")
        begin = [self.of, self.depth, self.minutes, self.go, self._stopping()]
        self.choosers = ipywidgets.HBox(begin).add_class("wb-choosers")
        self.saving = ipywidgets.HBox([self.file, self.keep]).add_class("wb-choosers")
        self.verdict, self.cards = ipywidgets.HTML(), ipywidgets.VBox().add_class("wb-cards")
        self.parts = {name: ipywidgets.HTML() for name in ("controls", "harmed", "stages", "considered")}
        shown = [self.verdict, self.cards, *self.parts.values(), self.saving]
        super().__init__([self.choosers, self.bar, self.notice, *shown])
        self.add_class("wb-form").add_class("wb-results")
        self.go.on_click(lambda _: self.begin())
        self.keep.on_click(lambda _: self.save())
        self.depth.observe(lambda _: self._depth_chosen(), "value")
        self._idle()
        self._empty()
        given: Any = what
        finished: Any = diagnosis if diagnosis is not None else given if hasattr(given, "considered") else None
        self.subjects = (
            {} if given is None or given is finished else dict(given) if _several(given) else {"this": given}
        )
        if finished is not None:
            self.diagnosis = finished

    @check_arguments
    def begin(self) -> None:
        """Diagnoses what is chosen, on a thread; what there is at a stop is kept."""
        what, quick, minutes = self.of.value, self.depth.value == QUICK, float(self.minutes.value)
        if what is None:
            self.error = NOTHING
            return
        self.go.disabled, self.go.tooltip = True, "work is under way: stop it, or wait for its end"
        self.bar.value, self.bar.layout.display = 0.0, "none" if quick else ""
        self._start("Opening the images and the backbone …", lambda: self._diagnosed(what, quick, minutes))

    @check_arguments
    def apply(self, place: int | None = None) -> None:
        """Makes the remedy of a finding, by its place, the plan to go on with; None is that of the whole diagnosis."""
        found = self.diagnosis if place is None else self.diagnosis.findings[place]
        if found.remedy is None:
            raise Unavailable("its experiment was not carried out, so that there is no plan that puts it right")
        self.notice.text = f"Applied: {found.remedy.brief}. It is `plan` of this view; wb.fit(view.plan) trains it."
        self.plan = found.remedy

    @check_arguments
    def save(self) -> None:
        """Writes the report to the file named, on a thread."""
        found, file = self.diagnosis, Path(self.file.value.strip() or "diagnosis.html")
        if found is not None:
            self._start("Writing the report …", lambda: self._told(f"Saved: {found.report(file)}"))

    @check_arguments
    def figures(self) -> dict[str, Any]:
        """The same as plain figures for the next cell: they stay in an exported notebook.

        Raises:
            Unavailable: there is no diagnosis yet.
        """
        from workbench import figures

        found = self.diagnosis
        if found is None:
            raise Unavailable("nothing is diagnosed yet: press Diagnose and wait for its end")
        made: dict[str, Any] = {}
        if found.controls is not None:
            made = {"controls": figures.controls(found.controls), "classes": figures.class_gaps(found.controls)}
        if found.stages is not None and len(found.stages):
            made["stages"] = figures.stage_strip(found)
        if drawn.inside_of(found):
            made["inside"] = drawn.inside(found)
        return {**made, "trials": figures.trials(found)}

    @traitlets.observe("subjects")
    def _offered(self, _: Any) -> None:
        before, names = self.of.label, list(self.subjects)
        self.of.options = [*self.subjects.items()] or [("", None)]
        self.of.index = names.index(before) if before in names else 0
        self.of.layout.display = "" if len(self.subjects) > 1 else "none"
        self.choosers.layout.display = "" if self.subjects else "none"
        if self.diagnosis is None:
            self.notice.text = READY if self.subjects else NOTHING

    @traitlets.observe("diagnosis")
    def _found(self, _: Any) -> None:
        self._empty()
        if self.diagnosis is not None and not self.go.disabled:
            found = self.diagnosis
            self._start("Drawing what was found …", lambda: self._show(found))

    def _diagnosed(self, what: Any, quick: bool, minutes: float) -> None:
        from workbench.diagnosis import diagnose

        stop, began, last = self._stop, time.monotonic(), 0.0

        def tell(words: str, done: float) -> None:
            nonlocal last
            if stop.is_set():
                raise KeyboardInterrupt
            now = time.monotonic()
            if now - last > AT_MOST:
                last, spent = now, now - began
                left = max(60 * minutes - spent, 0.0)
                time_left = "" if quick else f" · {duration(left)} left at most" if left else " · about to end"
                self.bar.value = min(spent / (60 * minutes), 1.0)
                self.notice.text = f"{words[:1].upper()}{words[1:]}{time_left}"

        options = {"quick": quick, "minutes": minutes, "progress": tell, **self._options}
        try:
            found = diagnose(what, self.images, **options)
            self.diagnosis = found
            self._show(found)
        except KeyboardInterrupt:
            self.notice.text = "Stopped before anything was found."
        finally:
            self._idle()

    def _show(self, found: Any) -> None:
        """What is quick to draw comes first."""
        from workbench.diagnosis.harm import harm

        self.verdict.value = drawn.verdict(found)
        self.cards.children = [self._card(found, place) for place in range(len(found.findings))]
        if not found.findings:
            self.cards.children = [self._nothing(found)]
        self.saving.layout.display = ""
        for name in ("controls", "stages", "considered"):
            self.parts[name].value = getattr(drawn, name)(found)
        self.notice.text = "Asking both nets where they look …" if found.controls is not None else ""
        self.parts["harmed"].value = drawn.harmed(harm(found))
        self.notice.text = ""

    def _nothing(self, found: Any) -> Any:
        words = "None of the causes that are looked for stands out; all of them are listed at the end."
        text = ipywidgets.HTML(f'<p class="wb-quiet">{words}</p>').add_class("wb-grow")
        better = found.remedy
        return self._with_button(text, better, "the control that does clearly better", None) if better else text

    def _card(self, found: Any, place: int) -> Any:
        card = ipywidgets.HTML(drawn.card(found, place)).add_class("wb-grow")
        return self._with_button(card, found.findings[place].remedy, "the plan with this put right", place)

    def _with_button(self, text: Any, remedy: Any, why: str, place: int | None) -> Any:
        """Text, and beside it the button that takes the remedy."""
        missing = "no experiment was carried out whose plan would put it right"
        button = ipywidgets.Button(description="Apply remedy", tooltip=why if remedy else missing, disabled=not remedy)
        button.on_click(lambda _: self.apply(place))
        return ipywidgets.HBox([text, button]).add_class("wb-card-row")

    def _told(self, text: str) -> None:
        self.notice.text = text

    def _depth_chosen(self) -> None:
        self.minutes.disabled = self.depth.value == QUICK

    def _idle(self) -> None:
        self.go.disabled, self.go.tooltip = False, READY
        self.bar.layout.display = "none"

    def _empty(self) -> None:
        self.saving.layout.display = "none"
        before, self.cards.children = self.cards.children, []
        for row in before:
            row.close()
        self.verdict.value = ""
        for part in self.parts.values():
            part.value = ""


def _several(what: Any) -> bool:
    return isinstance(what, Mapping) and "name" not in what
