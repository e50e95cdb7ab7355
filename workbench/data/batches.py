"""Batches of a training run: step s of epoch e is a pure function of the seed."""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from workbench.data.pixels.augmentation import augment_images
from workbench.errors import BadData, BadValue

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

T = TypeVar("T")

PREFETCH_BATCHES = 3  # batches prefetched
MISSING_FOLDER_BATCH = 4  # a batch of at least this many images, all unreadable: its folder is missing


class PixelBatch(NamedTuple):
    """Decoded squares `x (B, 3, S, S)` uint8, labels `y` and view keys `keys (B,)`, one random view per image."""

    x: Tensor
    y: Tensor | None
    keys: Tensor

    def to_views(self, device: torch.device, size: int, kind: str) -> tuple[Tensor, Tensor | None]:
        """Compute the views on `device`: x (B, 3, S, S) uint8 -> (B, 3, size, size) in [0, 1], with the labels."""
        x = augment_images(self.x.to(device, non_blocking=True), size, kind, self.keys.to(device, non_blocking=True))
        return x, None if self.y is None else self.y.to(device, non_blocking=True)


class Batches:
    """Batches of one task, reproducible from any step on.

    Args:
        images: images with a train split, and a target domain if a strategy reads one.
        needs: streams to provide, `labelled` or `unlabelled` or both.
        size: edge of the net's input, in pixels.
        interpolation, crop_pct, crop_mode, fill, pixel_range: resizing of images to squares, as in `Images.view`.
        batch_size: images per stream and batch, over all processes together.
        seed: seed of the order and the views.
        rank, world_size: index of this process and number of processes that share a batch.

    Attributes:
        lead_stream: stream whose images define an epoch: `labelled`, or the first one if that is not read.

    Raises:
        BadData: a stream that the images do not provide, or no training images.
        BadValue: no stream at all.
    """

    def __init__(
        self,
        images: Images,
        needs: tuple[str, ...],
        *,
        size: int,
        interpolation: str = "bilinear",
        crop_pct: float = 0.875,
        crop_mode: str = "center",
        fill: tuple[int, int, int] = (0, 0, 0),
        pixel_range: tuple[float, float] | None = None,
        batch_size: int = 32,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.images, self.size, self.batch_size, self.seed = images, size, batch_size, seed
        self.rank, self.world_size = rank, world_size
        if not needs:
            raise BadValue("expected at least one stream in the strategy's `needs` (labelled, unlabelled), got none")
        self.lead_stream = "labelled" if "labelled" in needs else needs[0]
        self.stream_images = {name: select_stream(images, name) for name in needs}
        self.labels = {
            n: None if n == "unlabelled" else torch.from_numpy(p.labels()) for n, p in self.stream_images.items()
        }
        view_options = (size, interpolation, crop_pct, crop_mode, fill, pixel_range)
        self.views = {name: subset.view(*view_options) for name, subset in self.stream_images.items()}
        self._order_cache: dict[int, tuple[int, np.ndarray]] = {}
        self.n_images = len(self.stream_images[self.lead_stream])
        whole, rest = divmod(self.n_images, batch_size)
        # a batch of one image has no batch statistics: it is left out, a different image in each epoch
        self.steps = whole + (rest > 1 or not whole)

    def iter_epoch(self, epoch: int, start: int = 0, view_index: int | None = None) -> Iterator[dict[str, PixelBatch]]:
        """Iterate over the batches of an epoch from step `start` on, prefetched by a thread.

        Args:
            view_index: index of the views; that of the epoch if None.
        """
        return prefetch_batches(
            lambda step: self.load_batch(epoch, step, view_index), range(start, self.steps), PREFETCH_BATCHES
        )

    def load_batch(
        self, epoch: int, step: int, view_index: int | None = None, ranks: Sequence[int] | None = None
    ) -> dict[str, PixelBatch]:
        """Load batch `step` of `epoch`; it depends on nothing but the seed.

        Args:
            view_index: index of the views; that of the epoch if None.
            ranks: processes whose shares are read; this process if None.
        """
        view_index = epoch if view_index is None else view_index
        return {
            name: self.read_images(name, self.batch_indices(name, epoch, step, ranks), view_index, ranks)[0]
            for name in self.stream_images
        }

    def batch_indices(self, name: str, epoch: int, step: int, ranks: Sequence[int] | None = None) -> np.ndarray:
        """Compute the indices of a batch's images within the images of their stream.

        Args:
            ranks: processes whose shares of the batch are returned; this process if None.
        """
        order = self._epoch_order(len(self.stream_images[name]), list(self.stream_images).index(name), epoch)
        positions = np.arange(step * self.batch_size, min((step + 1) * self.batch_size, self.n_images))
        batch = order[positions % len(order)]
        return np.concatenate([batch[rank :: self.world_size] for rank in (ranks or [self.rank])])

    def stream_view_keys(self, name: str, indices: np.ndarray, view_index: int) -> Tensor:
        """Compute the view keys of images of a stream, (n,) int64."""
        return torch.from_numpy(view_keys(indices, self.seed, view_index, list(self.stream_images).index(name)))

    def as_single_process(self) -> Batches:
        """Copy these batches for a single process, not shared with others."""
        batches = copy.copy(self)
        batches.rank, batches.world_size = 0, 1
        return batches

    def read_images(
        self, name: str, indices: np.ndarray, view_index: int, ranks: Sequence[int] | None = None
    ) -> tuple[PixelBatch, np.ndarray]:
        """Read the images that can be decoded, with a mask (n,) bool of these.

        Args:
            ranks: processes whose shares these are. If it is only this one of several, another process may have
                readable images.

        Raises:
            BadData: none of more than a few images can be read.
        """
        x, readable = self.views[name].load_batch(indices)
        is_whole_batch = self.world_size == 1 or ranks is not None
        if is_whole_batch and len(indices) >= MISSING_FOLDER_BATCH and not readable.any():
            raise BadData(
                f"none of the {len(indices)} images of a batch of {self.images.name} can be read; if their folder was "
                "moved, put it back and resume"
            )
        rows, labels = indices[readable], self.labels[name]
        batch = PixelBatch(
            x, None if labels is None else labels[torch.from_numpy(rows)], self.stream_view_keys(name, rows, view_index)
        )
        if torch.cuda.is_available():
            batch = PixelBatch(*(None if t is None else t.pin_memory() for t in batch))  # type: ignore[arg-type]
        return batch, readable

    def _epoch_order(self, n_images: int, index: int, epoch: int) -> np.ndarray:
        cached = self._order_cache.get(index)
        if cached is None or cached[0] != epoch:
            cached = self._order_cache[index] = (epoch, epoch_permutation(n_images, self.seed, (index, epoch)))
        return cached[1]


def select_stream(images: Images, name: str) -> Images:
    """Select the training images of a stream: labelled is the source domain, unlabelled the target domain.

    Raises:
        BadData: the images do not provide the stream, or lack images of classes that they name.
    """
    if name != "unlabelled" and images.missing_classes:
        raise BadData(
            f"{images.name} has no image of {', '.join(images.missing_classes):.200}, so it cannot be used for "
            "training: it was opened for evaluation. To train, remove these names from classes=, or add images of them"
        )
    if name == "unlabelled":
        if images.target is None:
            domains = f"the domains are {', '.join(images.domains)}" if images.domains else "they have no domains"
            raise BadData(
                f"the strategy reads unlabelled target images, but {images.name} has no target domain ({domains}); "
                "open the images with target_domain=..., and source_domain=... for the labelled ones"
            )
        selected = images.target.subset("train")
    else:
        selected = images.source.subset("train")
    if not len(selected):
        raise BadData(f"{images.name} has no training images for the {name} stream")
    return selected


def epoch_permutation(n_images: int, seed: int, key: tuple[int, int]) -> np.ndarray:
    """Return the order of `n_images` images in one epoch of one stream."""
    return np.random.default_rng([seed, *key]).permutation(n_images)


def view_keys(rows: np.ndarray, seed: int, epoch: int, index: int) -> np.ndarray:
    """Compute one key per view (B,) int64, spread over all bits (splitmix64)."""
    with np.errstate(over="ignore"):
        z = rows.astype(np.uint64) + np.uint64((seed * 1_000_003 + epoch) * 8 + index) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((z ^ (z >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)


def prefetch_batches(read: Callable[[int], T], steps: range, depth: int) -> Iterator[T]:
    """Yield `read(step)` for each step, with up to `depth` results prefetched by one thread."""
    ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(depth)
    left = threading.Event()

    def work() -> None:
        for step in steps:
            try:
                item: tuple[T | None, BaseException | None] = (read(step), None)
            except BaseException as error:  # raised again in the consumer's thread
                item = (None, error)
            while not left.is_set():
                try:
                    ready.put(item, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if left.is_set() or item[1] is not None:
                return

    threading.Thread(target=work, daemon=True, name="workbench-batches").start()
    try:
        for _ in steps:
            value, error = ready.get()
            if error is not None:
                raise error
            yield value  # type: ignore[misc]
    finally:
        left.set()
