"""What was learnt: a run evaluated on its images, drawn lightly; `figures()` gives the plain figures."""

from __future__ import annotations

import functools
import html
from typing import Any

import ipywidgets
import traitlets

from workbench.arguments import check_arguments
from workbench.errors import Unavailable
from workbench.markers import RunLike, Split
from workbench.widgets import drawings
from workbench.widgets.base import Notice
from workbench.widgets.latest import Latest, Working
from workbench.widgets.mistakes import Mistakes

THUMBNAILS = 12
EDGE = 112


class Results(ipywidgets.VBox, Working):
    """Confusions, classes, surest mistakes and calibration of a run.

    Args:
        run: the run; None says what to do next.
        split: the images to evaluate on.

    Attributes:
        run: the run shown; setting another evaluates it, on a thread.
        evaluation: the result; None until it is there.
        mistakes: the surest mistakes; a click on one shows what the net looked at.
    """

    run = traitlets.Any(None, allow_none=True)
    evaluation = traitlets.Any(None, allow_none=True)

    @check_arguments
    def __init__(self, run: RunLike | None = None, split: Split = "valid") -> None:
        self.notice, self._work = Notice(), Latest(self)
        options = [("validation", "valid"), ("test", "test"), ("training", "train")]
        style = {"description_width": "auto"}
        self.split = ipywidgets.Dropdown(options=options, value=split, description="images", style=style)
        self.domain = ipywidgets.Dropdown(options=[("source", "")], description="domain", style=style)
        self.again = ipywidgets.Button(description="Evaluate", tooltip="evaluate the weights as they are now")
        self.title, self.body, self.classes = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.mistakes = Mistakes()
        self.choosers = ipywidgets.HBox([self.split, self.domain, self.again]).add_class("wb-choosers")
        super().__init__([self.title, self.choosers, self.notice, self.body, self.mistakes, self.classes])
        self.add_class("wb-form").add_class("wb-results")
        self.again.on_click(lambda _: self.evaluate())
        for chooser in (self.split, self.domain):
            chooser.observe(lambda _: self.evaluate(), "value")
        self._images: Any = None
        self._empty()
        self.run = run

    @check_arguments
    def evaluate(self) -> None:
        """Evaluates the run on the chosen images, on a thread, and says so meanwhile."""
        run, (split, domain) = self.run, self._chosen()
        if run is None:
            return
        self.error = ""
        self.notice.text = f"Evaluating {run.name} on the {self.split.label} images …"
        self._work.ask(lambda: self._evaluate(run, split, domain))

    @check_arguments
    def figures(self) -> dict[str, Any]:
        """The same as plain figures for the next cell: they stay in an exported notebook.

        Raises:
            Unavailable: nothing has been evaluated yet.
        """
        from workbench import figures

        if self.evaluation is None:
            raise Unavailable("nothing is evaluated yet: choose a run and wait for its results")
        made: dict[str, Any] = {"per_class": figures.per_class(self.evaluation.per_class)}
        if self.evaluation.kind != "tags":
            made["confusion"] = figures.confusion(self.evaluation)
        if self.evaluation.kind == "classes":
            made["calibration"] = figures.reliability(self.evaluation)
        worst, pictures = self._worst(self.evaluation, self._part(self.run, *self._chosen()))
        if pictures:
            captions = [f"{row.true} → {row.predicted}" for row in worst.itertuples()]
            made["mistakes"] = figures.thumbnails(pictures, captions, title="The surest mistakes")
        return made

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self.evaluation, self._images = None, None
        self._empty()
        if self.run is None:
            return
        status = self.run.status
        if status.state == "done":
            self.evaluate()
        else:
            self.notice.text = (
                f"{self.run.name} is {status.state}. Evaluate shows what its saved weights are worth so far."
            )

    def _chosen(self) -> tuple[str, str | None]:
        return str(self.split.value), str(self.domain.value or "") or None

    def _empty(self) -> None:
        self.error = ""
        self.body.value = self.title.value = self.classes.value = ""
        self.mistakes.clear()
        self.choosers.layout.display = "none" if self.run is None else ""
        if self.run is None:
            self.notice.text = (
                "No run is chosen. Launch one, or click one in the list of runs: what it learnt is shown here."
            )

    def _evaluate(self, run: Any, split: str, domain: str | None) -> None:
        part = self._part(run, split, domain)
        evaluation = run.evaluate(split, domain=domain)
        worst, pictures = self._worst(evaluation, part)
        if self.run is not run:
            return
        self.notice.text = self._which(run)
        right = drawings.percent(evaluation.accuracy)
        where = f"{drawings.count(len(evaluation.ids), f'{self.split.label} image')}"
        self.title.value = f'<div class="wb-title">{html.escape(f"{right} of {where} right: {run.name}")}</div>'
        self.body.value = self._body(evaluation)
        self.mistakes.show(worst, pictures, part, functools.cache(lambda: run.net()), evaluation.kind == "classes")
        self.classes.value = drawings.per_class(evaluation)
        self.evaluation = evaluation

    def _part(self, run: Any, split: str, domain: str | None) -> Any:
        if self._images is None:
            self._images = run.images
            names = [("source", ""), *((name, name) for name in self._images.domains)]
            if len(names) > 2:
                self.domain.options = names
            self.domain.layout.display = "" if len(names) > 2 else "none"
        data = self._images if domain is not None else self._images.source
        return data.part(split=split, domain=domain)

    def _which(self, run: Any) -> str:
        status = run.status
        if status.state == "done" or status.saved is None:
            return ""
        return f"The run is {status.state}: this is its net of epoch {status.saved:g} of {status.epochs}."

    def _body(self, evaluation: Any) -> str:
        right = drawings.metrics(evaluation) + drawings.calibration(evaluation)
        return f'<div class="wb-columns"><div>{drawings.confusion(evaluation)}</div><div>{right}</div></div>'

    def _worst(self, evaluation: Any, part: Any) -> tuple[Any, list[Any]]:
        worst = evaluation.mistakes.head(THUMBNAILS)
        place = {id_: row for row, id_ in enumerate(part.frame["id"])}
        return worst, [part.pixels(place[id_], EDGE) for id_ in worst["id"]]
