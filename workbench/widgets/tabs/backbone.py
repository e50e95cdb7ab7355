"""Tab Backbone: the picker, and a field for a name, file or folder that it does not list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets

from workbench.plan import to_choice
from workbench.widgets.backbone_picker import BackbonePicker
from workbench.widgets.base import format_error
from workbench.widgets.components.tooltips import label_with_tooltip
from workbench.widgets.tabs import Tab, tabs


@tabs.add("backbone")
class BackboneTab(Tab):
    """Choice of the backbone to start from."""

    title = "Backbone"
    order = 20
    loading_text = "Reading the catalogue of backbones …"

    def build(self) -> list[Any]:
        """Build the picker, and a field for anything else below it."""
        self.picker = BackbonePicker(images=self.state.images)
        self.name_field = ipywidgets.Text(
            placeholder="my_zoo/resnet18, weights.safetensors, a run's folder",
            continuous_update=False,
            **label_with_tooltip(
                "or a name, file or folder",
                "backbone that the table does not list: a name for wb.load_net, a file of weights, or a run's folder",
            ),
        ).add_class("wb-long")
        use = ipywidgets.Button(description="Use", tooltip="take this backbone")
        self.picker.observe(self._picker_changed, "choice")
        use.on_click(lambda _: self._use_typed_name())
        self.state.observe(lambda _: self._update_notice(), "backbone")
        return [self.picker, ipywidgets.HBox([self.name_field, use]).add_class("wb-choosers")]

    def refresh(self) -> None:
        """Show which backbone is chosen."""
        self._update_notice()

    def _picker_changed(self, change: Any) -> None:
        if change.new is not None:
            self.state.backbone = change.new

    def _use_typed_name(self) -> None:
        from workbench.nets.loading.name_resolution import resolve_name

        name = self.name_field.value.strip()
        if not name:
            self.notice.error = "type the name of a backbone, or the path of a file or folder with weights"
            return
        try:
            resolve_name(name, None)
        except Exception as error:
            self.notice.error = format_error(error)
            return
        self.notice.error = ""
        self.state.backbone = to_choice(name, "backbone")

    def _update_notice(self) -> None:
        chosen = self.state.backbone
        if chosen is None:
            self.notice.text = "Click a backbone to choose it; then choose in Layers which of its stages train."
        else:
            name = Path(to_choice(chosen, "backbone").name).name
            self.notice.text = f"Chosen: {name}. Next: Layers, which of its stages train and how fast."
