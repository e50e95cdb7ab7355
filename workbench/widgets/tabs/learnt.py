"""Results: what the run shown has learnt."""

from __future__ import annotations

from typing import Any

from workbench.widgets.results import Results
from workbench.widgets.tabs import Tab, tabs


@tabs.add("results")
class ResultsTab(Tab):
    """Confusions, mistakes and calibration of the run shown."""

    title = "Results"
    order = 50

    _shown: tuple[Any, str] = (None, "")

    def build(self) -> list[Any]:
        """The results, of no run yet."""
        self.results = Results()
        return [self.results]

    def opened(self) -> None:
        """Evaluates the run shown, unless that was done; again if it has ended meanwhile."""
        run = self.bench.run
        state = run.status.state if run is not None else ""
        if self._shown == (run, state):
            return
        if self._shown[0] == run:
            self.results.run = None
        self.results.run, self._shown = run, (run, state)
