"""Transferability: which backbone promises most for the images at hand, and how far to trust that."""

from __future__ import annotations

from typing import Any

from workbench.widgets.tabs import Tab, tabs
from workbench.widgets.transferability_board import TransferabilityBoard


@tabs.add("transferability")
class TransferabilityTab(Tab):
    """Scores, their doubt and the verdict; a click chooses the backbone."""

    title = "Transferability"
    order = 70
    slow = "Reading the catalogue of backbones …"

    def build(self) -> list[Any]:
        """The board, for the images at hand."""
        self.board = TransferabilityBoard(self.bench.images)
        self.board.observe(self._picked, "choice")
        return [self.board]

    def opened(self) -> None:
        """Takes over the images that were opened meanwhile."""
        if self.board.images is not self.bench.images:
            self.board.images = self.bench.images

    def _picked(self, change: Any) -> None:
        if change.new is not None:
            self.bench.backbone = change.new
            self.notice.text = f"Chosen: {self.board.backbone}. Next: Layers, which of its stages train and how fast."
