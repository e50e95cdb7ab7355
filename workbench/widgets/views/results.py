"""Results of a run on its images: the pictures of the figures that `figures()` returns, and its mistakes."""

from __future__ import annotations

import functools
import html
from typing import Any

import ipywidgets
import traitlets

from workbench.annotated_types import RunLike, Split
from workbench.argument_checks import check_arguments
from workbench.errors import Unavailable
from workbench.formatting import format_percent, format_quantity
from workbench.widgets.base import Notice
from workbench.widgets.components import html_charts
from workbench.widgets.components.background_task import BackgroundTask, BackgroundTaskMixin
from workbench.widgets.components.figure_view import FigureView
from workbench.widgets.components.tooltips import label_with_tooltip
from workbench.widgets.views.mistakes import Mistakes

__all__ = ["Results"]

MAX_MISTAKES = 12
THUMBNAIL_SIZE = 112
CLICK_HINT = "Click a {} to list only its mistakes."


class Results(ipywidgets.VBox, BackgroundTaskMixin):
    """Confusion matrix, classes, most confident mistakes and calibration of a run.

    A click on a cell of the confusion matrix lists the mistakes of that pair of classes, a click on a bar those of its
    class.

    Args:
        run: the run; None shows how to begin.
        split: split of the images to evaluate on.

    Attributes:
        run: run shown; assigning another evaluates it, on a thread.
        evaluation: the evaluation; None until it is computed.
        mistakes: most confident mistakes; a click on one shows its saliency maps.
    """

    run = traitlets.Any(None, allow_none=True)
    evaluation = traitlets.Any(None, allow_none=True)

    @check_arguments
    def __init__(self, run: RunLike | None = None, split: Split = "valid") -> None:
        self.notice, self._task = Notice(), BackgroundTask(self)
        options = [("validation", "valid"), ("test", "test"), ("training", "train")]
        self.split = ipywidgets.Dropdown(
            options=options, value=split, **label_with_tooltip("split", "images to evaluate on")
        )
        self.domain = ipywidgets.Dropdown(
            options=[("source", "")], **label_with_tooltip("domain", "domain of the images to evaluate on")
        )
        self.evaluate_button = ipywidgets.Button(description="Evaluate", tooltip="evaluate the weights saved last")
        self.title, self.metrics, self.mistakes = ipywidgets.HTML(), ipywidgets.HTML(), Mistakes()
        self.confusion, self.calibration, self.classes = FigureView(), FigureView(), FigureView()
        parts = [self.confusion, self.metrics, self.calibration]
        self.body = ipywidgets.HBox(parts).add_class("wb-columns")
        self.choosers = ipywidgets.HBox([self.split, self.domain, self.evaluate_button]).add_class("wb-choosers")
        super().__init__([self.title, self.choosers, self.notice, self.body, self.mistakes, self.classes])
        self.add_class("wb-form").add_class("wb-results")
        self.evaluate_button.on_click(lambda _: self.evaluate())
        for chooser in (self.split, self.domain):
            chooser.observe(lambda _: self.evaluate(), "value")
        for view in (self.confusion, self.classes):
            view.observe(self._selection_changed, "selected")
        self._images: Any = None
        self._listed: Any = None  # pair of classes whose mistakes are listed
        self._clear_results()
        self.run = run

    @check_arguments
    def evaluate(self) -> None:
        """Evaluate the run on the chosen images, on a thread, and show that this is under way."""
        run, (split, domain) = self.run, self._current_choice()
        if run is None:
            return
        self.error = ""
        self.notice.text = f"Evaluating {run.name} on the {self.split.label} images …"
        self._task.submit(lambda: self._evaluate_run(run, split, domain))

    @check_arguments
    def figures(self) -> dict[str, Any]:
        """Return the static figures of the evaluation for the next cell; they remain in an exported notebook.

        Raises:
            Unavailable: nothing has been evaluated yet.
        """
        from workbench import figures

        if self.evaluation is None:
            raise Unavailable("no evaluation yet: choose a run and wait for its results")
        charts = build_figures(self.evaluation)
        _, pictures = self._find_worst(self.evaluation.mistakes, self._select_images(self.run, *self._current_choice()))
        if pictures:
            charts["mistakes"] = figures.confident_mistakes(pictures, self.evaluation, len(pictures))
        return charts

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self.evaluation, self._images = None, None
        self._clear_results()
        if self.run is None:
            return
        status = self.run.status
        if status.state == "done":
            self.evaluate()
        else:
            self.notice.text = f"{self.run.name} is {status.state}. Evaluate measures its saved weights so far."

    def _current_choice(self) -> tuple[str, str | None]:
        return str(self.split.value), str(self.domain.value or "") or None

    def _clear_results(self) -> None:
        self.error = ""
        self.metrics.value = self.title.value = ""
        for view in (self.confusion, self.calibration, self.classes, self.mistakes):
            view.clear()
        self.choosers.layout.display = "none" if self.run is None else ""
        if self.run is None:
            self.notice.text = (
                "No run is chosen. Launch one, or click one in the list of runs: its evaluation is shown here."
            )

    def _evaluate_run(self, run: Any, split: str, domain: str | None) -> None:
        images = self._select_images(run, split, domain)
        evaluation = run.evaluate(split, domain=domain)
        charts = build_figures(evaluation)
        if self.run is not run:
            return
        self.notice.text = self._describe_epoch(run)
        accuracy = format_percent(evaluation.accuracy)
        count = f"{format_quantity(len(evaluation.ids), f'{self.split.label} image')}"
        self.title.value = f'<div class="wb-title">{html.escape(f"{accuracy} of {count} correct: {run.name}")}</div>'
        self.metrics.value = html_charts.render_metrics(evaluation)
        self._listed = None
        for name, view, region in (
            ("confusion", self.confusion, "cell"),
            ("calibration", self.calibration, ""),
            ("per_class", self.classes, "bar"),
        ):
            if name in charts:
                view.show(charts[name], CLICK_HINT.format(region) if region else "")
            else:
                view.clear()
        self._show_mistakes(evaluation, images, None)
        self.evaluation = evaluation

    def _selection_changed(self, change: Any) -> None:
        """List the mistakes of the selected cell or bar; only one of both is selected."""
        if change.new:
            for view in (self.confusion, self.classes):
                if view is not change.owner:
                    view.selected = {}
        if self._selected_pair() != self._listed:  # otherwise the views were cleared for another evaluation
            self._task.submit(self._list_selected)

    def _list_selected(self) -> None:
        pair, evaluation = self._selected_pair(), self.evaluation
        if evaluation is not None and pair != self._listed:
            self._show_mistakes(evaluation, self._select_images(self.run, *self._current_choice()), pair)

    def _selected_pair(self) -> tuple[str, str | None] | None:
        """Return the true and the predicted class whose mistakes are selected; None for any."""
        cell, bar = self.confusion.selected, self.classes.selected
        if cell:
            return cell["row"], cell["column"] if cell["column"] != cell["row"] else None
        return (bar["category"], None) if bar else None

    def _show_mistakes(self, evaluation: Any, images: Any, pair: tuple[str, str | None] | None) -> None:
        frame = select_mistakes(evaluation.mistakes, pair)
        _, pictures = self._find_worst(frame, images)
        run: Any = self.run
        self._listed, net = pair, functools.cache(lambda: run.net())
        self.mistakes.show(frame, pictures, images, net, evaluation.kind == "classes", describe_mistakes(frame, pair))

    def _select_images(self, run: Any, split: str, domain: str | None) -> Any:
        if self._images is None:
            self._images = run.images
            names = [("source", ""), *((name, name) for name in self._images.domains)]
            if len(names) > 2:
                self.domain.options = names
            self.domain.layout.display = "" if len(names) > 2 else "none"
        data = self._images if domain is not None else self._images.source
        return data.subset(split=split, domain=domain)

    def _describe_epoch(self, run: Any) -> str:
        status = run.status
        if status.state == "done" or status.saved_epoch is None:
            return ""
        return f"The run is {status.state}: this is its net of epoch {status.saved_epoch:g} of {status.epochs}."

    def _find_worst(self, frame: Any, images: Any) -> tuple[Any, list[Any]]:
        worst = frame.head(MAX_MISTAKES)
        row_by_id = {id_: row for row, id_ in enumerate(images.frame["id"])}
        return worst, [images.pixels(row_by_id[id_], THUMBNAIL_SIZE) for id_ in worst["id"]]


