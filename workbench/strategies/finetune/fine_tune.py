"""Fine-tuning on the labels of the target task, without further terms."""

from __future__ import annotations

from typing import Annotated

from workbench.forms import Range
from workbench.nets.net import Net
from workbench.strategies import Batch, Losses, Strategy, strategies
from workbench.strategies.functional import supervised_losses


@strategies.add("fine-tune")
class FineTune(Strategy):
    """Supervised training on labels: one class per image, several tags, or several tasks.

    Args:
        smoothing: label smoothing; 0 trusts the labels, 0.1 is usual where they are many.
    """

    paper = "Girshick et al. 2014, arXiv:1311.2524; smoothing: Szegedy et al. 2016, arXiv:1512.00567"

    def __init__(self, *, smoothing: Annotated[float, Range(0.0, 0.9)] = 0.0) -> None:
        super().__init__()
        self.smoothing = smoothing

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        return supervised_losses(net(x), y, self.label_spec, self.smoothing)
