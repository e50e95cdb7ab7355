"""The loop: a plan's parts in, points out. To watch is to iterate, to stop is to leave."""

from __future__ import annotations

from workbench.loop.training import Point, Training, train

__all__ = ["Point", "Training", "train"]
