"""Distillation: a student matches a teacher's softened answers as well as the labels."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import BadValue
from workbench.forms import Range
from workbench.nets import Net, load
from workbench.strategies import Batch, Losses, Strategy, strategies
from workbench.strategies.functional import supervised


@strategies.add("distill")
class Distill(Strategy):
    """Learning from a teacher: (1 - α) of the labels' loss, α of the match to the teacher at temperature T.

    Args:
        teacher: what `wb.load` takes, with the same classes as the images: the folder of an earlier run, or a
            backbone whose own classes these are.
        alpha: α, the teacher's share of the loss.
        temperature: T, which softens both answers; the match is scaled by T² as in the paper.
    """

    source = "Hinton et al. 2015, arXiv:1503.02531"
    kinds = ("classes",)

    def __init__(
        self,
        *,
        teacher: str,
        alpha: Annotated[float, Range(0.0, 1.0)] = 0.7,
        temperature: Annotated[float, Range(0.1, 100.0)] = 4.0,
    ) -> None:
        super().__init__()
        self.choice, self.alpha, self.temperature = teacher, alpha, temperature
        self.teacher: Net

    def prepare(self, net: Net) -> None:
        self.teacher = load(self.choice).requires_grad_(False)
        if self.teacher.classes is None or list(self.teacher.classes) != list(net.classes or ()):
            raise BadValue(
                f"the teacher {self.choice} answers with {named(self.teacher)}, the images have {named(net)}; "
                "fine-tune the teacher on these images first and give its run's folder"
            )

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        logits, temperature = net(x), self.temperature
        # eval: a teacher answers the same for the same image, whatever else is in the batch
        with torch.no_grad():
            taught: Tensor = self.teacher.eval()(x)
        match = F.kl_div(
            F.log_softmax(logits / temperature, dim=1),
            F.log_softmax(taught / temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        labels = supervised(logits, y, self.target)["task"]
        return {"task": (1 - self.alpha) * labels, "match": self.alpha * temperature**2 * match}


def named(net: Net) -> str:
    """The classes of `net` in a few words."""
    if not net.classes:
        return "no named classes"
    return f"{len(net.classes)} classes ({', '.join(net.classes[:3])}{', …' if len(net.classes) > 3 else ''})"
