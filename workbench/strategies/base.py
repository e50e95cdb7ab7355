"""What a strategy is: how a batch becomes a loss. Its state lives in modules and buffers.

Legend of shapes: B batch, C channels, D features, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from workbench.arguments import check_arguments

if TYPE_CHECKING:
    from workbench.nets import Net


class Examples(NamedTuple):
    """One stream's share of a batch: pixels `x (B, C, H, W)` in [0, 1], labels `y`, None where unlabelled."""

    x: Tensor
    y: Tensor | None


Batch = Mapping[str, Examples]
Losses = dict[str, Tensor]


class Update(Protocol):
    """One optimiser step: precision, scaling, clipping and accumulation are the loop's affair."""

    def __call__(self, loss: Tensor, still: Iterable[nn.Parameter] = ()) -> None:
        """Steps down `loss`; the parameters in `still` keep their values in this update."""


class Target(NamedTuple):
    """What the labels are, so that a loss can be chosen: kind `classes`, `tags` or `tasks`, and their sizes."""

    kind: str
    sizes: tuple[tuple[str, int], ...]


class Strategy(nn.Module):
    """How a batch becomes a loss.

    Attributes:
        source: the paper.
        needs: the streams it reads, `labelled` and `unlabelled`.
        kinds: the kinds of labels it reads.
        decays: whether the schedule's weight decay applies beside its own terms.
        whole_batch: whether a batch may not come in parts: where images of a batch are compared with each other, parts
            would minimise something else, and are refused.
        derivatives: how often it differentiates; with 2 (a gradient penalty, meta-learning) precision stays fp32.
        frozen: names of stages that it never moves, whatever the tuning says.
        probes: names of terms that only watch, such as the loss of the head on features that it cannot change.
        target: what the labels are; set by the loop before `prepare`.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ("labelled",)
    kinds: ClassVar[tuple[str, ...]] = ("classes", "tags", "tasks")
    decays: ClassVar[bool] = True
    whole_batch: ClassVar[bool] = False
    derivatives: ClassVar[int] = 1
    frozen: ClassVar[tuple[str, ...]] = ()
    probes: ClassVar[tuple[str, ...]] = ("probe",)
    target: Target = Target("classes", ())

    def prepare(self, net: Net) -> None:
        """Makes what the strategy keeps (anchors, judges, a teacher); once, before the optimiser exists."""

    def losses(self, net: Net, batch: Batch, progress: float) -> Losses:
        """The named terms whose sum is minimised; the one method to write. They may differ from step to step.

        Args:
            progress: share of the updates that are over, from 0 to below 1.
        """
        raise TypeError(f"the strategy {type(self).__name__} does not say its losses")

    def step(self, net: Net, batch: Batch, progress: float, update: Update) -> Losses:
        """One batch; written anew only where a batch needs several updates."""
        losses = self.losses(net, batch, progress)
        if losses:
            update(torch.stack(list(losses.values())).sum())
        return losses

    def end_task(self, net: Net, batches: Iterable[Batch]) -> None:
        """What to keep once a task is over (continual learning): once for every task, also of a resumed run."""

    def finish(self, net: Net) -> None:
        """Writes into `net` what `predict` adds, so that the net that is kept answers alone as `predict` did.

        A strategy that predicts in its own way and does not write it is kept beside the net.
        """

    def predict(self, net: Net, x: Tensor) -> Tensor:
        """Logits for `x (B, C, H, W) -> (B, K)`."""
        return net(x)


class Table(nn.Module):
    """Tensors by the dotted names of parameters, as buffers: they follow `state_dict`, `to` and checkpoints."""

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
        """Names and tensors, in the order given."""
        return ((name, getattr(self, str(index))) for index, name in enumerate(self.names))
