"""Saliency methods, one file per method; found by walking this folder."""

from __future__ import annotations

from workbench.probes.maps.base import SaliencyMethod
from workbench.registry import Registry

methods: Registry[SaliencyMethod] = Registry("saliency method", "workbench.probes.maps")
