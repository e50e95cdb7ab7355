"""Tab Layers: the painter over the chosen backbone, its epochs and learning rate linked to the plan's settings."""

from __future__ import annotations

from typing import Any

from workbench.plan import to_choice
from workbench.widgets.layer_painter import LayerPainter
from workbench.widgets.tabs import Tab, tabs


@tabs.add("layers")
class LayersTab(Tab):
    """Choice of the weights that move, and of their learning rates."""

    title = "Layers"
    order = 30

    painter: LayerPainter | None = None
    _shown: tuple[Any, Any] = (None, None)
    _syncing = False

    def build(self) -> list[Any]:
        """Link the settings to the painter, which is made once there is a backbone."""
        self.state.launcher.settings.observe(lambda _: self._settings_changed(), "value")
        return []

    def refresh(self) -> None:
        """Show the current backbone and images."""
        state = self.state
        if state.backbone is None:
            self.notice.text = "No backbone is chosen yet. Choose one in Backbone; its stages are shown here."
            return
        self.notice.text = ""
        if self.painter is not None and state.tuning is not None and self.painter.tuning != state.tuning:
            self.painter.tuning = state.tuning  # a remedy of the diagnosis was applied
        if self._shown == (state.backbone, state.images):
            return
        if self.painter is None:
            value = state.launcher.settings.value
            initial = {"epochs": value["epochs"], "tuning": state.tuning, "lr": value["lr"], "images": state.images}
            painter = LayerPainter(self._get_backbone(), batch_size=value["batch_size"], **initial)
            painter.observe(lambda _: self._painter_changed(painter), ["tuning", "epochs", "lr"])
            self.painter, self.box.children = painter, [painter, self.notice]
        else:
            if self._shown[0] != state.backbone:
                self.painter.show_net(self._get_backbone())
            if self._shown[1] is not state.images and state.images is not None:
                self.painter.set_images(state.images)
        self._shown = (state.backbone, state.images)

    def _get_backbone(self) -> Any:
        backbone = self.state.backbone
        return backbone if hasattr(backbone, "stages") else to_choice(backbone, "backbone")

    def _painter_changed(self, painter: LayerPainter) -> None:
        if self._syncing:
            return
        self._syncing = True
        try:
            self.state.tuning = painter.tuning
            schedule = self.state.launcher.settings.schedule
            schedule.value = {**schedule.value, "epochs": painter.epochs, "lr": painter.lr}
        finally:
            self._syncing = False

    def _settings_changed(self) -> None:
        if self._syncing or self.painter is None:
            return
        self._syncing = True
        try:
            value = self.state.launcher.settings.value
            self.painter.epochs, self.painter.lr = value["epochs"], value["lr"]
        finally:
            self._syncing = False
