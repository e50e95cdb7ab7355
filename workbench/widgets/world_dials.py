"""Sliders over the synthetic world: source and target side by side, redrawn at every change."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Annotated, Any, Literal

import ipywidgets
import traitlets

from workbench.argument_checks import check_arguments
from workbench.data.world.domain_pair import DomainPair, make_domain_pair
from workbench.data.world.factors import STYLES
from workbench.figures.bars.bound_bars import ben_david_bound
from workbench.forms import Range
from workbench.probes.domains import ben_david as probes
from workbench.probes.stage_features import extract_stage_features
from workbench.widgets.base import Notice
from workbench.widgets.components import html_charts
from workbench.widgets.components.background_task import BackgroundTask
from workbench.widgets.components.form import Form

if TYPE_CHECKING:
    from workbench.nets.net import Net

__all__ = ["WorldDials"]

N_SHOWN = 12  # images shown per domain
THUMBNAIL_SIZE = 96
N_DRAWN = 240  # images drawn per domain; enough to measure the size of the shifts
N_BOUND_IMAGES = 400  # images per domain to measure the bound on: about one second with a small net


class DomainShift:
    """Shift between a source and a target domain.

    Args:
        label: factor to learn.
        source_style: style of the source's images.
        target_style: style of the target's images, where it is shifted.
        covariate: fraction of the target's images in its own style.
        label_shift: distance of the target's classes from equal frequency.
        concept: fraction of the target's classes whose labels are exchanged.
        spurious: probability that the source's texture reveals the class.
        noise: fraction of the source's labels drawn at random.
        tail: how many times rarer the source's last class is than its first.
        relatedness: relation of the source's labels to the target's.
        seed: random seed of the world.
    """

    def __init__(
        self,
        *,
        label: Literal["shape", "texture", "hue", "background", "scale", "rotation", "position", "light"] = "shape",
        source_style: Literal[STYLES] = "photo",  # type: ignore[valid-type]
        target_style: Literal[STYLES] = "sketch",  # type: ignore[valid-type]
        covariate: Annotated[float, Range(0.0, 1.0)] = 0.5,
        label_shift: Annotated[float, Range(0.0, 1.0)] = 0.0,
        concept: Annotated[float, Range(0.0, 1.0)] = 0.0,
        spurious: Annotated[float, Range(0.0, 1.0)] = 0.0,
        noise: Annotated[float, Range(0.0, 1.0)] = 0.0,
        tail: Annotated[float, Range(1.0, 1000.0)] = 1.0,
        relatedness: Literal["same", "related", "unrelated"] = "same",
        seed: Annotated[int, Range(0, 2**32 - 1)] = 0,
    ) -> None: ...


class WorldDials(ipywidgets.VBox):
    """Sliders for the shift between two domains of the synthetic world, with images of both and the measured amounts.

    Args:
        n_images: images per domain of the pair that `make_pair()` returns.
        net: net on whose features the bound of Ben-David et al. (2010) is measured and shown at every change; none by
            default.
        settings: initial values, as `wb.world.make_domain_pair` takes them.

    Attributes:
        options: arguments of `wb.world.make_domain_pair` at present; `dials.make_pair()` calls it.
        words: description of the shift, in one sentence.
        bound: terms of the bound, as `wb.probes.ben_david_bound` returns them; None without a net.
    """

    options = traitlets.Dict()
    words = traitlets.Unicode("")

    @check_arguments
    def __init__(
        self, n_images: Annotated[int, Range(2, 100_000_000)] = 2000, net: Net | None = None, **settings: Any
    ) -> None:
        self.n_images, self.net, self.bound = n_images, net, None
        self.form = Form(DomainShift, value=to_form_fields(settings))
        self.notice = Notice()
        self.head, self.source, self.target, self.code, self.terms = (ipywidgets.HTML() for _ in range(5))
        self._task = BackgroundTask(self.notice)
        left = ipywidgets.VBox([self.form, self.code]).add_class("wb-counts-side")
        right = ipywidgets.VBox([self.head, self.source, self.target]).add_class("wb-right")
        super().__init__([ipywidgets.HBox([left, right]).add_class("wb-watch"), self.terms, self.notice])
        self.add_class("wb-widget")
        self.form.observe(lambda _: self._dials_changed(), "value")
        self._dials_changed()

    @check_arguments
    def make_pair(self) -> DomainPair:
        """Make the source and the target at the present settings, with `n_images` each."""
        return make_domain_pair(n=self.n_images, **self.options)

    @check_arguments
    def wait(self, timeout: float | None = None) -> None:
        """Wait until the images match the settings, or for `timeout` seconds."""
        self._task.wait(timeout)

    def _dials_changed(self) -> None:
        self.options = to_pair_arguments(self.form.value)
        self.code.value = f'<pre class="wb-code">{html.escape(to_code(self.options))}</pre>'
        options = dict(self.options)
        self._task.submit(lambda: self._draw_pair(options))

    def _draw_pair(self, options: dict[str, Any]) -> None:
        pair = make_domain_pair(n=N_DRAWN, size=THUMBNAIL_SIZE, **options)
        pictures = [render_domain(images) for images in (pair.source, pair.target)]
        if options != self.options:
            return
        self.notice.error, self.words = "", pair.description
        self.head.value = html_charts.render_heading(pair.description[:1].upper() + pair.description[1:])
        for name, panel, thumbnails in zip(("Source", "Target"), (self.source, self.target), pictures, strict=True):
            panel.value = f'<p class="wb-quiet">{name}</p>{thumbnails}'
        if self.net is not None:
            self._measure_bound(self.net, options)

    def _measure_bound(self, net: Net, options: dict[str, Any]) -> None:
        """Measure the bound after the images of the same settings are shown."""
        self.terms.value = '<p class="wb-quiet">Measuring the bound</p>'
        pair = make_domain_pair(n=N_BOUND_IMAGES, size=net.preprocessing.size, **options)
        s, t = (extract_stage_features(net, images) for images in (pair.source, pair.target))
        bound = probes.ben_david_bound(s.x, s.y, t.x, t.y)
        if options == self.options:
            self.bound, self.terms.value = bound, html_charts.render_figure(ben_david_bound(bound))


def render_domain(images: Any) -> str:
    """Render the first images of a domain with their labels."""
    squares, _ = images.view(THUMBNAIL_SIZE, crop_pct=1.0).load_batch(range(N_SHOWN))
    captions = [images.classes[k] for k in images.labels()[:N_SHOWN]]
    return html_charts.render_thumbnails(squares.numpy().transpose(0, 2, 3, 1), captions)


def to_form_fields(settings: dict[str, Any]) -> dict[str, Any]:
    """Convert arguments of `wb.world.make_domain_pair` to fields of the form."""
    fields = {name: value for name, value in settings.items() if name != "style"}
    if "style" in settings:
        fields["source_style"], fields["target_style"] = settings["style"]
    return fields


def to_pair_arguments(fields: dict[str, Any]) -> dict[str, Any]:
    """Convert fields of the form to arguments of `wb.world.make_domain_pair`, without those that have no effect."""
    neutral = {"covariate": 0, "label_shift": 0, "concept": 0, "spurious": 0, "noise": 0, "tail": 1, "seed": 0}
    neutral |= {"label": "shape", "relatedness": "same"}
    arguments = {n: v for n, v in fields.items() if n in neutral and v != neutral[n]}
    styles = (fields["source_style"], fields["target_style"])
    if fields["label"] == "texture":
        arguments["unrelated_label"] = "shape"
        arguments |= {"cue": "shape"} if fields["spurious"] else {}
    return arguments if styles == ("photo", "sketch") else {**arguments, "style": list(styles)}


def to_code(arguments: dict[str, Any]) -> str:
    """Convert the arguments to a line of Python."""
    return f"pair = wb.world.make_domain_pair({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
