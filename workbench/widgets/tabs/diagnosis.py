"""Diagnosis: why the plan, or the run shown, is worse than it should be, and the plan that puts it right."""

from __future__ import annotations

from typing import Any

from workbench.widgets.tabs import Tab, tabs


@tabs.add("diagnosis")
class DiagnosisTab(Tab):
    """A diagnosis of the plan as it stands or of the run shown; a remedy that is applied becomes the plan."""

    title = "Diagnosis"
    order = 80

    def build(self) -> list[Any]:
        """The view, of nothing yet."""
        from workbench.widgets.diagnosis_view import DiagnosisView

        self.view = DiagnosisView()
        self.view.observe(self._applied, "plan")
        return [self.view]

    def opened(self) -> None:
        """Offers the plan and the run of the moment."""
        bench, offered = self.bench, {}
        if bench.plan is not None:
            offered["the plan as it stands"] = bench.plan
        if bench.run is not None and bench.run.status.state in ("done", "failed"):
            offered[f"run {bench.run.name}"] = bench.run
        if {k: id(v) for k, v in offered.items()} != {k: id(v) for k, v in self.view.subjects.items()}:
            self.view.subjects = offered
        empty = "No plan yet. Choose images and a backbone; what holds the transfer back is found here."
        self.notice.text = "" if offered or self.view.diagnosis is not None else empty

    def _applied(self, change: Any) -> None:
        if change.new is not None:
            self.bench.launcher.take(change.new)
            self.view.notice.text = f"Applied: {change.new.brief}. It is the plan below now: Launch trains it."