def build_figures(evaluation: Any) -> dict[str, Any]:
    """Build the figures of an evaluation by name: per_class, and confusion and calibration if it has them."""
    from workbench import figures

    charts: dict[str, Any] = {"per_class": figures.precision_recall_bars(evaluation)}
    if evaluation.kind != "tags":
        charts["confusion"] = figures.confusion_matrix(evaluation)
    if evaluation.kind == "classes" and len(evaluation.labels):
        charts["calibration"] = figures.reliability_diagram(evaluation)
    return charts


def select_mistakes(frame: Any, pair: tuple[str, str | None] | None) -> Any:
    """Select the mistakes of a true and a predicted class; of a tag, images that have it and images that do not."""
    if pair is None:
        return frame
    true, predicted = pair
    is_listed = frame["true"].isin([true, f"no {true}"]) if predicted is None else frame["true"] == true
    if predicted is not None:
        is_listed &= frame["predicted"] == predicted
    return frame[is_listed].reset_index(drop=True)


def describe_mistakes(frame: Any, pair: tuple[str, str | None] | None) -> str:
    """Describe the mistakes of a pair of classes in one line; empty for all mistakes."""
    if pair is None:
        return ""
    true, predicted = pair
    what = f"of {true}" if predicted is None else f"of {true} predicted as {predicted}"
    return f"{format_quantity(len(frame), 'mistake') if len(frame) else 'No mistakes'} {what}"
