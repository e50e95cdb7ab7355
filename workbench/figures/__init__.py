"""Figures: arrays and frames in, one picture with an answer in its title out.

Plotly for points, lines, bars and heat; matplotlib for grids of images. Nothing here computes results, reads
files or knows the rest of the house. Names are resolved on first use, so importing this costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backbone_map import backbones as backbones
    from .bound_bars import bound as bound
    from .calibration import reliability as reliability
    from .class_bars import per_class as per_class
    from .confusion_matrix import confusion as confusion
    from .control_gaps import controls as controls
    from .embedding_map import embedding as embedding
    from .evidence_shown import evidence as evidence
    from .faithful_lines import faithfulness as faithfulness
    from .faithful_lines import sanity as sanity
    from .figure import Figure as Figure
    from .filter_grid import activations as activations
    from .filter_grid import exciting as exciting
    from .filter_grid import filters as filters
    from .gap_bars import class_gaps as class_gaps
    from .image_grid import Sheet as Sheet
    from .image_grid import mistakes as mistakes
    from .image_grid import side_by_side as side_by_side
    from .image_grid import thumbnails as thumbnails
    from .intervals import comparison as comparison
    from .learning_curves import curves as curves
    from .lr_curve import lr_finder as lr_finder
    from .moved_filters import filter_moves as filter_moves
    from .named_lines import lines as lines
    from .places import rank_flow as rank_flow
    from .ranking_table import ranking as ranking
    from .rate_grid import rates as rates
    from .saliency_grid import saliency as saliency
    from .saliency_grid import saliency_comparison as saliency_comparison
    from .score_agreement import agreement as agreement
    from .settling_curve import settling as settling
    from .similarity_map import similarity as similarity
    from .stage_bars import stages as stages
    from .stage_columns import stage_strip as stage_strip
    from .task_matrix import affinity as affinity
    from .transplants import layer_transfer as layer_transfer
    from .trial_gains import trials as trials

# public name -> the module it stands in; no function bears its module's name, since importing a module
# binds it on the package over any function of that name
_HOME = {
    "Figure": "figure",
    "Sheet": "image_grid",
    "activations": "filter_grid",
    "affinity": "task_matrix",
    "agreement": "score_agreement",
    "backbones": "backbone_map",
    "bound": "bound_bars",
    "class_gaps": "gap_bars",
    "comparison": "intervals",
    "confusion": "confusion_matrix",
    "controls": "control_gaps",
    "curves": "learning_curves",
    "embedding": "embedding_map",
    "evidence": "evidence_shown",
    "exciting": "filter_grid",
    "faithfulness": "faithful_lines",
    "filter_moves": "moved_filters",
    "filters": "filter_grid",
    "layer_transfer": "transplants",
    "lines": "named_lines",
    "lr_finder": "lr_curve",
    "mistakes": "image_grid",
    "per_class": "class_bars",
    "rank_flow": "places",
    "ranking": "ranking_table",
    "rates": "rate_grid",
    "reliability": "calibration",
    "saliency": "saliency_grid",
    "saliency_comparison": "saliency_grid",
    "sanity": "faithful_lines",
    "settling": "settling_curve",
    "side_by_side": "image_grid",
    "similarity": "similarity_map",
    "stage_strip": "stage_columns",
    "stages": "stage_bars",
    "thumbnails": "image_grid",
    "trials": "trial_gains",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"there is no figure {name!r}; there are {', '.join(sorted(_HOME))}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
