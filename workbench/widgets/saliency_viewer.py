"""Where a net looks: maps over pictures, of one net or of several; `figure()` gives the plain figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import traitlets

from workbench.arguments import check_arguments
from workbench.errors import Unavailable, UnknownName
from workbench.markers import RunLike, Split
from workbench.nets.grids import grids_of
from workbench.probes import faithfulness, saliency, saliency_methods
from workbench.probes.compared import beside, each
from workbench.probes.looking import joined
from workbench.widgets import maps_drawn
from workbench.widgets.base import Notice
from workbench.widgets.latest import Latest, Stoppable
from workbench.widgets.pace import Pace
from workbench.widgets.sides import Sides, newest

if TYPE_CHECKING:
    from workbench.images import Images

SHOWN, AT_ONCE = 12, 4  # pictures; those asked about before the next word of progress
POOL = 256  # pictures among which mistakes are looked for
ALL, ENDS = "all, compared", "first and last, compared"


class SaliencyViewer(ipywidgets.VBox, Stoppable):
    """Where a net looks when it names a class, by any method; nets side by side, mistakes first if wanted.

    Args:
        nets: one net, or several by name, such as `{"pretrained": wb.load(...), "fine-tuned": run.net()}`.
        images: what they are shown; of a run, its own if None.
        run: a run, in place of nets: its net before and after training and at every snapshot; of one under way, as it
            was saved last.
        split: which images; None is all.
        method: one of `wb.probes.saliency_methods()`.

    Attributes:
        run: setting another shows its net before and after.
        found: what `wb.probes.saliency` or `wb.probes.compare_saliency` gave; None until it is there.
        rows: the pictures shown, as places in the images of the split; setting them shows others.
    """

    run = traitlets.Any(None, allow_none=True)
    found = traitlets.Any(None, allow_none=True)
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
        self.notice, self._work = Notice(), Latest(self)
        self.images, self.split, self._sides, self._seed = images, split, Sides(nets), 0
        self._offering = False  # while choosers get their options, none of them was turned
        plain = {"style": {"description_width": "auto"}, "layout": {"width": "auto"}}
        self.net = ipywidgets.Dropdown(description="net", **plain)
        known = list(saliency_methods()["name"])
        if method not in known:
            raise UnknownName.of("saliency method", method, known)
        self.method = ipywidgets.Dropdown(options=known, value=method, description="method", **plain)
        self.target = ipywidgets.Dropdown(options=[("what it says", "")], description="for", **plain)
        self.layer = ipywidgets.Dropdown(options=[("found", "")], description="stage", **plain)
        self.order = ipywidgets.Dropdown(options=["a sample", "surest mistakes"], description="pictures", **plain)
        self.others = ipywidgets.Button(description="Show others", tooltip="draw another sample")
        self.judge = ipywidgets.Button(description="Judge", tooltip="deletion and insertion curves of these maps")
        self.newest = newest(lambda: self._run_changed(None))
        buttons = [self.others, self.judge, self._stopping(), self.newest]
        choosers = [self.net, self.method, self.target, self.layer, self.order, *buttons]
        self.choosers = ipywidgets.HBox(choosers).add_class("wb-choosers")
        self.body, self.verdict = ipywidgets.HTML(), ipywidgets.HTML()
        super().__init__([self.choosers, self.notice, self.body, self.verdict])
        self.add_class("wb-form").add_class("wb-results")
        for chooser in (self.method, self.target, self.layer):
            chooser.observe(lambda _: self.look(), "value")
        self.net.observe(lambda _: self._net_chosen(), "value")
        self.order.observe(lambda _: self.draw(0), "value")
        self.others.on_click(lambda _: self.draw(self._seed + 1))
        self.judge.on_click(lambda _: self.judged())
        self._offer()
        if run is not None:
            self.run = run

    @check_arguments
    def draw(self, seed: int = 0) -> None:
        """Chooses pictures, by `seed` or the surest mistakes, and looks at them."""
        self._seed = seed
        self._ask("Choosing pictures …", self._drawn)

    @check_arguments
    def look(self) -> None:
        """Asks about the pictures again, as the choosers stand, on a thread."""
        if self.rows and not self._offering:
            self._ask(f"Asking {self.net.value} …", self._looked)

    @check_arguments
    def judged(self) -> None:
        """Says by deletion and insertion whether the maps shown are true to the net."""
        found: Any = self.found
        if found is not None and not hasattr(found, "shown"):
            net = self._sides[str(self.net.value)]
            self._ask("Taking away what the maps show …", lambda: self._told(faithfulness(net, found, steps=8)))

    @check_arguments
    def figure(self) -> Any:
        """The same as a plain figure for the next cell: it stays in an exported notebook.

        Raises:
            Unavailable: nothing is shown yet.
        """
        from workbench import figures

        if self.found is None:
            raise Unavailable("nothing is shown yet: choose a net and wait for the maps")
        draw = figures.saliency_comparison if hasattr(self.found, "shown") else figures.saliency
        return draw(self.found)

    @traitlets.observe("run")
    def _run_changed(self, _: Any) -> None:
        self._sides, self.body.value, self.found = Sides(None, self.run), "", None
        self._offer()

    @traitlets.observe("rows")
    def _rows_changed(self, change: Any) -> None:
        if change.new != change.old:
            self.look()

    def _ask(self, says: str, call: Any) -> None:
        if self._sides.names:
            self.verdict.value = ""
            self._start(says, call)

    def _offer(self) -> None:
        names = list(self._sides.names)
        self.choosers.layout.display = "" if names else "none"
        self.newest.layout.display = "" if self._sides.live else "none"
        if not names:
            self.notice.text = "No net yet: give a net and images, or choose a run; where it looks is shown here."
            return
        both = ALL if self._sides.ends == self._sides.names else ENDS
        self._offering = True
        self.net.options, self.net.value = [*names, *([both] if len(names) > 1 else [])], names[-1]
        self._offering = False
        self._net_chosen()

    def _net_chosen(self) -> None:
        if self._offering:
            return
        # of maps compared there is no one net to judge
        self.judge.layout.display = "none" if self.net.value in (ALL, ENDS) else ""
        self._ask("Opening the net …", self._opened)

    def _opened(self) -> None:
        net = self._one()
        stages = [grid.stage.name for grid in grids_of(net)]
        self._offering = True
        try:
            self.target.options = [("what it says", ""), *((name, name) for name in net.classes or ())]
            self.layer.options = [("found", ""), *((name, name) for name in stages)]
            for chooser in (self.target, self.layer):  # a page that already shows it forgets which one is chosen
                chooser.index = None
                chooser.index = 0
        finally:
            self._offering = False
        (self._looked if self.rows else self._drawn)()

    def _one(self) -> Any:
        name = str(self.net.value)
        return self._sides[self._sides.names[-1] if name in (ALL, ENDS) else name]

    def _part(self) -> Any:
        images = self.images if self.images is not None else self.run.images
        part = images.part(split=self.split) if self.split and len(images.part(split=self.split)) else images
        return part

    def _drawn(self) -> None:
        part, dice = self._part(), np.random.default_rng(self._seed)
        pool = dice.permutation(len(part))
        if self.order.value == "surest mistakes":
            frame = saliency(self._one(), part.part(rows=pool[:POOL]), "eigen-cam").frame
            wrong = frame[frame["true"] != frame["predicted"]] if "true" in frame else frame.head(0)
            place = {name: row for row, name in enumerate(part.frame["id"])}
            pool = [place[name] for name in wrong.sort_values("confidence", ascending=False)["id"]]
            if not pool:
                self.error = f"no mistakes among {min(len(part), POOL)} pictures: choose a sample"
                return
        rows = [int(row) for row in pool[:SHOWN]]
        self.set_trait("rows", rows) if rows != self.rows else self._looked()

    def _looked(self) -> None:
        stop, part, rows, pace = self._stop, self._part(), list(self.rows), Pace()
        asked = {"method": self.method.value, "target": self.target.value or None, "layer": self.layer.value or None}
        several = self.net.value in (ALL, ENDS)
        nets = {name: self._sides[name] for name in self._sides.ends} if several else {"": self._one()}
        parts: dict[str, list[Any]] = {name: [] for name in nets}
        found: Any = None
        for start in range(0, len(rows), AT_ONCE):
            pictures = part.part(rows=rows[start : start + AT_ONCE])
            if several:
                shown, note = each(nets, pictures, **asked)
            else:
                shown, note = {"": saliency(nets[""], pictures, **asked)}, ""
            for name, one in shown.items():
                parts[name].append(one)
            sides = {name: joined(held) for name, held in parts.items()}
            found = beside(sides, note) if several else sides[""]
            self.body.value = maps_drawn.compared(found) if several else maps_drawn.shown(found)
            if stop.is_set():
                break
            self.notice.text = pace.words(start + len(pictures), len(rows), "pictures")
        self.notice.text = self._sides.told(*(nets if several else [str(self.net.value)]))
        self.found = found

    def _told(self, result: Any) -> None:
        self.verdict.value, self.notice.text = maps_drawn.judged(result), self._sides.told(str(self.net.value))
