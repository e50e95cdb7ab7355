"""Filter viewer: filters, activation maps, top-activating crops, feature visualization and filter drift of a net."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import traitlets

from workbench import figures
from workbench.annotated_types import RunLike, Split
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, Unavailable
from workbench.nets.feature_maps import get_feature_map, list_feature_maps
from workbench.probes import activation_maps, filter_drift, filters, top_activations, visualize_features
from workbench.widgets.base import Notice
from workbench.widgets.components import html_charts, html_maps
from workbench.widgets.components.background_task import BackgroundTask, StoppableMixin
from workbench.widgets.components.eta import Eta
from workbench.widgets.components.tooltips import label_with_tooltip
from workbench.widgets.views.model_choices import ModelChoices, make_newest_button

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["FilterViewer"]

POOL_SIZE = 512  # images searched for the top activations
DRAW_EVERY = 8  # optimization steps between two updates of the image
FILTERS, MAPS, CROPS, VISUALIZED, DRIFT = (
    "filters",
    "activation maps",
    "top activations",
    "feature visualization",
    "filter drift",
)


class FilterViewer(ipywidgets.VBox, StoppableMixin):
    """Viewer of the features that the stages of a net detect, before and after a transfer.

    Args:
        nets: one net, or several by name, such as `{"pretrained": wb.load_net(...), "fine-tuned": run.net()}`.
        images: images to run through the nets; by default those of the run.
        run: a run instead of nets: its net before and after training and at every snapshot; of a run under way, its
            last saved net.
        split: split of the images; None is all.

    Attributes:
        run: run shown; assigning another shows its net before and after training.
        result: result of the probe behind the view; None until it is computed.
    """

    run = traitlets.Any(None, allow_none=True)
    result = traitlets.Any(None, allow_none=True)

    @check_arguments
    def __init__(
        self, nets: Any = None, images: Images | None = None, run: RunLike | None = None, split: Split | None = "valid"
    ) -> None:
        self.notice, self._task = Notice(), BackgroundTask(self)
        self.images, self.split, self._choices, self._setting_options = images, split, ModelChoices(nets), False
        self._make_choosers()
        self.newest_button = make_newest_button(lambda: self._run_changed(None))
        parts = [
            self.net,
            self.view,
            self.stage,
            self.channel,
            self.image,
            self.order,
            self._make_stop_button(),
            self.newest_button,
        ]
        self.choosers = ipywidgets.HBox(parts).add_class("wb-choosers")
        self.body = ipywidgets.HTML()
        super().__init__([self.choosers, self.notice, self.body])
        self.add_class("wb-form").add_class("wb-results")
        self.net.observe(lambda _: self._net_changed(), "value")
        self.stage.observe(lambda _: self._stage_changed(), "value")
        self.view.observe(lambda _: self._show_choosers(), "value")
        for chooser in (self.view, self.channel, self.image, self.order):
            chooser.observe(lambda _: self.update(), "value")
        self._show_choosers()
        self._set_net_options()
        if run is not None:
            self.run = run

    def _make_choosers(self) -> None:
        """Make the fields above the picture."""
        wide, narrow = {"width": "auto"}, {"width": "140px"}
        self.net = ipywidgets.Dropdown(layout=wide, **label_with_tooltip("net", "net to inspect"))
        self.view = ipywidgets.Dropdown(
            options=[FILTERS, MAPS, CROPS, VISUALIZED],
            layout=wide,
            **label_with_tooltip(
                "view",
                "filters: weights of a convolution; activation maps: outputs of the stage for one image; "
                "top activations: image regions with the highest activation of a channel; "
                "feature visualization: image optimized for a channel; "
                "filter drift: change of the filters between two nets",
            ),
        )
        self.stage = ipywidgets.Dropdown(layout=wide, **label_with_tooltip("stage", "stage of the net, stem first"))
        self.channel = ipywidgets.BoundedIntText(
            0, min=0, max=0, layout=narrow, **label_with_tooltip("channel", "index of the channel in the stage, from 0")
        )
        self.image = ipywidgets.BoundedIntText(
            0, min=0, max=0, layout=narrow, **label_with_tooltip("image", "index of the image in the split, from 0")
        )
        self.order = ipywidgets.Dropdown(
            options=["hue", "frequency", "norm", "index"],
            layout=wide,
            **label_with_tooltip(
                "sort by", "order of the filters: hue, spatial frequency, norm of the weights, or index of the channel"
            ),
        )

    @check_arguments
    def update(self) -> None:
        """Update the view to the choosers, on a thread."""
        if not self._setting_options and self._choices.names:
            self._start_task(f"Inspecting {self.net.value} …", self._update_view)

    @check_arguments
    def figure(self) -> Any:
        """Return a static figure for the next cell; it remains in an exported notebook.

        Raises:
            Unavailable: nothing is shown yet.
        """
        if self.result is None:
            raise Unavailable("nothing is shown yet: choose a net and wait for the picture")
        view, result = self._shown
        return self._draw(view, result)

    def _draw(self, view: str, result: Any) -> Any:
        """Draw the figure of a view."""
        if view == FILTERS:
            return figures.convolution_filters(result, self.order.value)
        if view == VISUALIZED:
            title, size = html_maps.describe_visualization(result), html_maps.ENLARGED_SIZE
            return figures.image_grid(list(result.images), result.unit_names, title=title, image_size=size)
        return {MAPS: figures.activation_maps, CROPS: figures.top_activations, DRIFT: figures.filter_drift}[view](
            result
        )

    def _render_figure(self, view: str, result: Any) -> tuple[Any, str]:
        return result, html_charts.render_figure(self._draw(view, result))

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self._choices, self.body.value, self.result = ModelChoices(None, self.run), "", None
        self._set_net_options()

    def _show_choosers(self) -> None:
        """Show only the choosers that the view uses."""
        views_by_chooser = {
            self.stage: (FILTERS, MAPS, CROPS, VISUALIZED),
            self.channel: (CROPS, VISUALIZED),
            self.image: (MAPS,),
            self.order: (FILTERS,),
            self.stop_button: (VISUALIZED,),
        }
        for chooser, views in views_by_chooser.items():
            chooser.layout.display = "" if self.view.value in views else "none"

    def _set_net_options(self) -> None:
        names = list(self._choices.names)
        self.choosers.layout.display = "" if names else "none"
        self.newest_button.layout.display = "" if self._choices.is_running else "none"
        if not names:
            self.notice.text = "No net yet: give a net, or choose a run; its filters and activations are shown here."
            return
        self._setting_options = True
        self.net.options, self.net.value = names, names[-1]
        self.view.options = [FILTERS, MAPS, CROPS, VISUALIZED, *([DRIFT] if len(names) > 1 else [])]
        self._setting_options = False
        self._net_changed()

    def _net_changed(self) -> None:
        if not self._setting_options:
            self._start_task("Loading the net …", self._open_net)

    def _open_net(self) -> None:
        net, before = self._net, self.stage.value
        names = [grid.stage.name for grid in list_feature_maps(net)]
        if not names:
            raise BadValue("expected a net with spatial feature maps; no stage of this net has one")
        self._setting_options = True
        try:
            self.stage.options = names
            self.stage.index = None  # resets the selection of a page that already shows the options
            self.stage.value = before if before in names else names[0]
            self._set_channel_range()
        finally:
            self._setting_options = False
        self._update_view()

    def _stage_changed(self) -> None:
        if not self._setting_options:
            self._setting_options = True
            try:
                self._set_channel_range()
            finally:
                self._setting_options = False
            self.update()

    def _set_channel_range(self) -> None:
        net = self._net
        grid = get_feature_map(net, next(stage for stage in net.stages if stage.name == self.stage.value))
        self.channel.max = grid.n_channels - 1 if grid is not None else 0

    @property
    def _net(self) -> Any:
        return self._choices[str(self.net.value)]

    @property
    def _compared_names(self) -> tuple[str, ...]:
        """Chosen net, last, and the one that it is compared with: the first, or the last if the first is chosen."""
        chosen, ends = str(self.net.value), self._choices.compared_names
        other = ends[-1] if chosen == ends[0] else ends[0]
        shapes = [
            {s.name: s.shape for s in self._choices[n].stages}.get(str(self.stage.value)) for n in (other, chosen)
        ]
        # a net of another architecture lacks this stage, or has other channels there
        return (chosen,) if other == chosen or shapes[0] != shapes[1] else (other, chosen)

    def _render_each(self, render: Callable[[Any], tuple[Any, str]]) -> tuple[Any, str]:
        """Render the chosen net, and its text beside that of the compared net."""
        rendered = {name: render(self._choices[name]) for name in self._compared_names}
        result, text = rendered[str(self.net.value)]
        return result, text if len(rendered) == 1 else html_maps.render_side_by_side(
            {name: part for name, (_, part) in rendered.items()}
        )

    def _select_images(self) -> Any:
        images = self.images if self.images is not None else getattr(self.run, "images", None)
        if images is None:
            raise BadValue("this view needs images; pass images=…")
        return images.subset(split=self.split) if self.split and len(images.subset(split=self.split)) else images

    def _update_view(self) -> None:
        view, stop = str(self.view.value), self._stop_event
        renderers = {
            FILTERS: self._render_filters,
            MAPS: self._render_activations,
            CROPS: self._render_top_activations,
            VISUALIZED: self._render_visualization,
            DRIFT: self._render_filter_drift,
        }
        result, text = renderers[view]()
        if not stop.is_set() or view == VISUALIZED:
            self._shown = (view, result)
            names = self._choices.compared_names if view in (CROPS, DRIFT) else self._compared_names
            self.body.value, self.notice.text = text, self._choices.describe_epoch(*names)
            self.result = result

    def _render_filters(self) -> tuple[Any, str]:
        return self._render_each(self._render_net_filters)

    def _render_net_filters(self, net: Any) -> tuple[Any, str]:
        is_first = self.stage.value == net.stages[0].name
        result = filters(net, None if is_first else str(self.stage.value))
        return self._render_figure(FILTERS, result)

    def _render_activations(self) -> tuple[Any, str]:
        images = self._select_images()
        self.image.max = len(images) - 1
        image = images.subset(rows=[self.image.value])

        def render(net: Any) -> tuple[Any, str]:
            return self._render_figure(MAPS, activation_maps(net, image, str(self.stage.value)))

        return self._render_each(render)

    def _render_top_activations(self) -> tuple[Any, str]:
        images = self._select_images()
        images = images.subset(rows=np.unique(np.linspace(0, len(images) - 1, POOL_SIZE).astype(int)))
        arguments = (images, str(self.stage.value), self.channel.value)
        by_net = {name: top_activations(self._choices[name], *arguments) for name in self._choices.compared_names}
        result = by_net if len(by_net) > 1 else by_net[str(self.net.value)]
        return self._render_figure(CROPS, result)

    def _render_visualization(self) -> tuple[Any, str]:
        return self._render_each(self._visualize_net)

    def _visualize_net(self, net: Any) -> tuple[Any, str]:
        stop, eta = self._stop_event, Eta()

        def show_progress(step: int, steps: int, pictures: np.ndarray) -> bool:
            if step % DRAW_EVERY == 0:
                self.notice.text = eta.format_progress(step, steps, "steps")
                self.body.value = html_maps.render_unfinished(pictures[0])
            return stop.is_set()

        result = visualize_features(net, str(self.stage.value), self.channel.value, callback=show_progress)
        return self._render_figure(VISUALIZED, result)

    def _render_filter_drift(self) -> tuple[Any, str]:
        names = self._choices.compared_names
        result = filter_drift(self._choices[names[0]], self._choices[names[-1]])
        _, picture = self._render_figure(DRIFT, result)
        return result, f'<p class="wb-quiet">{html.escape(f"From {names[0]} to {names[-1]}")}</p>{picture}'
