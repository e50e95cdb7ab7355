"""The world's dials: a source and a target side by side, drawn anew at every turn."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Annotated, Any, Literal

import ipywidgets
import traitlets

from workbench.arguments import check_arguments
from workbench.forms import Range
from workbench.images.world import Pair, pair
from workbench.images.world.factors import STYLES
from workbench.probes import ben_david as probes
from workbench.probes.stage_features import features_at
from workbench.widgets import bound_drawn, drawings
from workbench.widgets.base import Notice
from workbench.widgets.form import Form
from workbench.widgets.latest import Latest

if TYPE_CHECKING:
    from workbench.nets import Net

SHOWN = 12  # pictures of each domain
EDGE = 96
DRAWN = 240  # images of which those are the first; enough for the amounts to be read off
JUDGED = 400  # images of each domain that the bound is measured on: in about a second with a small net


class Apart:
    """How a source and a target lie apart.

    Args:
        label: the factor to learn.
        source_style: how the source is drawn.
        target_style: how the target is drawn, where it is shifted.
        covariate: share of the target's images in its own style.
        label_shift: how far the target's classes are from equally frequent.
        concept: share of the target's classes whose labels change places.
        spurious: chance with which the source's texture gives its class away.
        noise: share of the source's labels drawn anew.
        tail: how many times rarer the source's last class is than its first.
        relatedness: what the source's labels are.
        seed: of the world.
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
    """Dials between two domains of the world, with pictures of both and the true amounts.

    Args:
        n: images of each domain of the pair that `pair()` gives.
        net: on whose features the bound of Ben-David et al. (2010) is measured and shown at every turn; none unless
            given.
        settings: dials to begin with, as `wb.world.pair` takes them.

    Attributes:
        options: what `wb.world.pair` is called with; `dials.pair()` calls it.
        words: what lies between the domains, as a sentence.
        bound: the terms of the bound, as `wb.probes.bound` gives them; None without a net.
    """

    options = traitlets.Dict()
    words = traitlets.Unicode("")

    @check_arguments
    def __init__(
        self, n: Annotated[int, Range(2, 100_000_000)] = 2000, net: Net | None = None, **settings: Any
    ) -> None:
        self.n, self.net, self.bound = n, net, None
        self.form = Form(Apart, value=asked(settings))
        self.notice = Notice()
        self.head, self.source, self.target, self.code, self.terms = (ipywidgets.HTML() for _ in range(5))
        self._latest = Latest(self.notice)
        left = ipywidgets.VBox([self.form, self.code, self.terms]).add_class("wb-counts-side")
        right = ipywidgets.VBox([self.head, self.source, self.target]).add_class("wb-right")
        super().__init__([ipywidgets.HBox([left, right]).add_class("wb-watch"), self.notice])
        self.add_class("wb-widget")
        self.form.observe(lambda _: self._turned(), "value")
        self._turned()

    @check_arguments
    def pair(self) -> Pair:
        """The source and the target as they are dialled now, with `n` images each."""
        return pair(n=self.n, **self.options)

    @check_arguments
    def wait(self, timeout: float | None = None) -> None:
        """Returns when the pictures are those of the dials."""
        self._latest.wait(timeout)

    def _turned(self) -> None:
        self.options = called(self.form.value)
        self.code.value = f'<pre class="wb-code">{html.escape(typed(self.options))}</pre>'
        options = dict(self.options)
        self._latest.ask(lambda: self._draw(options))

    def _draw(self, options: dict[str, Any]) -> None:
        found = pair(n=DRAWN, size=EDGE, **options)
        pictures = [sheet(images) for images in (found.source, found.target)]
        if options != self.options:
            return
        self.notice.error, self.words = "", found.words
        self.head.value = drawings.section(found.words[:1].upper() + found.words[1:])
        for name, place, drawn in zip(("Source", "Target"), (self.source, self.target), pictures, strict=True):
            place.value = f'<p class="wb-quiet">{name}</p>{drawn}'
        if self.net is not None:
            self._judge(self.net, options)

    def _judge(self, net: Net, options: dict[str, Any]) -> None:
        """Measures the bound; the pictures of the same dials stand there already."""
        self.terms.value = '<p class="wb-quiet">Measuring the bound</p>'
        found = pair(n=JUDGED, size=net.preprocessing.size, **options)
        s, t = (features_at(net, images) for images in (found.source, found.target))
        measured = probes.bound(s.x, s.y, t.x, t.y)
        if options == self.options:
            self.bound, self.terms.value = measured, bound_drawn.bound(measured)


def sheet(images: Any) -> str:
    """The first pictures of a domain with their labels."""
    squares, _ = images.view(EDGE, crop_pct=1.0).batch(range(SHOWN))
    captions = [images.classes[k] for k in images.labels()[:SHOWN]]
    return drawings.thumbnails(squares.numpy().transpose(0, 2, 3, 1), captions)


def asked(settings: dict[str, Any]) -> dict[str, Any]:
    """`wb.world.pair`'s arguments as the form's fields."""
    found = {name: value for name, value in settings.items() if name != "style"}
    if "style" in settings:
        found["source_style"], found["target_style"] = settings["style"]
    return found


def called(fields: dict[str, Any]) -> dict[str, Any]:
    """The form's fields as `wb.world.pair`'s arguments; those that say nothing are left out."""
    quiet = {"covariate": 0, "label_shift": 0, "concept": 0, "spurious": 0, "noise": 0, "tail": 1, "seed": 0}
    quiet |= {"label": "shape", "relatedness": "same"}
    named = {n: v for n, v in fields.items() if n in quiet and v != quiet[n]}
    styles = (fields["source_style"], fields["target_style"])
    if fields["label"] == "texture":
        named["other"] = "shape"
        named |= {"cue": "shape"} if fields["spurious"] else {}
    return named if styles == ("photo", "sketch") else {**named, "style": list(styles)}


def typed(options: dict[str, Any]) -> str:
    """The same as a line of Python."""
    return f"pair = wb.world.pair({', '.join(f'{name}={value!r}' for name, value in options.items())})"
