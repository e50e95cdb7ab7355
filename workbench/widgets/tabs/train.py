"""Train: settings above, the runs on the left, the curves of one on the right."""

from __future__ import annotations

from typing import Any

from workbench.widgets.tabs import Tab, tabs


@tabs.add("train")
class TrainTab(Tab):
    """Settings, progress and curves."""

    title = "Train"
    order = 40

    def build(self) -> list[Any]:
        """The launcher's settings and what it watches; its button stands in the footer."""
        return [self.bench.launcher.settings, self.bench.launcher.watch]
