"""One update: a batch through the strategy, in as many chunks as memory requires."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from workbench.errors import RunFailed
from workbench.loop import device as devices
from workbench.loop.optimizer import GradientStepper
from workbench.loop.precision.autocast import autocast_forward
from workbench.nets.net import Net
from workbench.nets.partition.partitioned_net import PartitionedNet
from workbench.strategies import Batch, Examples, Losses, Strategy

log = logging.getLogger("workbench")


class Updater:
    """Executor of updates; if memory runs out, it retries in twice as many chunks, with the same effective batch.

    Attributes:
        n_chunks: chunks per batch; only ever raised.
        lead_stream: stream whose number of images weights the chunks.
    """

    def __init__(
        self,
        net: Net,
        strategy: Strategy,
        stepper: GradientStepper,
        autocast: torch.dtype | None,
        lead_stream: str = "labelled",
    ) -> None:
        self.net, self.strategy, self.stepper, self.autocast = PartitionedNet(net), strategy, stepper, autocast
        self.lead_stream, self.n_chunks = lead_stream, 1

    def __call__(self, batch: Batch, progress: float, weight: float = 1.0) -> Losses:
        """Update with one batch; return its loss terms, averaged over the chunks.

        Args:
            weight: weight of this process's gradients, if several processes share the batch unevenly; 0 for none.

        Raises:
            RunFailed: memory runs out even in the smallest chunks.
        """
        self.stepper.is_reduced = False
        while True:
            try:
                return self._try_update(batch, progress, weight)
            except Exception as error:
                if not devices.is_out_of_memory(error):
                    raise
                self._check_can_split(batch, error)
            # outside the handler, whose traceback would keep the failed attempt's tensors alive
            self.n_chunks *= 2
            self.stepper.optimizer.zero_grad(set_to_none=True)
            devices.free_memory(self.stepper.device)
            log.warning("out of memory: batches are now split into %d chunks, same effective batch", self.n_chunks)

    def _try_update(self, batch: Batch, progress: float, weight: float) -> Losses:
        total: dict[str, Tensor] = {}
        shares: dict[str, list[float]] = {}
        losses: Losses = {}
        n_images, device = len(batch[self.lead_stream].x), self.stepper.device
        # a small last batch: no chunk may be empty, as the mean of no images is NaN
        count = min(self.n_chunks, max(1, min(len(stream.x) for stream in batch.values()) // 2))
        for index, chunk in enumerate(split_batch(batch, count)):
            share = len(chunk[self.lead_stream].x) / n_images
            self.stepper.begin_chunk(share * weight, is_last_chunk=index == count - 1)
            with autocast_forward(device, self.autocast), allow_second_derivatives(self.strategy.derivatives):
                losses = self.strategy.step(self.net, chunk, progress, self.stepper)
            for name, loss in losses.items():
                part = share * loss.detach().float()
                total[name] = total[name] + part if name in total else part
                shares.setdefault(name, []).append(share)
        if total and not losses and count > 1:  # the last chunk had no loss, so no update was made yet
            self.stepper.apply_gradients()
        # a term that some chunks lack is averaged over the others
        return {n: t if len(shares[n]) == count else t / sum(shares[n]) for n, t in total.items()}

    def _check_can_split(self, batch: Batch, error: Exception) -> None:
        if self.strategy.whole_batch:
            raise RunFailed(
                f"out of memory on {self.stepper.device} with {len(batch[self.lead_stream].x)} images per batch. The "
                f"strategy {self.strategy.name} compares the images of a batch with each other, so that a split batch "
                "would minimize something else; use a smaller batch_size, smaller images, a smaller backbone or fewer "
                "moving stages"
            ) from error
        # chunks of one image have no batch statistics; a strategy with several updates per batch
        # cannot accumulate the gradients of its second update before the first has been made; and
        # gradients that all processes have averaged already are not averaged again
        smallest = len(batch[self.lead_stream].x) // (self.n_chunks * 2) < 2
        if smallest or type(self.strategy).step is not Strategy.step or self.stepper.is_reduced:
            raise RunFailed(
                f"out of memory on {self.stepper.device}, with batches in {self.n_chunks} chunks; take smaller images, "
                "a smaller batch_size, a smaller backbone or fewer moving stages"
            ) from error


def allow_second_derivatives(derivatives: int) -> contextlib.AbstractContextManager[object]:
    """Return a context in which attention has derivatives of that order; torch's fused kernels have only the first."""
    return sdpa_kernel(SDPBackend.MATH) if derivatives > 1 else contextlib.nullcontext()


def split_batch(batch: Batch, n_chunks: int) -> Iterator[dict[str, Examples]]:
    """Split a batch into `n_chunks` nearly equal parts, stream by stream."""
    if n_chunks == 1:
        yield dict(batch)
        return
    parts = {name: list(split_examples(examples, n_chunks)) for name, examples in batch.items()}
    for index in range(n_chunks):
        yield {name: part[index] for name, part in parts.items()}


def split_examples(examples: Examples, n_chunks: int) -> Iterator[Examples]:
    """Split one stream's examples into `n_chunks` nearly equal parts."""
    labels = [None] * n_chunks if examples.y is None else examples.y.tensor_split(n_chunks)
    return (Examples(x, y) for x, y in zip(examples.x.tensor_split(n_chunks), labels, strict=True))
