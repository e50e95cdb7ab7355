"""Backbone: the picker, and room for a name, file or folder that it does not list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets

from workbench.plan import to_choice
from workbench.widgets.backbone_picker import BackbonePicker
from workbench.widgets.base import sentence
from workbench.widgets.tabs import Tab, tabs


@tabs.add("backbone")
class BackboneTab(Tab):
    """Where to start from."""

    title = "Backbone"
    order = 20
    slow = "Reading the catalogue of backbones …"

    def build(self) -> list[Any]:
        """The picker above, a field for anything else below."""
        self.picker = BackbonePicker(images=self.bench.images)
        self.field = ipywidgets.Text(
            description="or a name, file or folder",
            placeholder="my_zoo/resnet18, weights.safetensors, a run's folder",
            style={"description_width": "auto"},
            continuous_update=False,
        ).add_class("wb-long")
        use = ipywidgets.Button(description="Use")
        self.picker.observe(self._picked, "choice")
        use.on_click(lambda _: self._typed())
        self.bench.observe(lambda _: self._say(), "backbone")
        return [self.picker, ipywidgets.HBox([self.field, use]).add_class("wb-choosers")]

    def opened(self) -> None:
        """Says which one is chosen."""
        self._say()

    def _picked(self, change: Any) -> None:
        if change.new is not None:
            self.bench.backbone = change.new

    def _typed(self) -> None:
        from workbench.nets.find import find

        name = self.field.value.strip()
        if not name:
            self.notice.error = "type the name of a backbone, or the path of a file or folder with weights"
            return
        try:
            find(name, None)
        except Exception as error:
            self.notice.error = sentence(error)
            return
        self.notice.error = ""
        self.bench.backbone = to_choice(name, "backbone")

    def _say(self) -> None:
        chosen = self.bench.backbone
        if chosen is None:
            self.notice.text = "Click a backbone to choose it; then say in Layers which of its stages train."
        else:
            name = Path(to_choice(chosen, "backbone").name).name
            self.notice.text = f"Chosen: {name}. Next: Layers, which of its stages train and how fast."
