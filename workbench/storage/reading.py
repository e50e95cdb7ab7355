"""Images as stored activations: what the store has is read, the rest is computed from pixels and stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workbench.images.batches import Drawn
from workbench.images.crops import centre
from workbench.nets.activations import Activations
from workbench.nets.measure import at_once
from workbench.storage.source import Source


class Fetched(NamedTuple):
    """Some images of a stream: those stored, and the pixels of the others.

    Attributes:
        places: (n,) of the images that can be read.
        stored: (n,) bool, which of them the store has.
        rows: what it has, (m, numbers); None where that is nothing.
        pixels: of the others; None where that is nothing.
        kept: which of the images that were asked for can be read.
    """

    places: np.ndarray
    stored: np.ndarray
    rows: Tensor | None
    pixels: Drawn | None
    kept: np.ndarray


class Reading:
    """The centre views of some images, as evaluation reads them."""

    count = 128  # what is stored is read in larger pieces than a CPU's cache would hold of a layer's maps

    def __init__(self, source: Source) -> None:
        self.source = source

    def fetch(self, rows: np.ndarray) -> Fetched:
        """What the store has of some rows, and the squares of the others."""
        return fetch(self.source, rows, self._squares)

    def show(self, fetched: Fetched) -> tuple[Tensor, np.ndarray]:
        """Activations that stand for the views."""
        view = self.source.view
        flat = filled(self.source, fetched, view.size, "none", at_once(self.source.place))
        if flat is None:
            return torch.zeros(0), fetched.kept
        where = torch.from_numpy(fetched.places)[:, None]
        shape = (len(where), 3, view.size, view.size)
        return Activations(self.source.cut, self.source.parts(flat), where, self._pixels, shape), fetched.kept

    def _squares(self, rows: np.ndarray) -> tuple[Drawn, np.ndarray]:
        x, kept = self.source.view.batch(rows)
        return Drawn(x, None, torch.zeros(len(x), dtype=torch.int64)), kept

    def _pixels(self, where: Tensor) -> Tensor:
        x, _ = self.source.view.batch(where[:, 0].numpy())
        return centre(x.to(self.source.place), self.source.view.size).float() / 255


def fetch(source: Source, places: np.ndarray, read: Callable[[np.ndarray], tuple[Drawn, np.ndarray]]) -> Fetched:
    """What the store has of some images; `read` gives the pixels of others, and which of them can be read."""
    stored = source.has(places)
    pixels, kept = None, np.ones(len(places), bool)
    if not stored.all():
        pixels, kept[~stored] = read(places[~stored])
    rows = source.read(places[stored]) if stored.any() else None
    return Fetched(places[kept], stored[kept], rows, pixels, kept)


def filled(source: Source, fetched: Fetched, size: int, kind: str, batch: int) -> Tensor | None:
    """The rows of all images fetched (n, numbers): those not stored are computed now, and stored.

    Args:
        batch: images that the frozen part is given at a time, the last ones filled up: what it gives for an image
            then does not depend on which others are missing with it.
    """
    rows, pixels, stored = fetched.rows, fetched.pixels, torch.from_numpy(fetched.stored)
    if pixels is None or not len(pixels.x):
        return rows
    x, _ = pixels.show(source.place, size, kind)
    pieces = [source.cut.frozen(piece) for piece in _filled_up(x, batch).split(batch)]
    parts = [torch.cat(same)[: len(x)] for same in zip(*pieces, strict=True)]
    new = source.add(fetched.places[~fetched.stored], parts)
    if rows is None:
        return new
    flat = new.new_empty((len(stored), new.shape[1]))
    flat[stored.to(flat.device)], flat[~stored.to(flat.device)] = rows, new
    return flat


def _filled_up(x: Tensor, batch: int) -> Tensor:
    """Images (N, 3, H, W) and copies of the first, up to a multiple of a batch."""
    more = x[:1].expand(-len(x) % batch, -1, -1, -1)
    return torch.cat([x, more]).contiguous(memory_format=torch.channels_last)
