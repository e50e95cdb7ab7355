"""Batches of cached activations: stored rows are read, missing ones are computed from pixels and stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workbench.data.batches import PixelBatch
from workbench.data.pixels.augmentation import center_crop
from workbench.nets.partition.activations import Activations
from workbench.nets.shape_inference import inference_batch_size
from workbench.storage.cached_activations import CachedActivations


class FetchedBatch(NamedTuple):
    """Images of a stream: rows of those that are stored, and the pixels of the others.

    Attributes:
        indices: (n,) positions of the images that can be read.
        is_stored: (n,) bool, True where the cache has the image.
        rows: stored rows, (m, values); None where there are none.
        pixels: pixels of the others; None where there are none.
        is_readable: bool for each requested image, True where it can be read.
    """

    indices: np.ndarray
    is_stored: np.ndarray
    rows: Tensor | None
    pixels: PixelBatch | None
    is_readable: np.ndarray


class CachedReader:
    """Reader of the center views of some images, as used by evaluation."""

    batch_size = 128  # larger than a CPU computes at once, where maps should fit its cache: stored rows are only read

    def __init__(self, cache: CachedActivations) -> None:
        self.cache = cache

    def fetch(self, rows: np.ndarray) -> FetchedBatch:
        """Fetch stored rows, and the pixels of the missing images."""
        return fetch_batch(self.cache, rows, self._read_views)

    def to_views(self, fetched: FetchedBatch) -> tuple[Tensor, np.ndarray]:
        """Return the activations that replace the views, and which images could be read."""
        view = self.cache.view
        flat = compute_missing_rows(self.cache, fetched, view.size, "none", inference_batch_size(self.cache.device))
        if flat is None:
            return torch.zeros(0), fetched.is_readable
        image_index = torch.from_numpy(fetched.indices)[:, None]
        shape = (len(image_index), 3, view.size, view.size)
        return Activations(
            self.cache.partition, self.cache.unflatten(flat), image_index, self._read_pixels, shape
        ), fetched.is_readable

    def _read_views(self, rows: np.ndarray) -> tuple[PixelBatch, np.ndarray]:
        x, is_readable = self.cache.view.load_batch(rows)
        return PixelBatch(x, None, torch.zeros(len(x), dtype=torch.int64)), is_readable

    def _read_pixels(self, image_index: Tensor) -> Tensor:
        x, _ = self.cache.view.load_batch(image_index[:, 0].numpy())
        return center_crop(x.to(self.cache.device), self.cache.view.size).float() / 255


def fetch_batch(
    cache: CachedActivations, indices: np.ndarray, read_views: Callable[[np.ndarray], tuple[PixelBatch, np.ndarray]]
) -> FetchedBatch:
    """Fetch stored rows of some images; `read_views` returns pixels of the others, and which of these can be read."""
    is_stored = cache.is_stored(indices)
    pixels, is_readable = None, np.ones(len(indices), bool)
    if not is_stored.all():
        pixels, is_readable[~is_stored] = read_views(indices[~is_stored])
    rows = cache.read(indices[is_stored]) if is_stored.any() else None
    return FetchedBatch(indices[is_readable], is_stored[is_readable], rows, pixels, is_readable)


def compute_missing_rows(
    cache: CachedActivations, fetched: FetchedBatch, image_size: int, kind: str, batch_size: int
) -> Tensor | None:
    """Return the rows (n, values) of all fetched images; missing ones are computed now, and stored.

    Args:
        batch_size: images per pass of the frozen part, the last batch padded: an image's output then does not depend
            on which other images are missing with it.
    """
    rows, pixels, is_stored = fetched.rows, fetched.pixels, torch.from_numpy(fetched.is_stored)
    if pixels is None or not len(pixels.x):
        return rows
    x, _ = pixels.to_views(cache.device, image_size, kind)
    pieces = [cache.partition.forward_frozen(piece) for piece in _pad_to_batch(x, batch_size).split(batch_size)]
    parts = [torch.cat(same)[: len(x)] for same in zip(*pieces, strict=True)]
    new = cache.add(fetched.indices[~fetched.is_stored], parts)
    if rows is None:
        return new
    flat = new.new_empty((len(is_stored), new.shape[1]))
    flat[is_stored.to(flat.device)], flat[~is_stored.to(flat.device)] = rows, new
    return flat


def _pad_to_batch(x: Tensor, batch_size: int) -> Tensor:
    """Pad images (N, 3, H, W) with copies of the first, up to a multiple of the batch size."""
    more = x[:1].expand(-len(x) % batch_size, -1, -1, -1)
    return torch.cat([x, more]).contiguous(memory_format=torch.channels_last)
