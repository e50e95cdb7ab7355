"""View of images as decoded squares at the input size of a net, read by training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from workbench.argument_checks import check_arguments
from workbench.data.items import Items
from workbench.data.pixels.decoding import ResizeConfig
from workbench.data.pixels.pixel_cache import PixelCache
from workbench.errors import escape_returned_text


class View:
    """Images of a set as squares of one size.

    Args:
        items: the set.
        rows: (N,) indices of its rows, in this view's order.
        size: edge of the net's input, in pixels.
        resize_config: conversion of images to the cached squares.
    """

    @check_arguments
    def __init__(self, items: Items, rows: np.ndarray, size: int, resize_config: ResizeConfig) -> None:
        self.items, self.rows, self.size, self.resize_config = items, rows, size, resize_config

    @property
    def stored_size(self) -> int:
        """Edge of the cached squares, in pixels."""
        return self.resize_config.edge

    def __len__(self) -> int:
        return len(self.rows)

    @escape_returned_text
    def __repr__(self) -> str:
        return f"View of {len(self)} images, {self.size} px out of {self.stored_size}"

    @property
    def pixel_cache(self) -> PixelCache:
        """Cache of the squares; shared by all views of the set with this resize config, opened on first use."""
        if self.resize_config not in self.items.caches:
            # generated images have a cache of their own: they are neither read nor stored
            open_cache = getattr(self.items.pixel_source, "open_pixel_cache", PixelCache)
            self.items.caches[self.resize_config] = open_cache(self.items, self.resize_config)
        return self.items.caches[self.resize_config]

    @check_arguments
    def load_batch(self, rows: Any) -> tuple[torch.Tensor, np.ndarray]:
        """Load the squares of some rows; those not cached yet are decoded now.

        Args:
            rows: (n,) indices into this view.

        Returns:
            (m, 3, S, S) uint8 squares of the m readable rows, and a mask (n,) bool of these. The others are listed in
            the images' problems.

        Raises:
            Unavailable: the folder of the images is missing.
        """
        squares, readable = self.pixel_cache.gather(self.rows[np.asarray(rows, np.int64)])
        return torch.from_numpy(squares), readable

    @check_arguments
    def fill_cache(self, rows: Any = None, stop: Any = None) -> Iterator[int]:
        """Decode rows ahead on all cores; yield how many are done.

        May be interrupted at any time and resumed, in this process or while others decode too.

        Args:
            rows: indices into this view; None for all.
            stop: function that returns True to end, or a `threading.Event`.
        """
        chosen = self.rows if rows is None else self.rows[np.asarray(rows, np.int64)]
        is_stopped: Callable[[], bool] = getattr(stop, "is_set", None) or stop or (lambda: False)
        return self.pixel_cache.fill(chosen, is_stopped)
