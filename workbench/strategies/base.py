"""Base class of strategies, which turn a batch into a loss and keep their state in modules and buffers.

Legend of shapes: B batch, C channels, D features, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from workbench.argument_checks import check_arguments

if TYPE_CHECKING:
    from workbench.nets.net import Net


class Examples(NamedTuple):
    """Share of one stream in a batch: pixels `x (B, C, H, W)` in [0, 1], labels `y`, None where unlabeled."""

    x: Tensor
    y: Tensor | None


Batch = Mapping[str, Examples]
Losses = dict[str, Tensor]


class Update(Protocol):
    """One optimizer step; the loop takes care of precision, scaling, clipping and accumulation."""

    def __call__(self, loss: Tensor, frozen: Iterable[nn.Parameter] = ()) -> None:
        """Minimize `loss` by one step; the parameters in `frozen` keep their values in this update."""


class LabelSpec(NamedTuple):
    """Type of the labels, by which a loss is chosen: kind `classes`, `tags` or `tasks`, and their sizes."""

    kind: str
    sizes: tuple[tuple[str, int], ...]


class Strategy(nn.Module):
    """Computation of a loss from a batch.

    Attributes:
        paper: source of the method.
        needs: streams that it reads, `labelled` and `unlabelled`.
        label_kinds: kinds of labels that it reads.
        uses_weight_decay: whether the schedule's weight decay applies beside its own terms.
        whole_batch: whether a batch may not be split: if images of a batch are compared with each other, parts would
            minimize something else, and are refused.
        derivatives: order of derivatives; with 2 (a gradient penalty, meta-learning) precision is fp32.
        frozen: names of stages that it never moves, whatever the tuning.
        select: weights that a run returns if the schedule's `select` is auto: best of the best validation epoch, last
            of the last epoch.
        probe_terms: names of terms that train no feature, such as the loss of an online probe.
        label_spec: type of the labels; set by the loop before `prepare`.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ("labelled",)
    label_kinds: ClassVar[tuple[str, ...]] = ("classes", "tags", "tasks")
    uses_weight_decay: ClassVar[bool] = True
    whole_batch: ClassVar[bool] = False
    derivatives: ClassVar[int] = 1
    frozen: ClassVar[tuple[str, ...]] = ()
    select: ClassVar[Literal["best", "last"]] = "best"
    probe_terms: ClassVar[tuple[str, ...]] = ("probe",)
    label_spec: LabelSpec = LabelSpec("classes", ())

    def prepare(self, net: Net) -> None:
        """Create the strategy's state (anchors, discriminator, teacher); called once, before the optimizer exists."""

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        """Return the named terms whose sum is minimized; the one method to write. Names may differ between steps.

        Args:
            progress: fraction of the updates done, from 0 to below 1.
        """
        raise TypeError(f"the strategy {type(self).__name__} defines no losses")

    def step(self, net: Net, batch: Batch, progress: float, update: Update) -> Losses:
        """Train on one batch; overridden only by strategies that update several times per batch."""
        losses = self.losses(net, batch, progress)
        if losses:
            update(torch.stack(list(losses.values())).sum())
        return losses

    def end_task(self, net: Net, batches: Iterable[Batch]) -> None:
        """Store what is needed of a finished task (continual learning); called once per task, also in a resumed run."""

    def finish(self, net: Net) -> None:
        """Write into `net` what `logits` adds, so that the kept net alone gives the same logits.

        A strategy with logits of its own that does not write them is saved beside the net.
        """

    def logits(self, net: Net, x: Tensor) -> Tensor:
        """Compute the logits, x (B, C, H, W) -> (B, K)."""
        return net(x)


class BufferDict(nn.Module):
    """Tensors by the dotted names of parameters, stored as buffers: they follow `state_dict`, `to` and checkpoints."""

    @check_arguments
    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.names = list(tensors)
        for index, tensor in enumerate(tensors.values()):
            self.register_buffer(str(index), tensor.detach().clone())

    def __getitem__(self, name: str) -> Tensor:
        return getattr(self, str(self.names.index(name)))

    @check_arguments
    def items(self) -> Iterable[tuple[str, Tensor]]:
        """Iterate over names and tensors, in the order given."""
        return ((name, getattr(self, str(index))) for index, name in enumerate(self.names))
