"""Batches of one phase of a training: pixels, or cached activations of the frozen layers."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.data.batches import PREFETCH_BATCHES, Batches, PixelBatch, prefetch_batches
from workbench.data.labeled_images import Images
from workbench.data.views import View
from workbench.nets.net import Net
from workbench.nets.partition.activations import Activations
from workbench.nets.partition.partition import Partition
from workbench.nets.partition.tracing import Untraceable
from workbench.plan import Schedule
from workbench.storage import cache_keys
from workbench.storage.cached_activations import CachedActivations
from workbench.storage.cached_reading import CachedReader, FetchedBatch, compute_missing_rows, fetch_batch
from workbench.strategies import Examples
from workbench.tunings import MovingWeights

log = logging.getLogger("workbench")

MAX_BYTES_RATIO = 8  # activations of more bytes than so many times the image's pixels are not worth reading


class BatchFeed:
    """Batches of one phase of a training, and the views for its validation.

    Args:
        moving: moving weights of the phase.
        device: device of the run.
        autocast: dtype of forward passes.
    """

    def __init__(
        self,
        net: Net,
        batches: Batches,
        schedule: Schedule,
        moving: MovingWeights,
        device: torch.device,
        autocast: torch.dtype | None,
    ) -> None:
        self.net, self.batches, self.schedule, self.device = net, batches, schedule, device
        self.phase = moving.phase
        frozen = moving.lr_multipliers[0] == 0
        self.partition = (
            self._make_partition(moving, autocast) if frozen and schedule.cache_activations != "off" else None
        )
        # without the cache the same views are used, so that the result is the same; a net that cannot be partitioned
        # gains nothing from a limited number of views
        self.n_views = (
            schedule.augment_views
            if self.partition is not None or (frozen and schedule.cache_activations == "off")
            else 0
        )
        if schedule.augment == "none":
            self.n_views = 1
        # of training views; center views are cached in any case
        self.uses_cache = self.partition is not None and self.n_views > 0
        self._sources: dict[str, CachedActivations] = {}
        self._pixels_logged = False

    def view_index(self, epoch: int) -> int:
        """Return the index of the random view that an epoch uses."""
        return epoch % self.n_views if self.n_views else epoch

    def iter_epoch(self, epoch: int, start: int = 0) -> Iterator[dict[str, Examples]]:
        """Iterate over the batches of an epoch from step `start` on, as a strategy receives them."""
        view_index, batches = self.view_index(epoch), self.batches
        if not self.uses_cache:
            with contextlib.closing(batches.iter_epoch(epoch, start, view_index)) as stream:  # type: ignore[type-var]
                for batch in stream:
                    yield show_batch(batch, self.device, batches.size, self.schedule.augment)
            return
        steps = range(start, batches.steps)
        streams = {name: self._make_stream(name, view_index) for name in batches.stream_images}
        fetched = prefetch_batches(
            lambda step: {n: s.fetch(batches.batch_indices(n, epoch, step)) for n, s in streams.items()},
            steps,
            PREFETCH_BATCHES,
        )
        with contextlib.closing(fetched):  # type: ignore[type-var]
            for parts in fetched:
                yield {name: streams[name].make_examples(part) for name, part in parts.items()}

    def read_batch(self, epoch: int, step: int, ranks: Sequence[int]) -> dict[str, Examples]:
        """Read a batch made of the shares of some processes, without reading ahead."""
        view_index, batches = self.view_index(epoch), self.batches
        if not self.uses_cache:
            return show_batch(
                batches.load_batch(epoch, step, view_index, ranks), self.device, batches.size, self.schedule.augment
            )
        streams = {name: self._make_stream(name, view_index) for name in batches.stream_images}
        return {
            n: s.make_examples(s.fetch(batches.batch_indices(n, epoch, step, ranks), ranks)) for n, s in streams.items()
        }

    def make_view_reader(self, part: Images) -> CachedReader | None:
        """Return the reader of a part's cached center views, for evaluation; None if evaluation reads pixels."""
        if self.partition is None:
            return None
        pre = self.net.preprocessing
        view = part.view(**pre.view_options)
        return CachedReader(self._get_source(view, cache_keys.describe_view(view), part.name))

    def flush(self) -> None:
        """Write the cached activations to disk."""
        for source in self._sources.values():
            source.flush()

    def _make_stream(self, name: str, view_index: int) -> StreamReader:
        batches, kind = self.batches, self.schedule.augment
        index = list(batches.stream_images).index(name)
        view = batches.views[name]
        view_key = cache_keys.describe_view(view, kind, batches.seed, view_index, index)
        return StreamReader(self._get_source(view, view_key, batches.stream_images[name].name), self, name, view_index)

    def _get_source(self, view: View, view_key: str, images: str) -> CachedActivations:
        # one source per view: rows that are added are visible to all its readers
        name = f"{view_key} {len(view)} {hash(view.rows.tobytes())}"
        if name not in self._sources:
            assert self.partition is not None
            labels = {
                "net": str(self.net.choice),
                "cut": f"after {self.partition.last_frozen_stage}",
                "images": images,
                "view": view_key,
            }
            self._sources[name] = CachedActivations(
                self.partition, view, view_key, self.schedule.cache_activations, self.device, labels
            )
        return self._sources[name]

    def _make_partition(self, moving: MovingWeights, autocast: torch.dtype | None) -> Partition | None:
        stages = {stage.name for stage, rate in zip(self.net.stages, moving.lr_multipliers, strict=True) if rate > 0}
        view = self.batches.views[self.batches.lead_stream]
        try:
            partition = Partition(self.net, stages, autocast, moving.names)
        except Untraceable as error:
            log.info("frozen layers are computed in every epoch: this net cannot be partitioned there, %s", error)
            return None
        if 2 * partition.n_values > MAX_BYTES_RATIO * 3 * view.stored_size**2:
            log.info("frozen layers are computed in every epoch: %d values per image are too many", partition.n_values)
            return None
        views = self.schedule.augment_views
        views_text = f"{views} views per image" if views else "training views are new and not cached (augment_views=0)"
        views_text = "the center view" if self.schedule.augment == "none" else views_text
        log.info(
            "frozen layers are computed once, up to %s: %d values per image, %s",
            partition.last_frozen_stage,
            partition.n_values,
            views_text,
        )
        return partition

    def read_pixels(self, image_index: Tensor) -> Tensor:
        """Read the pixels (B, 3, S, S) of some rows of `image_index`, which holds stream, index and key of a view."""
        if not self._pixels_logged:
            self._pixels_logged = True
            log.info("the strategy needs pixels too: they are loaded in addition to the cached activations")
        x = torch.zeros(len(image_index), 3, self.batches.size, self.batches.size, device=self.device)
        for index, name in enumerate(self.batches.stream_images):
            rows = torch.nonzero(image_index[:, 0] == index).flatten()
            if not len(rows):
                continue
            indices, views = image_index[rows, 1].numpy(), image_index[rows, 2]
            squares, is_readable = self.batches.views[name].load_batch(indices)
            readable = torch.from_numpy(is_readable)
            batch = PixelBatch(squares, None, views[readable])
            x[rows[readable].to(self.device)] = batch.to_views(self.device, self.batches.size, self.schedule.augment)[0]
        return x.contiguous(memory_format=torch.channels_last)


