"""Saliency viewer: attribution maps over images, of one net or of several."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import traitlets

from workbench import figures
from workbench.annotated_types import RunLike, Split
from workbench.argument_checks import check_arguments
from workbench.errors import Unavailable, UnknownName
from workbench.nets.feature_maps import list_feature_maps
from workbench.probes import describe_saliency_methods, faithfulness, saliency
from workbench.probes.attribution._saliency import concatenate_saliency
from workbench.probes.attribution.saliency_comparison import compute_saliencies, summarize_saliencies
from workbench.widgets.base import Notice
from workbench.widgets.components import html_charts, html_maps
from workbench.widgets.components.background_task import BackgroundTask, StoppableMixin
from workbench.widgets.components.eta import Eta
from workbench.widgets.components.tooltips import label_with_tooltip
from workbench.widgets.views.model_choices import ModelChoices, make_newest_button

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["SaliencyViewer"]

N_SHOWN, CHUNK_SIZE = 12, 4  # images shown; images per update of the progress text
POOL_SIZE = 256  # images searched for mistakes
ALL, ENDS = "all, compared", "first and last, compared"


class SaliencyViewer(ipywidgets.VBox, StoppableMixin):
    """Viewer of saliency maps by any method, of several nets side by side and, if wanted, of the mistakes first.

    Args:
        nets: one net, or several by name, such as `{"pretrained": wb.load_net(...), "fine-tuned": run.net()}`.
        images: images to run through the nets; by default those of the run.
        run: a run instead of nets: its net before and after training and at every snapshot; of a run under way, its
            last saved net.
        split: split of the images; None is all.
        method: one of `wb.probes.describe_saliency_methods()`.

    Attributes:
        run: run shown; assigning another shows its net before and after training.
        result: result of `wb.probes.saliency` or `wb.probes.compare_saliency`; None until it is computed.
        rows: images shown, as rows of the split; assigning others shows those.
    """

    run = traitlets.Any(None, allow_none=True)
    result = traitlets.Any(None, allow_none=True)
    rows = traitlets.List(traitlets.Int())

    @check_arguments
    def __init__(
        self,
        nets: Any = None,
        images: Images | None = None,
        run: RunLike | None = None,
        split: Split | None = "valid",
        method: str = "grad-cam",
    ) -> None:
        self.notice, self._task = Notice(), BackgroundTask(self)
        self.images, self.split, self._choices, self._seed = images, split, ModelChoices(nets), 0
        self._setting_options = False  # True while options are set: these changes come from code, not from a person
        wide = {"width": "auto"}
        self.net = ipywidgets.Dropdown(
            layout=wide, **label_with_tooltip("net", "net to explain, or several whose maps are compared")
        )
        methods = list(describe_saliency_methods()["name"])
        if method not in methods:
            raise UnknownName.of("saliency method", method, methods)
        self.method = ipywidgets.Dropdown(
            options=methods, value=method, layout=wide, **label_with_tooltip("method", "saliency method")
        )
        self.target = ipywidgets.Dropdown(
            options=[("predicted", "")],
            layout=wide,
            **label_with_tooltip("class", "class whose score the maps explain; predicted: of each image, its own"),
        )
        self.layer = ipywidgets.Dropdown(
            options=[("automatic", "")],
            layout=wide,
            **label_with_tooltip(
                "layer", "stage whose feature map is used; automatic: the last one; methods on pixels ignore it"
            ),
        )
        self.order = ipywidgets.Dropdown(
            options=["random sample", "most confident mistakes"],
            layout=wide,
            **label_with_tooltip("images", f"which {N_SHOWN} images of the split to show"),
        )
        self.resample_button = ipywidgets.Button(description="Show others", tooltip="draw another sample")
        self.faithfulness_button = ipywidgets.Button(
            description="Faithfulness", tooltip="measure deletion and insertion of these maps"
        )
        self.newest_button = make_newest_button(lambda: self._run_changed(None))
        buttons = [self.resample_button, self.faithfulness_button, self._make_stop_button(), self.newest_button]
        choosers = [self.net, self.method, self.target, self.layer, self.order, *buttons]
        self.choosers = ipywidgets.HBox(choosers).add_class("wb-choosers")
        self.body, self.verdict = ipywidgets.HTML(), ipywidgets.HTML()
        super().__init__([self.choosers, self.notice, self.body, self.verdict])
        self.add_class("wb-form").add_class("wb-results")
        for chooser in (self.method, self.target, self.layer):
            chooser.observe(lambda _: self.update(), "value")
        self.net.observe(lambda _: self._net_changed(), "value")
        self.order.observe(lambda _: self.draw_sample(0), "value")
        self.resample_button.on_click(lambda _: self.draw_sample(self._seed + 1))
        self.faithfulness_button.on_click(lambda _: self.measure_faithfulness())
        self._set_net_options()
        if run is not None:
            self.run = run

    @check_arguments
    def draw_sample(self, seed: int = 0) -> None:
        """Choose images, by `seed` or the most confident mistakes, and compute their maps."""
        self._seed = seed
        self._start_if_nets("Choosing images …", self._sample_rows)

    @check_arguments
    def update(self) -> None:
        """Recompute the maps of the same images with the present choosers, on a thread."""
        if self.rows and not self._setting_options:
            self._start_if_nets(f"Computing maps of {self.net.value} …", self._compute_maps)

    @check_arguments
    def measure_faithfulness(self) -> None:
        """Measure the faithfulness of the maps shown, by deletion and insertion."""
        result: Any = self.result
        if result is not None and not hasattr(result, "saliencies"):
            net = self._choices[str(self.net.value)]
            self._start_if_nets(
                "Measuring faithfulness …", lambda: self._show_faithfulness(faithfulness(net, result, steps=8))
            )

    @check_arguments
    def figure(self) -> Any:
        """Return a static figure for the next cell; it remains in an exported notebook.

        Raises:
            Unavailable: nothing is shown yet.
        """
        if self.result is None:
            raise Unavailable("nothing is shown yet: choose a net and wait for the maps")
        return draw_saliency(self.result)

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self._choices, self.body.value, self.result = ModelChoices(None, self.run), "", None
        self._set_net_options()

    @traitlets.observe("rows")
    def _rows_changed(self, change: Any) -> None:
        if change.new != change.old:
            self.update()

    def _start_if_nets(self, text: str, call: Any) -> None:
        if self._choices.names:
            self.verdict.value = ""
            self._start_task(text, call)

    def _set_net_options(self) -> None:
        names = list(self._choices.names)
        self.choosers.layout.display = "" if names else "none"
        self.newest_button.layout.display = "" if self._choices.is_running else "none"
        if not names:
            self.notice.text = "No net yet: give a net and images, or choose a run; its saliency maps are shown here."
            return
        both = ALL if self._choices.compared_names == self._choices.names else ENDS
        self._setting_options = True
        self.net.options, self.net.value = [*names, *([both] if len(names) > 1 else [])], names[-1]
        self._setting_options = False
        self._net_changed()

    def _net_changed(self) -> None:
        if self._setting_options:
            return
        # faithfulness is measured on one net, not on a comparison
        self.faithfulness_button.layout.display = "none" if self.net.value in (ALL, ENDS) else ""
        self._start_if_nets("Loading the net …", self._open_net)

    def _open_net(self) -> None:
        net = self._get_net()
        stages = [grid.stage.name for grid in list_feature_maps(net)]
        self._setting_options = True
        try:
            self.target.options = [("predicted", ""), *((name, name) for name in net.classes or ())]
            self.layer.options = [("automatic", ""), *((name, name) for name in stages)]
            for chooser in (self.target, self.layer):  # resets the selection of a page
                chooser.index = None
                chooser.index = 0
        finally:
            self._setting_options = False
        (self._compute_maps if self.rows else self._sample_rows)()

    def _get_net(self) -> Any:
        name = str(self.net.value)
        return self._choices[self._choices.names[-1] if name in (ALL, ENDS) else name]

    def _select_images(self) -> Any:
        images = self.images if self.images is not None else self.run.images
        part = images.subset(split=self.split) if self.split and len(images.subset(split=self.split)) else images
        return part

    def _sample_rows(self) -> None:
        images, rng = self._select_images(), np.random.default_rng(self._seed)
        pool = rng.permutation(len(images))
        if self.order.value == "most confident mistakes":
            frame = saliency(self._get_net(), images.subset(rows=pool[:POOL_SIZE]), "eigen-cam").frame
            mistakes = frame[frame["true"] != frame["predicted"]] if "true" in frame else frame.head(0)
            row_by_id = {name: row for row, name in enumerate(images.frame["id"])}
            pool = [row_by_id[name] for name in mistakes.sort_values("confidence", ascending=False)["id"]]
            if not pool:
                self.error = f"no mistakes among {min(len(images), POOL_SIZE)} images: choose a random sample"
                return
        rows = [int(row) for row in pool[:N_SHOWN]]
        self.set_trait("rows", rows) if rows != self.rows else self._compute_maps()

    def _compute_maps(self) -> None:
        stop, images, rows, eta = self._stop_event, self._select_images(), list(self.rows), Eta()
        arguments = {
            "method": self.method.value,
            "target": self.target.value or None,
            "layer": self.layer.value or None,
        }
        several = self.net.value in (ALL, ENDS)
        nets = (
            {name: self._choices[name] for name in self._choices.compared_names} if several else {"": self._get_net()}
        )
        parts: dict[str, list[Any]] = {name: [] for name in nets}
        result: Any = None
        for start in range(0, len(rows), CHUNK_SIZE):
            chunk = images.subset(rows=rows[start : start + CHUNK_SIZE])
            if several:
                saliencies, note = compute_saliencies(nets, chunk, **arguments)
            else:
                saliencies, note = {"": saliency(nets[""], chunk, **arguments)}, ""
            for name, maps in saliencies.items():
                parts[name].append(maps)
            combined = {name: concatenate_saliency(chunks) for name, chunks in parts.items()}
            result = summarize_saliencies(combined, note) if several else combined[""]
            quiet = f'<p class="wb-quiet">{html.escape(result.note)}</p>' if several and result.note else ""
            self.body.value = html_charts.render_figure(draw_saliency(result)) + quiet
            if stop.is_set():
                break
            self.notice.text = eta.format_progress(start + len(chunk), len(rows), "images")
        self.notice.text = self._choices.describe_epoch(*(nets if several else [str(self.net.value)]))
        self.result = result

    def _show_faithfulness(self, result: Any) -> None:
        self.verdict.value, self.notice.text = (
            html_maps.render_faithfulness(result),
            self._choices.describe_epoch(str(self.net.value)),
        )


def draw_saliency(result: Any) -> Any:
    """Draw the figure of saliency maps of one net or of several."""
    draw = figures.saliency_comparison if hasattr(result, "saliencies") else figures.saliency_maps
    return draw(result, N_SHOWN)
