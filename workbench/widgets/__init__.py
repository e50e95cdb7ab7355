"""Widgets: thin views over the core, each with its product as a trait.

Names are resolved on first use, so that the core is importable where Jupyter is not installed.
"""

from __future__ import annotations

import importlib
from typing import Any

_WHERE = {
    "BackbonePicker": "backbone_picker",
    "DiagnosisView": "diagnosis_view",
    "EmbeddingExplorer": "embedding_explorer",
    "LayerPainter": "layer_painter",
    "LiveCurves": "live_curves",
    "Launcher": "launcher",
    "Results": "results",
    "SaliencyViewer": "saliency_viewer",
    "SimilarityMap": "similarity_map",
    "TransferabilityBoard": "transferability_board",
    "Workbench": "workbench",
    "FilterViewer": "filter_viewer",
    "Form": "form",
    "WorldDials": "world_dials",
}

__all__ = [
    "BackbonePicker",
    "DiagnosisView",
    "EmbeddingExplorer",
    "FilterViewer",
    "Form",
    "Launcher",
    "LayerPainter",
    "LiveCurves",
    "Results",
    "SaliencyViewer",
    "SimilarityMap",
    "TransferabilityBoard",
    "Workbench",
    "WorldDials",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        from workbench.errors import nearest

        raise AttributeError(f"there is no widget {name!r}; {nearest(name, list(_WHERE))}")
    try:
        value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("ipywidgets", "anywidget", "IPython", "traitlets"):
            raise
        from workbench.errors import Unavailable

        raise Unavailable(
            f"the widget {name} needs Jupyter's widgets, and {error.name} is not installed here; "
            "install them with: pip install ipywidgets anywidget"
        ) from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
