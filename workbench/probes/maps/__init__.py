"""Where a net looked: saliency maps, one file a method; found by walking this folder."""

from __future__ import annotations

from workbench.probes.maps.base import Method
from workbench.registry import Registry

__all__ = ["Method", "methods"]

methods: Registry[Method] = Registry("saliency method", "workbench.probes.maps")
