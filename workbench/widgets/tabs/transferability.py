"""Tab Transferability: backbones ranked for the images in use, with the uncertainty of the ranking."""

from __future__ import annotations

from typing import Any

from workbench.widgets.tabs import Tab, tabs
from workbench.widgets.transferability_board import TransferabilityBoard


@tabs.add("transferability")
class TransferabilityTab(Tab):
    """Scores, their uncertainty and the verdict; a click chooses the backbone."""

    title = "Transferability"
    order = 70
    loading_text = "Reading the catalogue of backbones …"

    def build(self) -> list[Any]:
        """Build the board for the images in use."""
        self.board = TransferabilityBoard(self.state.images)
        self.board.observe(self._choice_changed, "choice")
        return [self.board]

    def refresh(self) -> None:
        """Take over images opened since."""
        if self.board.images is not self.state.images:
            self.board.images = self.state.images

    def _choice_changed(self, change: Any) -> None:
        if change.new is not None:
            self.state.backbone = change.new
            self.notice.text = f"Chosen: {self.board.backbone}. Next: Layers, which of its stages train and how fast."
