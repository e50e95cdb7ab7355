"""Rendering of images of the world by index, with the same pixels alone and in any batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from workbench.data.world.factors import FACTOR_NAMES
from workbench.data.world.indexed_random import GeneratorSlice, IndexedGenerator
from workbench.data.world.scene import compose_scene
from workbench.data.world.styles import paint_scene

DrawFunction = Callable[[int, Tensor, IndexedGenerator], Tensor]
PIXELS_PER_BATCH = 32 * 64 * 64  # pixels per channel rendered together: the size of a processor's cache


def render_scenes(codes: Tensor, index: Tensor, size: int, seed: int = 0, clutter: int = 0) -> Tensor:
    """Render images (B, 3, size, size) uint8.

    Args:
        codes: (B, factors) int64 on the device that renders, in the order of `factors.FACTOR_NAMES`.
        index: (B,) int64, the images' indices in the unlimited world.
        size: image size in pixels, 32 to 224.
        seed: seed of the world.
        clutter: number of additional objects on the background.
    """

    def draw(style: int, rows: Tensor, rng: IndexedGenerator) -> Tensor:
        return paint_scene(compose_scene(codes[rows], rng, size, clutter), rng, style)

    return render_by_kind(codes[:, FACTOR_NAMES.index("style")], index, size, seed, draw)


def render_by_kind(kinds: Tensor, index: Tensor, size: int, seed: int, draw: DrawFunction) -> Tensor:
    """Render images (B, 3, size, size) uint8 grouped by kind, in batches that fit the processor's cache.

    Args:
        kinds: (B,) int64; images of one kind are rendered together.
        index, size, seed: as for `render_scenes`.
        draw: function of kind, rows and their random generator that returns those images.
    """
    if not len(kinds):
        return torch.empty((0, 3, size, size), dtype=torch.uint8, device=kinds.device)
    order = kinds.argsort(stable=True)
    generator, cache, images = IndexedGenerator(seed, index[order]), {}, []
    batch_size = max(1, PIXELS_PER_BATCH // size**2) if kinds.device.type == "cpu" else len(kinds)
    stop = 0
    for kind, count in zip(*(t.tolist() for t in torch.unique(kinds, return_counts=True)), strict=True):
        start, stop = stop, stop + count
        for first in range(start, stop, batch_size):
            batch = slice(first, min(first + batch_size, stop))
            images.append(draw(kind, order[batch], GeneratorSlice(generator, batch, cache)))
    return torch.cat(images).index_select(0, order.argsort())
