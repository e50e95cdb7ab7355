"""Tables of the methods of each kind: tunings, strategies, scores, saliency maps, causes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Literal

from workbench.argument_checks import check_arguments

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["describe_methods"]

# kind -> module and name of its registry
REGISTRIES = {
    "tunings": ("workbench.tunings", "tunings"),
    "strategies": ("workbench.strategies", "strategies"),
    "scores": ("workbench.scores", "scores"),
    "saliency": ("workbench.probes.maps", "methods"),
    "causes": ("workbench.diagnosis.causes", "causes"),
}


@check_arguments
def describe_methods(kind: Literal["tunings", "strategies", "scores", "saliency", "causes"]) -> pd.DataFrame:
    """Describe all methods of a kind, one per row: name, purpose, paper, parameters with their defaults.

    Args:
        kind: `tunings`, `strategies`, `scores`, `saliency` or `causes`.

    Raises:
        BadValue: no such kind.
    """
    module, name = REGISTRIES[kind]
    return getattr(importlib.import_module(module), name).describe()
