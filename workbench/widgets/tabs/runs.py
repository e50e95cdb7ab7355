"""Tab Train: settings above, the runs on the left, the curves of one run on the right."""

from __future__ import annotations

from typing import Any

from workbench.widgets.tabs import Tab, tabs


@tabs.add("train")
class RunsTab(Tab):
    """Settings, progress and training curves."""

    title = "Train"
    order = 40

    def build(self) -> list[Any]:
        """Return the launcher's settings and its list of runs and curves; its button is in the footer."""
        return [self.state.launcher.settings, self.state.launcher.run_panel]
