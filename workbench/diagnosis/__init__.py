"""Diagnosis: controlled experiments over trainings, and what they say of a transfer.

Names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.face import later

if TYPE_CHECKING:
    from .control_group import Controls as Controls
    from .control_group import controls as controls
    from .diagnosing import diagnose as diagnose
    from .findings import Diagnosis as Diagnosis
    from .findings import Finding as Finding
    from .findings import Trial as Trial
    from .gaps import Gap as Gap
    from .gaps import gap as gap
    from .transplant import LayerTransfer as LayerTransfer
    from .transplant import layer_transfer as layer_transfer

# public name -> the module it stands in; no function bears its module's name
_HOME = {
    "Controls": "control_group",
    "controls": "control_group",
    "Diagnosis": "findings",
    "Finding": "findings",
    "Trial": "findings",
    "diagnose": "diagnosing",
    "Gap": "gaps",
    "gap": "gaps",
    "LayerTransfer": "transplant",
    "layer_transfer": "transplant",
}

__all__ = [*_HOME]

__getattr__, __dir__ = later(__name__, _HOME, "name of a diagnosis")
