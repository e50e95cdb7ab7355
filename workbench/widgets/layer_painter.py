"""Layer painter: a grid of stages by epochs whose color is the learning rate, painted by hand."""

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
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.forms import Range
from workbench.plan import Choice, Schedule, to_choice
from workbench.widgets import layer_costs
from workbench.widgets.base import Panel, bundle_script, format_error, show_errors
from workbench.widgets.components.background_task import BackgroundTask
from workbench.widgets.components.form import describe_field, to_label

if TYPE_CHECKING:
    import numpy as np

    from workbench.data.labeled_images import Images

__all__ = ["LayerPainter"]

PAINTED_TUNING = "grid"
MAX_COLUMNS = 40
"""Most columns of the grid; in a longer run each covers several epochs."""
UNDO_LIMIT = 100
MEASURING_TEXT = "measuring this net on this machine"


class LayerPainter(Panel):
    """Editor of the learning rate per stage and epoch, 0 being frozen, by painting.

    Args:
        net_or_backbone: a net, or a name that `wb.load_net` takes; only its structure is read, no pretrained weights.
        epochs: number of epochs, the columns of the grid.
        tuning: initial preset, or a painted grid.
        lr: learning rate; None takes the tuning's own.
        images: training images, or their number; None estimates times for 1,000.
        batch_size: images per update, for the estimates.

    Attributes:
        tuning: result: the choice of the preset, or of the grid once painted.
        epochs: result: epochs over the training images.
        lr: result: learning rate; None takes the tuning's own.
    """

    _esm = bundle_script("layer_painter.mjs")

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
        self._n_classes, self._n_images = _count_classes(images), _count_images(images)
        self._batch_size = batch_size
        super().__init__(
            tuning=tunings.make_choice(tuning),
            epochs=epochs,
            lr=lr,
            presets=list(map(_describe_preset, tunings)),
            **traits,
        )
        self._estimate_task = BackgroundTask(self)
        self._load_task = BackgroundTask(self)
        self.on_msg(self._handle_message)
        self._update_tuning()
        self.show_net(net_or_backbone)

    @property
    def net(self) -> Any:
        """Net whose stages are shown; waits while it is being built."""
        self._load_task.wait()
        if self._net is None:
            raise BadValue(self.error or "this painter has no net yet; set one with show_net(net)")
        return self._net

    @property
    def grid(self) -> np.ndarray:
        """Multipliers of the learning rate (S, E), stem first; 0 is frozen."""
        from workbench.tunings import lr_grid

        return lr_grid(self.tuning, self.net, self.epochs)

    @check_arguments
    def show_net(self, net_or_backbone: Any) -> None:
        """Show another net; a painted grid with stages that it lacks is replaced by the preset head."""
        if hasattr(net_or_backbone, "stages"):
            self._set_net(net_or_backbone)
            return
        backbone = to_choice(net_or_backbone, "backbone")
        with self._set_internally():
            self._net = None
            self.stages, self.rates, self.costs = [], [], {}
            self.title = f"Layers of {Path(backbone.name).name}"
        self._load_task.submit(lambda: self._set_net(_load_structure(backbone, self._n_classes)))

    @check_arguments
    def set_images(self, images: Any) -> None:
        """Set the training images, or their number, for the estimates."""
        self._n_images = _count_images(images)
        self._update_costs()

    @check_arguments
    @show_errors
    def undo(self) -> None:
        """Undo the last stroke or choice of a preset."""
        with self._set_internally():
            if self._history:
                self.tuning, self.lr, self._lr_by_painting = self._history.pop()
                self._update_tuning()

    @check_arguments
    def figure(self) -> Any:
        """Return the grid as a static figure that an HTML export keeps."""
        from workbench.figures import lr_heatmap

        return lr_heatmap(self.grid, [s["name"] for s in self.stages], [s["share"] for s in self.stages])

    # ------------------------------------------------------------- messages of the page

    @show_errors
    def _handle_message(self, _widget: Any, content: dict[str, Any], _buffers: Any) -> None:
        from workbench.tunings import tuning

        match content.get("do"):
            case "preset":
                self._choose_tuning(tuning(content["name"], **content.get("params", {})))
            case "epochs":
                self.epochs = Schedule(epochs=content["value"]).epochs
            case "lr":
                self.lr = Schedule(lr=content["value"]).lr
            case "undo":
                self.undo()

    def _choose_tuning(self, choice: Choice) -> None:
        with self._set_internally():
            self._push_history()
            if self._lr_by_painting:
                self.lr, self._lr_by_painting = None, False
            self.tuning = choice
            self._update_tuning()

    @traitlets.observe("rates")
    @show_errors
    def _rates_changed(self, change: Any) -> None:
        """Make the painted rates that the page sent the tuning."""
        if self._setting:
            return
        with self._set_internally():
            rates, names = change["new"], [stage["name"] for stage in self.stages]
            try:
                choice = _grid_to_choice(names, rates, self._count_columns())
            except (BadValue, TypeError, ValueError):
                self.rates = change["old"]
                raise
            self._push_history()
            if self.lr is None:
                self.lr, self._lr_by_painting = self.own_lr, True
            self.tuning = choice
            self._update_tuning()

    @traitlets.observe("tuning", "epochs")
    def _tuning_changed(self, _change: Any) -> None:
        if not self._setting:
            with self._set_internally():
                self._update_tuning()

    @traitlets.validate("tuning")
    def _validate_tuning(self, proposal: Any) -> Choice:
        from workbench.tunings import tuning

        return tuning(proposal["value"])

    @traitlets.validate("lr")
    def _validate_lr(self, proposal: Any) -> float | None:
        return Schedule(lr=proposal["value"]).lr

    # ------------------------------------------------------------- state of the page

    @contextmanager
    def _set_internally(self) -> Iterator[None]:
        """Mark the traits set inside as set by Python, not by the page; callbacks may run on several threads."""
        with self._lock:
            before, self._setting = self._setting, True
            try:
                yield
            finally:
                self._setting = before

    def _count_columns(self) -> int:
        return math.ceil(self.epochs / math.ceil(self.epochs / MAX_COLUMNS))

    def _push_history(self) -> None:
        self._history = [*self._history[-UNDO_LIMIT + 1 :], (self.tuning, self.lr, self._lr_by_painting)]

    def _set_net(self, net: Any) -> None:
        from workbench.tunings import tunings

        with self._set_internally():
            self._net = net
            names = [stage.name for stage in net.stages]
            if self.tuning.name == PAINTED_TUNING and not set(self.tuning.params["rows"]) <= set(names):
                self.tuning, self._history = tunings.make_choice("head"), []
            self.stages = [
                {"name": s.name, "parameters": s.n_parameters, "share": s.parameter_fraction} for s in net.stages
            ]
            trained_on = (net.provenance or {}).get("pretrained_on")
            self.title = f"Layers of {Path(net.choice.name).name}" + (f" ({trained_on})" if trained_on else "")
            self._update_tuning()

    def _update_tuning(self) -> None:
        from workbench.tunings import lr_grid, tunings

        self.preset, self.params = self.tuning.name, _fill_params(self.tuning)
        self.own_lr = tunings[self.tuning.name].lr
        self.undoable = len(self._history)
        if self._net is not None:
            self.rates = lr_grid(self.tuning, self._net, self._count_columns()).tolist()
            self._update_costs()

    def _update_costs(self) -> None:
        if self._net is not None:
            choice, net, grid = self.tuning, self._net, self.grid
            self._estimate_task.submit(lambda: self._estimate_costs(choice, net, grid))

    def _estimate_costs(self, choice: Choice, net: Any, grid: np.ndarray) -> None:
        phases = layer_costs.split_into_phases(grid)
        total = sum(stage.n_parameters for stage in net.stages)
        weights = layer_costs.describe_moving_weights(
            phases, layer_costs.count_movable_weights(layer_costs.apply_tuning(net, choice), choice), total
        )
        epochs = [(phase.first_epoch, phase.last_epoch) for phase in phases]
        self.costs = {**self.costs, **weights, "epochs": epochs, "busy": MEASURING_TEXT}
        try:
            estimates = layer_costs.estimate_costs(net, choice, phases, self._n_images, self._batch_size)
        except Exception as error:
            estimates = {"memory": "", "time": "", "each": [], "note": f"No estimate: {format_error(error)}"}
        self.costs = {**weights, **estimates, "epochs": epochs, "busy": ""}


