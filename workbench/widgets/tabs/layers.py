"""Layers: the painter over the chosen backbone, its epochs and rate tied to the settings of the plan."""

from __future__ import annotations

from typing import Any

from workbench.plan import to_choice
from workbench.widgets.layer_painter import LayerPainter
from workbench.widgets.tabs import Tab, tabs


@tabs.add("layers")
class LayersTab(Tab):
    """Which weights move, and how fast."""

    title = "Layers"
    order = 30

    painter: LayerPainter | None = None
    _shown: tuple[Any, Any] = (None, None)
    _tying = False

    def build(self) -> list[Any]:
        """Nothing until there is a backbone."""
        self.bench.launcher.settings.observe(lambda _: self._from_settings(), "value")
        return []

    def opened(self) -> None:
        """Shows the backbone and images of the moment."""
        bench = self.bench
        if bench.backbone is None:
            self.notice.text = "No backbone is chosen yet. Choose one in Backbone; its stages are shown here."
            return
        self.notice.text = ""
        if self.painter is not None and bench.tuning is not None and self.painter.tuning != bench.tuning:
            self.painter.tuning = bench.tuning  # a remedy was applied
        if self._shown == (bench.backbone, bench.images):
            return
        if self.painter is None:
            value = bench.launcher.settings.value
            first = {"epochs": value["epochs"], "tuning": bench.tuning, "lr": value["lr"], "images": bench.images}
            painter = LayerPainter(self._structure(), batch_size=value["batch_size"], **first)
            painter.observe(lambda _: self._from_painter(painter), ["tuning", "epochs", "lr"])
            self.painter, self.box.children = painter, [painter, self.notice]
        else:
            if self._shown[0] != bench.backbone:
                self.painter.show(self._structure())
            if self._shown[1] is not bench.images and bench.images is not None:
                self.painter.images_are(bench.images)
        self._shown = (bench.backbone, bench.images)

    def _structure(self) -> Any:
        backbone = self.bench.backbone
        return backbone if hasattr(backbone, "stages") else to_choice(backbone, "backbone")

    def _from_painter(self, painter: LayerPainter) -> None:
        if self._tying:
            return
        self._tying = True
        try:
            self.bench.tuning = painter.tuning
            schedule = self.bench.launcher.settings.schedule
            schedule.value = {**schedule.value, "epochs": painter.epochs, "lr": painter.lr}
        finally:
            self._tying = False

    def _from_settings(self) -> None:
        if self._tying or self.painter is None:
            return
        self._tying = True
        try:
            value = self.bench.launcher.settings.value
            self.painter.epochs, self.painter.lr = value["epochs"], value["lr"]
        finally:
            self._tying = False
