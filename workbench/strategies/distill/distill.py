"""Distillation: a student matches a teacher's softened outputs as well as the labels."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import BadValue
from workbench.formatting import summarize_names
from workbench.forms import Range
from workbench.nets.loading.net_loader import load_net
from workbench.nets.net import Net
from workbench.strategies import Batch, Losses, Strategy, strategies
from workbench.strategies.functional import supervised_losses


@strategies.add("distill")
class Distill(Strategy):
    """Training on a teacher's outputs: (1 - α) of the labels' loss, α of the match to the teacher at temperature T.

    Args:
        teacher: what `wb.load_net` takes, with the same classes as the images: the folder of an earlier run, or a
            backbone that has these classes.
        alpha: α, weight of the teacher in the loss.
        temperature: T, which softens both outputs; the match is scaled by T² as in the paper.
    """

    paper = "Hinton et al. 2015, arXiv:1503.02531"
    label_kinds = ("classes",)

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
        self.teacher = load_net(self.choice).requires_grad_(False)
        if self.teacher.classes is None or list(self.teacher.classes) != list(net.classes or ()):
            raise BadValue(
                f"expected a teacher with {describe_classes(net)}, got {self.choice} with "
                f"{describe_classes(self.teacher)}; fine-tune the teacher on these images first and give its run's "
                "folder"
            )

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        x, y = batch["labelled"]
        logits, temperature = net(x), self.temperature
        # eval: a teacher's output for an image must not depend on the rest of the batch
        with torch.no_grad():
            teacher_logits: Tensor = self.teacher.eval()(x)
        match = F.kl_div(
            F.log_softmax(logits / temperature, dim=1),
            F.log_softmax(teacher_logits / temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        labels = supervised_losses(logits, y, self.label_spec)["task"]
        return {"task": (1 - self.alpha) * labels, "match": self.alpha * temperature**2 * match}


def describe_classes(net: Net) -> str:
    """Describe the classes of `net` in a few words."""
    if not net.classes:
        return "no named classes"
    return f"{len(net.classes)} classes ({summarize_names(net.classes, 3)})"
