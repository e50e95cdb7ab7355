"""Tab Diagnosis: causes of a weak plan or run, and the plan that corrects them."""

from __future__ import annotations

from typing import Any

from workbench.widgets.tabs import Tab, tabs


@tabs.add("diagnosis")
class DiagnosisTab(Tab):
    """Diagnosis of the current plan or of the run shown; an applied remedy becomes the plan."""

    title = "Diagnosis"
    order = 80

    def build(self) -> list[Any]:
        """Build the view, without a subject yet."""
        from workbench.widgets.views.diagnosis_view import DiagnosisView

        self.view = DiagnosisView()
        self.view.observe(self._plan_changed, "plan")
        return [self.view]

    def refresh(self) -> None:
        """Offer the current plan and run."""
        state, subjects = self.state, {}
        if state.plan is not None:
            subjects["current plan"] = state.plan
        if state.run is not None and state.run.status.state in ("done", "failed"):
            subjects[f"run {state.run.name}"] = state.run
        if {k: id(v) for k, v in subjects.items()} != {k: id(v) for k, v in self.view.subjects.items()}:
            self.view.subjects = subjects
        hint = "No plan yet. Choose images and a backbone; the causes of a weak transfer are found here."
        self.notice.text = "" if subjects or self.view.diagnosis is not None else hint

    def _plan_changed(self, change: Any) -> None:
        if change.new is not None:
            self.state.launcher.set_plan(change.new)
            self.view.notice.text = f"Applied: {change.new.summary}. It is now the plan below: Launch trains it."
