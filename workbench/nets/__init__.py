"""Pretrained backbones: what there is, loading one, and its stages from stem to head."""

from __future__ import annotations

from typing import Any

from workbench.nets.load import load
from workbench.nets.net import Net
from workbench.nets.preprocessing import Preprocessing
from workbench.nets.stages import Stage

__all__ = ["Net", "Preprocessing", "Stage", "backbones", "load"]


def __getattr__(name: str) -> Any:
    if name == "backbones":
        from workbench.nets.catalogue import backbones

        return backbones
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
