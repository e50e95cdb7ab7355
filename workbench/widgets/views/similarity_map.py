"""Similarity map: the stages of two nets compared, as the picture of the figure that `figure()` returns."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import traitlets

from workbench.annotated_types import RunLike, Split
from workbench.argument_checks import check_arguments
from workbench.errors import Unavailable
from workbench.probes import Similarity, similarity
from workbench.widgets.base import Notice
from workbench.widgets.components.background_task import BackgroundTask, BackgroundTaskMixin
from workbench.widgets.components.figure_view import FigureView
from workbench.widgets.components.tooltips import label_with_tooltip
from workbench.widgets.views.model_choices import ModelChoices, make_newest_button

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["SimilarityMap"]

MAX_IMAGES = 1000  # images compared: the estimate has no bias from their number, and more would only take longer


class SimilarityMap(ipywidgets.VBox, BackgroundTaskMixin):
    """Representational similarity of the stages of two nets, or of one net before and after a run.

    Args:
        nets: nets by name, such as `{"pretrained": wb.load_net(...), "fine-tuned": run.net()}`, or one net.
        images: images to run through the nets; by default those of the run.
        run: a run instead of nets: its net before and after training and at every snapshot; of a run under way, its
            last saved net.
        split: split of the images; None is all.

    Attributes:
        run: run shown; assigning another compares its net before and after training.
        result: result of `wb.probes.similarity`; None until it is computed.
    """

    run = traitlets.Any(None, allow_none=True)
    result = traitlets.Any(None, allow_none=True)

    @check_arguments
    def __init__(
        self, nets: Any = None, images: Images | None = None, run: RunLike | None = None, split: Split | None = "valid"
    ) -> None:
        self.notice, self._task = Notice(), BackgroundTask(self)
        self.images, self.split, self._choices, self._has_options = images, split, ModelChoices(nets), False
        measures = [("linear CKA", "cka"), ("SVCCA", "svcca"), ("PWCCA", "pwcca")]
        wide = {"width": "auto"}
        self.first = ipywidgets.Dropdown(layout=wide, **label_with_tooltip("rows", "net whose stages are the rows"))
        self.second = ipywidgets.Dropdown(
            layout=wide, **label_with_tooltip("columns", "net whose stages are the columns")
        )
        self.measure = ipywidgets.Dropdown(
            options=measures,
            layout=wide,
            **label_with_tooltip(
                "measure",
                "measure of similarity: 1 for the same features up to rotation and scale (CKA) or up to a "
                "linear map (SVCCA, PWCCA), about 0 for unrelated ones",
            ),
        )
        self.newest_button = make_newest_button(lambda: self._run_changed(None))
        parts = [self.first, self.second, self.measure, self.newest_button]
        self.choosers = ipywidgets.HBox(parts).add_class("wb-choosers")
        self.body, self.cell = FigureView(), ipywidgets.HTML()
        self.body.observe(lambda _: self._show_cell(), "selected")
        super().__init__([self.choosers, self.notice, self.body, self.cell])
        self.add_class("wb-form").add_class("wb-results")
        self._set_net_options()
        self.measure.observe(self._choice_changed, "value")
        if run is not None:
            self.run = run
        else:
            self.compare()

    @check_arguments
    def compare(self) -> None:
        """Compare the chosen nets on a thread, and show that this is under way."""
        names, method = (str(self.first.value), str(self.second.value)), str(self.measure.value)
        if not self._choices.names:
            self.notice.text = (
                "No nets yet: give two nets and images, or choose a run; their similarity per stage is shown here."
            )
            return
        self.error = ""
        self.notice.text = f"Comparing {names[0]} and {names[1]} …"
        choices = self._choices
        self._task.submit(lambda: self._compute_similarity(choices, names, method))

    @check_arguments
    def figure(self) -> Any:
        """Return a static figure for the next cell; it remains in an exported notebook.

        Raises:
            Unavailable: nothing has been compared yet.
        """
        from workbench import figures

        if self.result is None:
            raise Unavailable("no comparison yet: choose two nets and wait until it is computed")
        return figures.stage_similarity(self.result)

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self._choices = ModelChoices(None, self.run)
        self.result = None
        self.body.clear()
        self._set_net_options()
        self.compare()

    def _choice_changed(self, _: Any) -> None:
        self.compare()

    def _set_net_options(self) -> None:
        names = list(self._choices.names)
        for chooser, index in ((self.first, 0), (self.second, -1)):
            if self._has_options:
                chooser.unobserve(self._choice_changed, "value")
            chooser.options = names
            chooser.value = names[index] if names else None
            chooser.observe(self._choice_changed, "value")
        self._has_options = True
        self.choosers.layout.display = "" if names else "none"
        self.newest_button.layout.display = "" if self._choices.is_running else "none"

    def _compute_similarity(self, choices: ModelChoices, names: tuple[str, str], method: str) -> None:
        from workbench.feature_extraction import extract_features

        images = self.images if self.images is not None else self.run.images
        part = images.subset(split=self.split) if self.split and len(images.subset(split=self.split)) else images
        part = part.subset(rows=np.unique(np.linspace(0, len(part) - 1, MAX_IMAGES).astype(int)))
        features = [
            extract_features(choices[name], part, [s for s in choices[name].stages[:-1] if s.shape])
            for name in dict.fromkeys(names)
        ]
        result = similarity(*features, method=method, names=names)
        if choices is not self._choices:
            return
        self.notice.text, self.result = choices.describe_epoch(*names), result
        self.body.show(self.figure(), "Click a cell to read the similarity of that pair of stages.")

    def _show_cell(self) -> None:
        cell, result = self.body.selected, self.result
        text = describe_cell(result, {name: cell[name] for name in ("row", "column")}) if cell and result else ""
        self.cell.value = html.escape(text)


def describe_cell(result: Similarity, cell: dict[str, str]) -> str:
    """Describe the similarity of a pair of stages in one line.

    Args:
        cell: row, a stage of the first net, and column, a stage of the second.
    """
    row, column = list(result.rows).index(cell["row"]), list(result.columns).index(cell["column"])
    one, other = (f"{stage} of {name}" for stage, name in zip(cell.values(), result.names, strict=True))
    value = f"{result.matrix[row, column]:.3f}".replace("-", "−")
    return f"{one} and {other}: {value} alike"
