"""The freezing widget: stages as rows, epochs as columns, the learning rate as colour, painted by hand."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import traitlets

from workbench import forms
from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.plan import Choice, Schedule, to_choice
from workbench.widgets import costs
from workbench.widgets.base import Panel, script, sentence, shown
from workbench.widgets.latest import Latest

if TYPE_CHECKING:
    import numpy as np

    from workbench.images import Images

PAINTED = "grid"
COLUMNS = 40
"""Most columns of the picture; of a longer run each stands for several epochs."""
UNDO = 100
SOON = "measuring this net on this machine"


class LayerPainter(Panel):
    """Says which stages of a net move in which epoch, and how fast, by painting.

    Args:
        net_or_backbone: a net, or what `wb.load` takes; only its structure is read, without pretrained weights.
        epochs: columns of the picture.
        tuning: the preset to begin with, or a painted grid.
        lr: base learning rate; None takes the tuning's own.
        images: the training images, or how many there are; None estimates times for a thousand.
        batch_size: images an update, for the estimates.

    Attributes:
        tuning: the product: the preset's own choice, or the grid once painted.
        epochs: the product: passes over the training images.
        lr: the product: base learning rate; None takes the tuning's own.
    """

    _esm = script("layer_painter.mjs")

    tuning = traitlets.Instance(Choice)
    epochs = traitlets.Int(10, min=1, max=10_000).tag(sync=True)
    lr = traitlets.Float(None, allow_none=True).tag(sync=True)

    title = traitlets.Unicode("").tag(sync=True)
    presets = traitlets.List().tag(sync=True)
    preset = traitlets.Unicode("").tag(sync=True)
    params = traitlets.Dict().tag(sync=True)
    own_lr = traitlets.Float(1e-3).tag(sync=True)
    stages = traitlets.List().tag(sync=True)
    rates = traitlets.List().tag(sync=True)
    undoable = traitlets.Int(0).tag(sync=True)
    costs = traitlets.Dict().tag(sync=True)

    @check_arguments
    def __init__(
        self,
        net_or_backbone: Any,
        epochs: Annotated[int, Range(1, 10_000)] = 10,
        tuning: Any = "head",
        lr: float | None = None,
        images: Images | int | None = None,
        batch_size: Annotated[int, Range(1, 65_536)] = 32,
        **traits: Any,
    ) -> None:
        from workbench.tunings import tunings

        self._lock = threading.RLock()
        self._setting = False
        self._history: list[tuple[Choice, float | None, bool]] = []
        self._lr_by_painting = False
        self._net: Any = None
        self._classes, self._images = _classes(images), _count(images)
        self._batch_size = batch_size
        super().__init__(
            tuning=tunings.choice(tuning), epochs=epochs, lr=lr, presets=list(map(_preset, tunings)), **traits
        )
        self._estimates = Latest(self)
        self._loading = Latest(self)
        self.on_msg(self._heard)
        self._show_tuning()
        self.show(net_or_backbone)

    @property
    def net(self) -> Any:
        """The net whose stages are shown; waits while it is being built."""
        self._loading.wait()
        if self._net is None:
            raise BadValue(self.error or "this painter has no net yet: give it one with show(net)")
        return self._net

    @property
    def grid(self) -> np.ndarray:
        """Multipliers of the base rate (S, E), stem first; 0 is frozen."""
        from workbench.tunings import grid

        return grid(self.tuning, self.net, self.epochs)

    @check_arguments
    def show(self, net_or_backbone: Any) -> None:
        """Shows another net; a painted grid whose stages it lacks gives way to the preset head."""
        if hasattr(net_or_backbone, "stages"):
            self._take(net_or_backbone)
            return
        backbone = to_choice(net_or_backbone, "backbone")
        with self._ours():
            self._net = None
            self.stages, self.rates, self.costs = [], [], {}
            self.title = f"Layers of {Path(backbone.name).name}"
        self._loading.ask(lambda: self._take(_structure(backbone, self._classes)))

    @check_arguments
    def images_are(self, images: Any) -> None:
        """Takes other training images, or their number, for the estimates."""
        self._images = _count(images)
        self._show_costs()

    @check_arguments
    @shown
    def undo(self) -> None:
        """Takes back the last stroke or choice of a preset."""
        with self._ours():
            if self._history:
                self.tuning, self.lr, self._lr_by_painting = self._history.pop()
                self._show_tuning()

    @check_arguments
    def figure(self) -> Any:
        """The grid as a plain figure, which an HTML export keeps."""
        from workbench.figures import rates

        return rates(self.grid, [s["name"] for s in self.stages], [s["share"] for s in self.stages])

    # ------------------------------------------------------------- what the page says

    @shown
    def _heard(self, _widget: Any, said: dict[str, Any], _buffers: Any) -> None:
        from workbench.tunings import tuning

        match said.get("do"):
            case "preset":
                self._choose(tuning(said["name"], **said.get("params", {})))
            case "epochs":
                self.epochs = Schedule(epochs=said["value"]).epochs
            case "lr":
                self.lr = Schedule(lr=said["value"]).lr
            case "undo":
                self.undo()

    def _choose(self, choice: Choice) -> None:
        with self._ours():
            self._remember()
            if self._lr_by_painting:
                self.lr, self._lr_by_painting = None, False
            self.tuning = choice
            self._show_tuning()

    @traitlets.observe("rates")
    @shown
    def _painted(self, change: Any) -> None:
        """A stroke came from the page: the picture is now a grid of its own."""
        if self._setting:
            return
        with self._ours():
            given, names = change["new"], [stage["name"] for stage in self.stages]
            try:
                choice = _as_choice(names, given, self._columns())
            except (BadValue, TypeError, ValueError):
                self.rates = change["old"]
                raise
            self._remember()
            if self.lr is None:
                self.lr, self._lr_by_painting = self.own_lr, True
            self.tuning = choice
            self._show_tuning()

    @traitlets.observe("tuning", "epochs")
    def _set_in_python(self, _change: Any) -> None:
        if not self._setting:
            with self._ours():
                self._show_tuning()

    @traitlets.validate("tuning")
    def _checked_tuning(self, proposal: Any) -> Choice:
        from workbench.tunings import tuning

        return tuning(proposal["value"])

    @traitlets.validate("lr")
    def _checked_lr(self, proposal: Any) -> float | None:
        return Schedule(lr=proposal["value"]).lr

    # ------------------------------------------------------------- what the page shows

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Traits set inside come from here, not from the page; callbacks may run on several threads."""
        with self._lock:
            before, self._setting = self._setting, True
            try:
                yield
            finally:
                self._setting = before

    def _columns(self) -> int:
        return math.ceil(self.epochs / math.ceil(self.epochs / COLUMNS))

    def _remember(self) -> None:
        self._history = [*self._history[-UNDO + 1 :], (self.tuning, self.lr, self._lr_by_painting)]

    def _take(self, net: Any) -> None:
        from workbench.tunings import tunings

        with self._ours():
            self._net = net
            names = [stage.name for stage in net.stages]
            if self.tuning.name == PAINTED and not set(self.tuning.params["rows"]) <= set(names):
                self.tuning, self._history = tunings.choice("head"), []
            self.stages = [{"name": s.name, "parameters": s.parameters, "share": s.share} for s in net.stages]
            trained_on = (net.source or {}).get("pretrained_on")
            self.title = f"Layers of {Path(net.choice.name).name}" + (f" ({trained_on})" if trained_on else "")
            self._show_tuning()

    def _show_tuning(self) -> None:
        from workbench.tunings import grid, tunings

        self.preset, self.params = self.tuning.name, _full_params(self.tuning)
        self.own_lr = tunings[self.tuning.name].lr
        self.undoable = len(self._history)
        if self._net is not None:
            self.rates = grid(self.tuning, self._net, self._columns()).tolist()
            self._show_costs()

    def _show_costs(self) -> None:
        if self._net is not None:
            choice, net, grid = self.tuning, self._net, self.grid
            self._estimates.ask(lambda: self._estimate(choice, net, grid))

    def _estimate(self, choice: Choice, net: Any, grid: np.ndarray) -> None:
        found = costs.phases(grid)
        total = sum(stage.parameters for stage in net.stages)
        words = costs.moving_words(found, costs.movable(costs.prepared(net, choice), choice), total)
        epochs = [(phase.first, phase.last) for phase in found]
        self.costs = {**self.costs, **words, "epochs": epochs, "busy": SOON}
        try:
            measured = costs.costs(net, choice, found, self._images, self._batch_size)
        except Exception as error:
            measured = {"memory": "", "time": "", "each": [], "note": f"No estimate: {sentence(error)}"}
        self.costs = {**words, **measured, "epochs": epochs, "busy": ""}


