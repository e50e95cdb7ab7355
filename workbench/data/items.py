"""Items: everything known about the images of a source before decoding, as plain arrays with one row per image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.data.domain_shifts import Shift
from workbench.data.pixels.image_files import DEFAULT_MAX_PIXELS
from workbench.data.pixels.pixel_ranges import PixelRange
from workbench.data.pixels.pixel_sources import PixelSource

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "valid", "test")
UNDECIDED = -1


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as numbers, with the names of their classes.

    Attributes:
        kind: classes (one label per image), tags (one column of 0 or 1 per tag), tasks (one class per column).
        values: classes: (N,) int64; tags: (N, K) float32; tasks: (N, T) int64.
        tasks: task -> its classes; a set of classes or tags has the one task "".
        note: remark for the user on how the labels were read; empty if there is none.
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
class ReadLog:
    """Findings about the rows of a set, filled in place while they are read.

    Attributes:
        unreadable: row -> reason.
        clipped_fractions: row -> fraction of its pixels outside the pixel range.
        is_checked: True once every file had its quick check.
    """

    unreadable: dict[int, str] = field(default_factory=dict)
    clipped_fractions: dict[int, float] = field(default_factory=dict)
    is_checked: bool = False


@dataclass(frozen=True, eq=False)
class Items:
    """Rows of one source, never changed: a step returns others, made by `take` or `dataclasses.replace`.

    Attributes:
        name: name of the set.
        pixel_source: source of the pixels.
        source_index: (N,) index of each row in the pixel source.
        ids: one unique name per image.
        hash_keys: strings that decide the split and the random numbers of each row; the ids unless pixels repeat.
        splits: (N,) 0 train, 1 valid, 2 test, -1 not yet decided.
        domains: (N,) index into `domain_names`, -1 for none.
        shifts: synthetic shift of each domain or, of length 1, of all; empty for none.
        extra: further columns of a table.
        excluded: (id, path, reason) of everything left out at opening.
        pixel_range: values of high-bit-depth greyscale displayed as black and white; None if there are none.
        n_range_samples: number of images that the range was estimated from; 0 if the user gave it.
        max_pixels: maximum number of pixels of an image to decode.
        notes: sentences on decisions at opening, for the user to check.
        missing_classes: classes without an image, named for a net that has them.
        read_log: findings while reading.
        caches: pixel caches by `ResizeConfig`, and the content hash of the storage room.
    """

    name: str
    pixel_source: PixelSource
    source_index: np.ndarray
    ids: list[str]
    labels: Labels
    splits: np.ndarray
    domains: np.ndarray
    domain_names: tuple[str, ...] = ()
    hash_keys: list[str] | None = None
    shifts: tuple[Shift | None, ...] = ()
    extra: pd.DataFrame | None = None
    excluded: list[tuple[str, str | None, str]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    missing_classes: tuple[str, ...] = ()
    pixel_range: PixelRange | None = None
    n_range_samples: int = 0
    max_pixels: int = DEFAULT_MAX_PIXELS
    read_log: ReadLog = field(default_factory=ReadLog)
    caches: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> Items:
        """Select the given rows, in their order."""
        return replace(
            self,
            source_index=self.source_index[rows],
            ids=[self.ids[r] for r in rows],
            labels=replace(self.labels, values=self.labels.values[rows]),
            splits=self.splits[rows],
            domains=self.domains[rows],
            hash_keys=None if self.hash_keys is None else [self.hash_keys[r] for r in rows],
            extra=None if self.extra is None else self.extra.iloc[rows].reset_index(drop=True),
            read_log=ReadLog(is_checked=self.read_log.is_checked),
            caches={},
        )

    def path(self, row: int) -> str | None:
        """Return the file of a row."""
        return self.pixel_source.path(int(self.source_index[row]))

    def read(self, row: int) -> bytes | np.ndarray:
        """Read the undecoded content of a row."""
        return self.pixel_source.read(int(self.source_index[row]))

    def shift(self, row: int) -> Shift | None:
        """Return the synthetic shift of a row."""
        if not self.shifts:
            return None
        return self.shifts[0 if len(self.shifts) == 1 else int(self.domains[row])]

    def hash_key(self, row: int) -> str:
        """Return the string that decides a row's random numbers and split."""
        return self.ids[row] if self.hash_keys is None else self.hash_keys[row]

    def cache_key(self, row: int, content: bytes) -> bytes:
        """Return the cache key of a row's pixels: its content and, if it has one, its shift."""
        shift = self.shift(row)
        if shift is None:
            return content
        words = f"{shift}\0{self.hash_key(row)}".encode("utf-8", "surrogateescape")
        return hashlib.blake2b(content + words, digest_size=16).digest()

    def __getstate__(self) -> dict[str, Any]:
        # memory maps and locks are not pickled; the other process opens its own
        return {**self.__dict__, "caches": {}}
