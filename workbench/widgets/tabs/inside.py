"""Inside: what the net sees and where it looks, of the run shown, also while it goes on, or of the chosen backbone."""

from __future__ import annotations

import importlib
from typing import Any

import ipywidgets

from workbench.widgets.tabs import Tab, tabs

# what is asked -> the module and the widget that answers; each takes nets, images and a run
VIEWS = {
    "Where does it look?": ("saliency_viewer", "SaliencyViewer"),
    "What does it look for?": ("filter_viewer", "FilterViewer"),
    "What moved?": ("similarity_map", "SimilarityMap"),
    "Which images are alike?": ("embedding_explorer", "EmbeddingExplorer"),
}


@tabs.add("inside")
class InsideTab(Tab):
    """Views of the net behind the run shown, or of the backbone; each is made when it is first asked for."""

    title = "Inside"
    order = 60

    _shown: tuple[Any, ...] = ()

    def build(self) -> list[Any]:
        """The questions, and room for the view that answers."""
        self.question = ipywidgets.ToggleButtons(options=list(VIEWS), style={"button_width": "auto"})
        self.place, self.views = ipywidgets.VBox(), {}
        self.question.observe(lambda _: self.opened(), "value")
        return [self.question, self.place]

    def opened(self) -> None:
        """Shows the view asked for, of the run and images of the moment."""
        bench = self.bench
        run = bench.run if bench.run is not None and has_saved(bench.run) else None
        if run is None and (bench.backbone is None or bench.images is None):
            self.notice.text = (
                "Nothing to look into yet. Choose images and a backbone, or a run that has saved weights."
            )
            return
        self.notice.text = ""
        source = (run,) if run is not None else (bench.backbone, bench.images)
        if source != self._shown:
            self.views, self._shown = {}, source
        asked = str(self.question.value)
        if asked not in self.views:
            self.notice.text = "Opening …"
            self._building.ask(lambda: self._made(asked, run, source))
        else:
            self.place.children = [self.views[asked]]

    def _made(self, asked: str, run: Any, source: tuple[Any, ...]) -> None:
        module, name = VIEWS[asked]
        view = getattr(importlib.import_module(f"workbench.widgets.{module}"), name)
        made = view(run=run) if run is not None else view({"backbone": self._net(source[0])}, source[1])
        self.views[asked] = made
        self.place.children, self.notice.text = [made], ""

    def _net(self, backbone: Any) -> Any:
        if hasattr(backbone, "stages"):
            return backbone
        from workbench.nets import load
        from workbench.plan import to_choice

        choice = to_choice(backbone, "backbone")
        return load(choice.name, **choice.params)


def has_saved(run: Any) -> bool:
    """Whether there is a net of a run to look into."""
    status = run.status
    return status.state == "done" or status.saved is not None