def _structure(backbone: Choice, classes: int) -> Any:
    from workbench.nets import load

    arguments = {"classes": classes, **backbone.params, "pretrained": False}
    return load(backbone.name, **arguments)


def _classes(images: Any) -> int:
    return max(len(getattr(images, "classes", ())), 2)


def _count(images: Any) -> int | None:
    if images is None or isinstance(images, int):
        return images
    return len(images.part("train"))


def _as_choice(names: list[str], rates: Any, columns: int) -> Choice:
    """The grid as a checked choice: frozen rows left out, rows of one rate as one number."""
    from workbench.tunings import tunings

    if len(rates) != len(names) or any(len(row) != columns for row in rates):
        raise BadValue(f"the grid has {len(names)} stages and {columns} columns; the page sent another shape")
    rows = {n: row if len(set(row)) > 1 else row[:1] for n, row in zip(names, rates, strict=True) if any(row)}
    choice = tunings.choice(PAINTED, rows=rows or {names[-1]: [0.0]})
    tunings.make(choice)  # refuses rates that no grid may hold
    return choice


def _full_params(choice: Choice) -> dict[str, Any]:
    from workbench.tunings import tunings

    if choice.name == PAINTED:
        return {}
    return {f.name: choice.params.get(f.name, f.default) for f in forms.fields(tunings[choice.name])}


def _preset(name: str) -> dict[str, Any]:
    """A tuning as the page's menu shows it: name, what it is for, source, fields of its small form."""
    from workbench.tunings import tunings

    cls = tunings[name]
    return {
        "name": name,
        "what": (cls.__doc__ or "").strip().partition("\n")[0],
        "source": cls.source,
        "fields": [] if name == PAINTED else [_field(field) for field in forms.fields(cls)],
    }


def _field(field: forms.Field) -> dict[str, Any]:
    limits = dataclasses.asdict(field.range) if field.range else {}
    known = {"name": field.name, "type": field.type.__name__, "help": field.help, "options": list(field.options)}
    return {**known, "default": None if field.required else field.default, **limits}
