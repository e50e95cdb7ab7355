"""Tab Results: the evaluation of the run shown."""

from __future__ import annotations

from typing import Any

from workbench.widgets.tabs import Tab, tabs
from workbench.widgets.views.results import Results


@tabs.add("results")
class ResultsTab(Tab):
    """Confusion matrix, mistakes and calibration of the run shown."""

    title = "Results"
    order = 50

    _shown: tuple[Any, str] = (None, "")

    def build(self) -> list[Any]:
        """Build the results, without a run yet."""
        self.results = Results()
        return [self.results]

    def refresh(self) -> None:
        """Evaluate the run shown, unless that was done; again if it has ended since."""
        run = self.state.run
        state = run.status.state if run is not None else ""
        if self._shown == (run, state):
            return
        if self._shown[0] == run:
            self.results.run = None
        self.results.run, self._shown = run, (run, state)
