"""Diagnosis: controlled experiments over trainings, and what they say of a transfer.

Names are resolved on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .control_group import Controls as Controls
    from .control_group import controls as controls
    from .gaps import Gap as Gap
    from .gaps import gap as gap
    from .transplant import LayerTransfer as LayerTransfer
    from .transplant import layer_transfer as layer_transfer

# public name -> the module it stands in; no function bears its module's name
_HOME = {
    "Controls": "control_group",
    "controls": "control_group",
    "Gap": "gaps",
    "gap": "gaps",
    "LayerTransfer": "transplant",
    "layer_transfer": "transplant",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
