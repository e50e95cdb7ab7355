"""Decoded squares by row, at the size a net wants: what training reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from workbench.arguments import check_arguments
from workbench.errors import printable_text
from workbench.images.crops import augment, centre
from workbench.images.decoding import Framing
from workbench.images.items import Items
from workbench.images.shelf import Shelf

__all__ = ["View", "augment", "centre"]


class View:
    """The images of a set as squares of one size.

    Args:
        items: the set.
        rows: (N,) which of its rows, in this view's order.
        size: edge that the net wants, in pixels.
        framing: how pictures become the stored squares.
    """

    @check_arguments
    def __init__(self, items: Items, rows: np.ndarray, size: int, framing: Framing) -> None:
        self.items, self.rows, self.size, self.framing = items, rows, size, framing

    @property
    def stored(self) -> int:
        """Edge of the stored squares, in pixels."""
        return self.framing.edge

    def __len__(self) -> int:
        return len(self.rows)

    @printable_text
    def __repr__(self) -> str:
        return f"View of {len(self)} images, {self.size} px out of {self.stored}"

    @property
    def shelf(self) -> Shelf:
        """Where the squares lie; shared by all views of the set in this framing, opened on first use."""
        if self.framing not in self.items.shelves:
            # pictures that are drawn have a shelf of their own: they are neither read nor stored
            make = getattr(self.items.origin, "shelf", Shelf)
            self.items.shelves[self.framing] = make(self.items, self.framing)
        return self.items.shelves[self.framing]

    @check_arguments
    def batch(self, rows: Any) -> tuple[torch.Tensor, np.ndarray]:
        """The squares of some rows, decoded now where they are not stored yet.

        Args:
            rows: (n,) places in this view.

        Returns:
            (m, 3, S, S) uint8 squares of the m rows that can be read, and which of the n these are, (n,) bool.
            The others are listed in the images' problems.

        Raises:
            Unavailable: the folder of the images is gone.
        """
        squares, kept = self.shelf.gather(self.rows[np.asarray(rows, np.int64)])
        return torch.from_numpy(squares), kept

    @check_arguments
    def fill(self, rows: Any = None, stop: Any = None) -> Iterator[int]:
        """Decodes ahead on all cores; yields how many of the rows are done.

        May be left at any time and taken up again, in this process or beside others.

        Args:
            rows: places in this view; None for all.
            stop: a function that says when to end, or a `threading.Event`.
        """
        chosen = self.rows if rows is None else self.rows[np.asarray(rows, np.int64)]
        ask: Callable[[], bool] = getattr(stop, "is_set", None) or stop or (lambda: False)
        return self.shelf.fill(chosen, ask)