class StreamReader:
    """Reader of one stream of a strategy's batches.

    Args:
        name: name of the stream.
        view_index: index of the random view of each image.
    """

    def __init__(self, source: CachedActivations, feed: BatchFeed, name: str, view_index: int) -> None:
        self.source, self.feed, self.name, self.view_index = source, feed, name, view_index

    def fetch(self, indices: np.ndarray, ranks: Sequence[int] | None = None) -> FetchedBatch:
        """Fetch the cached activations of some images, and the pixels of the others.

        Args:
            ranks: processes whose shares these are, as for `Batches.read_images`.
        """
        return fetch_batch(
            self.source, indices, lambda rows: self.feed.batches.read_images(self.name, rows, self.view_index, ranks)
        )

    def make_examples(self, fetched: FetchedBatch) -> Examples:
        """Return the images as a strategy receives them."""
        feed, batches = self.feed, self.feed.batches
        flat = compute_missing_rows(self.source, fetched, batches.size, feed.schedule.augment, batches.batch_size)
        indices, labels = torch.from_numpy(fetched.indices), batches.labels[self.name]
        y = None if labels is None else labels[indices].to(feed.device, non_blocking=True)
        if flat is None:
            return Examples(torch.zeros(0, 3, batches.size, batches.size, device=feed.device), y)
        index = torch.full_like(indices, list(batches.stream_images).index(self.name))
        image_index = torch.stack(
            [index, indices, batches.stream_view_keys(self.name, fetched.indices, self.view_index)], dim=1
        )
        shape = (len(indices), 3, batches.size, batches.size)
        return Examples(
            Activations(self.source.partition, self.source.unflatten(flat), image_index, feed.read_pixels, shape), y
        )


def show_batch(batch: dict[str, PixelBatch], device: torch.device, size: int, augment: str) -> dict[str, Examples]:
    """Return a batch as pixels: views on the device, in [0, 1], channels last."""
    pairs = {name: stream.to_views(device, size, augment) for name, stream in batch.items()}
    return {name: Examples(x.contiguous(memory_format=torch.channels_last), y) for name, (x, y) in pairs.items()}