def _load_structure(backbone: Choice, n_classes: int) -> Any:
    from workbench.nets.loading.net_loader import load_net

    arguments = {"classes": n_classes, **backbone.params, "pretrained": False}
    return load_net(backbone.name, **arguments)


def _count_classes(images: Any) -> int:
    return max(len(getattr(images, "classes", ())), 2)


def _count_images(images: Any) -> int | None:
    if images is None or isinstance(images, int):
        return images
    return len(images.subset("train"))


def _grid_to_choice(names: list[str], rates: Any, columns: int) -> Choice:
    """Convert the grid to a checked choice: without frozen rows, and rows of one rate as one number."""
    from workbench.tunings import tunings

    if len(rates) != len(names) or any(len(row) != columns for row in rates):
        raise BadValue(f"the grid has {len(names)} stages and {columns} columns; the page sent another shape")
    rows = {n: row if len(set(row)) > 1 else row[:1] for n, row in zip(names, rates, strict=True) if any(row)}
    choice = tunings.make_choice(PAINTED_TUNING, rows=rows or {names[-1]: [0.0]})
    tunings.create(choice)  # raises for rates outside a grid's range
    return choice


def _fill_params(choice: Choice) -> dict[str, Any]:
    from workbench.tunings import tunings

    if choice.name == PAINTED_TUNING:
        return {}
    return {f.name: choice.params.get(f.name, f.default) for f in forms.constructor_fields(tunings[choice.name])}


def _describe_preset(name: str) -> dict[str, Any]:
    """Describe a tuning for the page's menu: name, summary, paper, and the fields of its small form."""
    from workbench.tunings import tunings

    cls = tunings[name]
    return {
        "name": name,
        "what": (cls.__doc__ or "").strip().partition("\n")[0],
        "source": cls.paper,
        "fields": [] if name == PAINTED_TUNING else [_describe_field(field) for field in forms.constructor_fields(cls)],
    }


def _describe_field(field: forms.Field) -> dict[str, Any]:
    limits = dataclasses.asdict(field.range) if field.range else {}
    names = {"name": field.name, "label": to_label(field.name), "help": describe_field(field)}
    kind = {"type": field.type.__name__, "options": list(field.options)}
    return {**names, **kind, "default": None if field.is_required else field.default, **limits}
