"""What is known of every image of a source before anything is decoded: plain arrays, a row an image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.images.grey_levels import Scale
from workbench.images.image_files import LIMIT
from workbench.images.origins import Origin
from workbench.images.shifts import Shift

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "valid", "test")
UNDECIDED = -1


@dataclass
class Labels:
    """Labels as numbers, and what the numbers mean.

    Attributes:
        kind: classes (one label an image), tags (0 or 1 a column), tasks (one class a column).
        values: classes: (N,) int64; tags: (N, K) float32; tasks: (N, T) int64.
        tasks: task -> its classes; a set of classes or tags has the one task "".
        note: what a person should know of how the labels were read; empty where there is nothing.
    """

    kind: str
    values: np.ndarray
    tasks: dict[str, tuple[str, ...]]
    note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Classes or tags; the classes of tasks one after another, as `task: class`."""
        if self.kind != "tasks":
            return self.tasks[""]
        return tuple(f"{task}: {name}" for task, names in self.tasks.items() for name in names)


@dataclass
class Items:
    """The rows of one source.

    Attributes:
        name: what the set is called.
        origin: where its pixels come from.
        at: (N,) each row's place in the origin.
        ids: one word an image, unique.
        anchors: what the split of each row is decided by; the ids unless pixels repeat.
        splits: (N,) 0 train, 1 valid, 2 test, -1 not yet decided.
        domains: (N,) index into `domain_names`, -1 for none.
        shifts: a made shift for each domain or, of length 1, for all; empty for none.
        extra: further columns of a table.
        left_out: (id, path, reason) of what was left out at opening.
        unreadable: row -> reason, found while reading.
        clipped: row -> share of its pixels beyond the scale of greys, found while reading.
        pixel_range: the values of deep greys that become black and white; None where there are none.
        range_sample: how many images that scale was found from; 0 where a person gave it.
        max_pixels: the most pixels of a picture that may be decoded.
        notes: sentences on what was decided at opening, for a person to check.
        absent: classes without an image, named for a net that knows them.
    """

    name: str
    origin: Origin
    at: np.ndarray
    ids: list[str]
    labels: Labels
    splits: np.ndarray
    domains: np.ndarray
    domain_names: tuple[str, ...] = ()
    anchors: list[str] | None = None
    shifts: tuple[Shift | None, ...] = ()
    extra: pd.DataFrame | None = None
    left_out: list[tuple[str, str | None, str]] = field(default_factory=list)
    unreadable: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    clipped: dict[int, float] = field(default_factory=dict)
    looked: bool = False
    pixel_range: Scale | None = None
    range_sample: int = 0
    max_pixels: int = LIMIT
    shelves: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> Items:
        """The given rows, in their order."""
        return replace(
            self,
            at=self.at[rows],
            ids=[self.ids[r] for r in rows],
            labels=replace(self.labels, values=self.labels.values[rows]),
            splits=self.splits[rows],
            domains=self.domains[rows],
            anchors=None if self.anchors is None else [self.anchors[r] for r in rows],
            extra=None if self.extra is None else self.extra.iloc[rows].reset_index(drop=True),
            unreadable={},
            clipped={},
            shelves={},
        )

    def path(self, row: int) -> str | None:
        """The file of a row."""
        return self.origin.path(int(self.at[row]))

    def read(self, row: int) -> bytes | np.ndarray:
        """The undecoded content of a row."""
        return self.origin.read(int(self.at[row]))

    def shift(self, row: int) -> Shift | None:
        """The made shift of a row."""
        if not self.shifts:
            return None
        return self.shifts[0 if len(self.shifts) == 1 else int(self.domains[row])]

    def anchor(self, row: int) -> str:
        """What a row's random numbers and split are decided by."""
        return self.ids[row] if self.anchors is None else self.anchors[row]

    def key(self, row: int, content: bytes) -> bytes:
        """What the stored pixels of a row go by: its content and, if it has one, its shift."""
        shift = self.shift(row)
        if shift is None:
            return content
        words = f"{shift}\0{self.anchor(row)}".encode("utf-8", "surrogateescape")
        return hashlib.blake2b(content + words, digest_size=16).digest()

    def __getstate__(self) -> dict[str, Any]:
        # memory maps and locks stay behind; the other process opens its own
        return {**self.__dict__, "shelves": {}}
