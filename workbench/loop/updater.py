"""One update: a batch through the strategy, in as many chunks as memory asks for."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from workbench.errors import RunFailed
from workbench.loop import device as devices
from workbench.loop.mixed import mixed
from workbench.loop.optimiser import Stepper
from workbench.nets import Net
from workbench.strategies import Batch, Examples, Losses, Strategy

log = logging.getLogger("workbench")


class Updater:
    """Carries out updates; where memory runs out, again in twice as many chunks, same effective batch.

    Attributes:
        chunks: parts that a batch comes in; only ever raised.
        lead: the stream by whose images parts are weighed.
    """

    def __init__(
        self, net: Net, strategy: Strategy, stepper: Stepper, autocast: torch.dtype | None, lead: str = "labelled"
    ) -> None:
        self.net, self.strategy, self.stepper, self.autocast, self.lead = net, strategy, stepper, autocast, lead
        self.chunks = 1

    def __call__(self, batch: Batch, progress: float, weight: float = 1.0) -> Losses:
        """One batch's update; its loss terms, averaged over the chunks.

        Args:
            weight: of this process's gradients, where several share the batch unevenly; 0 to only take part.

        Raises:
            RunFailed: memory runs out even in the smallest chunks.
        """
        self.stepper.shared = False
        while True:
            try:
                return self._attempt(batch, progress, weight)
            except Exception as error:
                if not devices.out_of_memory(error):
                    raise
                self._refuse_smaller(batch, error)
            # outside the handler, so that the failed attempt's tensors are no longer held by its traceback
            self.chunks *= 2
            self.stepper.optimizer.zero_grad(set_to_none=True)
            devices.free_memory(self.stepper.device)
            log.warning("out of memory: batches now come in %d chunks, same effective batch", self.chunks)

    def _attempt(self, batch: Batch, progress: float, weight: float) -> Losses:
        total: dict[str, Tensor] = {}
        shares: dict[str, list[float]] = {}
        losses: Losses = {}
        whole, place = len(batch[self.lead].x), self.stepper.device
        # a small last batch: no chunk of it is empty, for the mean of nothing is no number
        count = min(self.chunks, max(1, min(len(stream.x) for stream in batch.values()) // 2))
        for index, chunk in enumerate(chunks(batch, count)):
            share = len(chunk[self.lead].x) / whole
            self.stepper.begin(share * weight, last=index == count - 1)
            with mixed(place, self.autocast), differentiable(self.strategy.derivatives):
                losses = self.strategy.step(self.net, chunk, progress, self.stepper)
            for name, loss in losses.items():
                part = share * loss.detach().float()
                total[name] = total[name] + part if name in total else part
                shares.setdefault(name, []).append(share)
        if total and not losses and count > 1:  # the last part had nothing to add, so nobody has stepped yet
            self.stepper.apply()
        # a term that not every part has is the mean over those that have it
        return {n: t if len(shares[n]) == count else t / sum(shares[n]) for n, t in total.items()}

    def _refuse_smaller(self, batch: Batch, error: Exception) -> None:
        if self.strategy.whole_batch:
            raise RunFailed(
                f"out of memory on {self.stepper.device} with {len(batch[self.lead].x)} images a batch. The strategy "
                f"{self.strategy.name} compares the images of a batch with each other, so that in parts it would "
                "minimise something else; take a smaller batch_size, smaller images, a smaller backbone or fewer "
                "moving stages"
            ) from error
        # chunks of one image have no batch statistics; a strategy that updates several times a batch
        # cannot gather the gradients of its second update before the first has been made; and what other
        # processes have added up already, they do not add up again
        smallest = len(batch[self.lead].x) // (self.chunks * 2) < 2
        if smallest or type(self.strategy).step is not Strategy.step or self.stepper.shared:
            raise RunFailed(
                f"out of memory on {self.stepper.device}, with batches in {self.chunks} chunks; take smaller images, "
                "a smaller batch_size, a smaller backbone or fewer moving stages"
            ) from error


def differentiable(derivatives: int) -> contextlib.AbstractContextManager[object]:
    """A context in which attention can be differentiated so often: torch's fused kernels can be once."""
    return sdpa_kernel(SDPBackend.MATH) if derivatives > 1 else contextlib.nullcontext()


def chunks(batch: Batch, count: int) -> Iterator[dict[str, Examples]]:
    """A batch in `count` nearly equal parts, stream by stream."""
    if count == 1:
        yield dict(batch)
        return
    parts = {name: list(parted(examples, count)) for name, examples in batch.items()}
    for index in range(count):
        yield {name: part[index] for name, part in parts.items()}


def parted(examples: Examples, count: int) -> Iterator[Examples]:
    """One stream's examples in `count` nearly equal parts."""
    labels = [None] * count if examples.y is None else examples.y.tensor_split(count)
    return (Examples(x, y) for x, y in zip(examples.x.tensor_split(count), labels, strict=True))
