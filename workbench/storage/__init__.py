"""The store of activations: what frozen layers make of images, computed once."""

from __future__ import annotations

from workbench.storage.holdings import Holdings, store

__all__ = ["Holdings", "store"]
