"""Tab Inside: features, saliency, similarity and embeddings of the run shown, even in training, or of the backbone."""

from __future__ import annotations

import importlib
from typing import Any

import ipywidgets

from workbench.widgets.tabs import Tab, tabs

# question -> module and widget that answers it, and tooltip; each widget takes nets, images and a run
VIEWS = {
    "Where does it look?": ("views.saliency_viewer", "SaliencyViewer", "saliency maps"),
    "What does it look for?": ("views.filter_viewer", "FilterViewer", "filters, activations and visualizations"),
    "What moved?": ("views.similarity_map", "SimilarityMap", "similarity of the stages of two nets"),
    "Which images are alike?": ("views.embedding_explorer", "EmbeddingExplorer", "images embedded by their features"),
}


@tabs.add("inside")
class InsideTab(Tab):
    """Views of the net of the run shown, or of the backbone; each is made on first use."""

    title = "Inside"
    order = 60

    _shown: tuple[Any, ...] = ()

    def build(self) -> list[Any]:
        """Build the questions, and a container for the view that answers."""
        self.question = ipywidgets.ToggleButtons(
            options=list(VIEWS), tooltips=[tooltip for _, _, tooltip in VIEWS.values()], style={"button_width": "auto"}
        )
        self.view_box, self.views = ipywidgets.VBox(), {}
        self.question.observe(lambda _: self.refresh(), "value")
        return [self.question, self.view_box]

    def refresh(self) -> None:
        """Show the chosen view of the current run and images."""
        state = self.state
        run = state.run if state.run is not None and has_saved_weights(state.run) else None
        if run is None and (state.backbone is None or state.images is None):
            self.notice.text = "Nothing to inspect yet. Choose images and a backbone, or a run that has saved weights."
            return
        self.notice.text = ""
        subject = (run,) if run is not None else (state.backbone, state.images)
        if subject != self._shown:
            self.views, self._shown = {}, subject
        question = str(self.question.value)
        if question not in self.views:
            self.notice.text = "Loading …"
            self._build_task.submit(lambda: self._make_view(question, run, subject))
        else:
            self.view_box.children = [self.views[question]]

    def _make_view(self, question: str, run: Any, subject: tuple[Any, ...]) -> None:
        module, name, _ = VIEWS[question]
        cls = getattr(importlib.import_module(f"workbench.widgets.{module}"), name)
        widget = cls(run=run) if run is not None else cls({"backbone": self._load_net(subject[0])}, subject[1])
        self.views[question] = widget
        self.view_box.children, self.notice.text = [widget], ""

    def _load_net(self, backbone: Any) -> Any:
        if hasattr(backbone, "stages"):
            return backbone
        from workbench.nets.loading.net_loader import load_net
        from workbench.plan import to_choice

        choice = to_choice(backbone, "backbone")
        return load_net(choice.name, **choice.params)


def has_saved_weights(run: Any) -> bool:
    """True if a net of the run can be loaded."""
    status = run.status
    return status.state == "done" or status.saved_epoch is not None
