"""What a net looks for: filters, activation maps, exciting crops, pictures drawn by the net, and what moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import traitlets

from workbench import figures
from workbench.arguments import check_arguments
from workbench.errors import BadValue, Unavailable
from workbench.markers import RunLike, Split
from workbench.nets.grids import grid_of, grids_of
from workbench.probes import activations, exciting, filter_moves, filters, visualise
from workbench.widgets import maps_drawn
from workbench.widgets.base import Notice
from workbench.widgets.latest import Latest, Stoppable
from workbench.widgets.pace import Pace
from workbench.widgets.sides import Sides, newest

if TYPE_CHECKING:
    from workbench.images import Images

POOL = 512  # images among which exciting ones are looked for
OFTEN = 8  # steps of a climb between two pictures of it
FILTERS, MAPS, CROPS, DRAWN, MOVED = (
    "its filters",
    "what it says",
    "what excites it",
    "what it would draw",
    "what moved",
)


class FilterViewer(ipywidgets.VBox, Stoppable):
    """What the stages of a net look for, before and after a transfer.

    Args:
        nets: one net, or several by name, such as `{"pretrained": wb.load(...), "fine-tuned": run.net()}`.
        images: what they are shown; of a run, its own if None.
        run: a run, in place of nets: its net before and after training and at every snapshot; of one under way, as it
            was saved last.
        split: which images; None is all.

    Attributes:
        run: setting another shows its net before and after.
        found: what the probe of the view gave; None until it is there.
    """

    run = traitlets.Any(None, allow_none=True)
    found = traitlets.Any(None, allow_none=True)

    @check_arguments
    def __init__(
        self, nets: Any = None, images: Images | None = None, run: RunLike | None = None, split: Split | None = "valid"
    ) -> None:
        self.notice, self._work = Notice(), Latest(self)
        self.images, self.split, self._sides, self._offering = images, split, Sides(nets), False
        plain = {"style": {"description_width": "auto"}, "layout": {"width": "auto"}}
        self.net = ipywidgets.Dropdown(description="net", **plain)
        self.view = ipywidgets.Dropdown(options=[FILTERS, MAPS, CROPS, DRAWN], description="show", **plain)
        self.stage = ipywidgets.Dropdown(description="stage", **plain)
        self.channel = ipywidgets.BoundedIntText(0, min=0, max=0, description="channel", style=plain["style"])
        self.channel.layout.width = "140px"
        self.picture = ipywidgets.BoundedIntText(0, min=0, max=0, description="image", style=plain["style"])
        self.picture.layout.width = "140px"
        self.order = ipywidgets.Dropdown(options=["hue", "frequency", "norm", "index"], description="by", **plain)
        self.newest = newest(lambda: self._run_changed(None))
        parts = [self.net, self.view, self.stage, self.channel, self.picture, self.order, self._stopping(), self.newest]
        self.choosers = ipywidgets.HBox(parts).add_class("wb-choosers")
        self.body = ipywidgets.HTML()
        super().__init__([self.choosers, self.notice, self.body])
        self.add_class("wb-form").add_class("wb-results")
        self.net.observe(lambda _: self._net_chosen(), "value")
        self.stage.observe(lambda _: self._stage_chosen(), "value")
        self.view.observe(lambda _: self._fit(), "value")
        for chooser in (self.view, self.channel, self.picture, self.order):
            chooser.observe(lambda _: self.look(), "value")
        self._fit()
        self._offer()
        if run is not None:
            self.run = run

    @check_arguments
    def look(self) -> None:
        """Shows what the choosers say, on a thread."""
        if not self._offering and self._sides.names:
            self._start(f"Looking into {self.net.value} …", self._looked)

    @check_arguments
    def figure(self) -> Any:
        """The same as a plain figure for the next cell: it stays in an exported notebook.

        Raises:
            Unavailable: nothing is shown yet.
        """
        if self.found is None:
            raise Unavailable("nothing is shown yet: choose a net and wait for the picture")
        view, found = self._shown
        if view == FILTERS:
            return figures.filters(found, self.order.value)
        if view == DRAWN:
            return figures.thumbnails(list(found.pictures), found.units, title=maps_drawn.climbed(found), edge=224)
        return {MAPS: figures.activations, CROPS: figures.exciting, MOVED: figures.filter_moves}[view](found)

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self._sides, self.body.value, self.found = Sides(None, self.run), "", None
        self._offer()

    def _fit(self) -> None:
        """Only the choosers that the view reads are there."""
        reads = {
            self.stage: (FILTERS, MAPS, CROPS, DRAWN),
            self.channel: (CROPS, DRAWN),
            self.picture: (MAPS,),
            self.order: (FILTERS,),
            self.halt: (DRAWN,),
        }
        for chooser, views in reads.items():
            chooser.layout.display = "" if self.view.value in views else "none"

    def _offer(self) -> None:
        names = list(self._sides.names)
        self.choosers.layout.display = "" if names else "none"
        self.newest.layout.display = "" if self._sides.live else "none"
        if not names:
            self.notice.text = "No net yet: give a net, or choose a run; what it looks for is shown here."
            return
        self._offering = True
        self.net.options, self.net.value = names, names[-1]
        self.view.options = [FILTERS, MAPS, CROPS, DRAWN, *([MOVED] if len(names) > 1 else [])]
        self._offering = False
        self._net_chosen()

    def _net_chosen(self) -> None:
        if not self._offering:
            self._start("Opening the net …", self._opened)

    def _opened(self) -> None:
        net, before = self._net, self.stage.value
        names = [grid.stage.name for grid in grids_of(net)]
        if not names:
            raise BadValue("no stage of this net has places in the picture: there are no maps to show")
        self._offering = True
        try:
            self.stage.options = names
            self.stage.index = None  # a page that already shows it forgets which one is chosen
            self.stage.value = before if before in names else names[0]
            self._channels()
        finally:
            self._offering = False
        self._looked()

    def _stage_chosen(self) -> None:
        if not self._offering:
            self._offering = True
            try:
                self._channels()
            finally:
                self._offering = False
            self.look()

    def _channels(self) -> None:
        net = self._net
        grid = grid_of(net, next(stage for stage in net.stages if stage.name == self.stage.value))
        self.channel.max = grid.channels - 1 if grid is not None else 0

    @property
    def _net(self) -> Any:
        return self._sides[str(self.net.value)]

    @property
    def _beside(self) -> tuple[str, ...]:
        """The net chosen, last, and the one that it is compared with: the first, or the last where that is chosen."""
        chosen, ends = str(self.net.value), self._sides.ends
        other = ends[-1] if chosen == ends[0] else ends[0]
        shapes = [{s.name: s.shape for s in self._sides[n].stages}.get(str(self.stage.value)) for n in (other, chosen)]
        # of another architecture there is no such stage, or not with such channels
        return (chosen,) if other == chosen or shapes[0] != shapes[1] else (other, chosen)

    def _each(self, look: Callable[[Any], tuple[Any, str]]) -> tuple[Any, str]:
        """What `look` gives of the net chosen, and its text beside that of the other net."""
        seen = {name: look(self._sides[name]) for name in self._beside}
        found, text = seen[str(self.net.value)]
        return found, text if len(seen) == 1 else maps_drawn.beside({name: told for name, (_, told) in seen.items()})

    def _part(self) -> Any:
        images = self.images if self.images is not None else getattr(self.run, "images", None)
        if images is None:
            raise BadValue("this view shows images to the net: give it some")
        return images.part(split=self.split) if self.split and len(images.part(split=self.split)) else images

    def _looked(self) -> None:
        view, stop = str(self.view.value), self._stop
        made = {FILTERS: self._filters, MAPS: self._maps, CROPS: self._crops, DRAWN: self._climb, MOVED: self._moved}
        found, text = made[view]()
        if not stop.is_set() or view == DRAWN:
            self._shown = (view, found)
            shown = self._sides.ends if view in (CROPS, MOVED) else self._beside
            self.body.value, self.notice.text = text, self._sides.told(*shown)
            self.found = found

    def _filters(self) -> tuple[Any, str]:
        return self._each(self._filters_of)

    def _filters_of(self, net: Any) -> tuple[Any, str]:
        first = self.stage.value == net.stages[0].name
        found = filters(net, None if first else str(self.stage.value))
        return found, maps_drawn.sheet(figures.filters(found, self.order.value))

    def _maps(self) -> tuple[Any, str]:
        part = self._part()
        self.picture.max = len(part) - 1
        shown = part.part(rows=[self.picture.value])

        def look(net: Any) -> tuple[Any, str]:
            found = activations(net, shown, str(self.stage.value))
            return found, maps_drawn.sheet(figures.activations(found))

        return self._each(look)

    def _crops(self) -> tuple[Any, str]:
        part = self._part()
        part = part.part(rows=np.unique(np.linspace(0, len(part) - 1, POOL).astype(int)))
        asked = (part, str(self.stage.value), self.channel.value)
        several = {name: exciting(self._sides[name], *asked) for name in self._sides.ends}
        found = several if len(several) > 1 else several[str(self.net.value)]
        return found, maps_drawn.sheet(figures.exciting(found))

    def _climb(self) -> tuple[Any, str]:
        return self._each(self._climb_of)

    def _climb_of(self, net: Any) -> tuple[Any, str]:
        stop, pace = self._stop, Pace()

        def watch(step: int, steps: int, pictures: np.ndarray) -> bool:
            if step % OFTEN == 0:
                self.notice.text = pace.words(step, steps, "steps")
                self.body.value = maps_drawn.large(pictures[0])
            return stop.is_set()

        found = visualise(net, str(self.stage.value), self.channel.value, watch=watch)
        return found, maps_drawn.large(found.pictures[0], maps_drawn.climbed(found))

    def _moved(self) -> tuple[Any, str]:
        names = self._sides.ends
        found = filter_moves(self._sides[names[0]], self._sides[names[-1]])
        return found, maps_drawn.moved(found, names[0], names[-1])
