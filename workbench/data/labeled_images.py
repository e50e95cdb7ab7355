"""Class of labelled images with splits and domains, the input of everything else."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd

from workbench.annotated_types import Array, Count, Seed
from workbench.argument_checks import check_arguments
from workbench.data import display
from workbench.data.checks import integrity
from workbench.data.items import SPLITS, Items
from workbench.data.opening.load_options import NameOrNames, to_name_list
from workbench.data.pixels import range_estimation
from workbench.data.pixels.decoding import ResizeConfig
from workbench.data.pixels.pixel_ranges import PixelRange
from workbench.errors import BadValue, UnknownName, escape_returned_text
from workbench.forms import Range
from workbench.plan import Choice

if TYPE_CHECKING:
    from workbench.data.views import View

__all__ = ["Images"]


class Images:
    """Set of labelled images, decoded on first use.

    Attributes:
        name: name of the set.
        kind: classes (one label per image), tags (several, 0 or 1 each), or tasks (several, one class each).
        classes: names of classes or tags; of tasks one after another, as `task: class`.
        tasks: task -> its classes; a set of classes or tags has the one task "".
        items: all images of the set that these are a part of, with labels, splits and domains as arrays.
        rows: (N,) int64, which of the items these are, in order.
        choice: recipe; `wb.load_images(choice.name, **choice.params)` opens the same images.
        is_in_memory: True if the images have no recipe of their own (arrays, frames, data sets, subsets): a run stores
            them with `store_with`.
        source: images of the source domain; all images, unless domains were named.
        target: images of the target domain, or None.
    """

    @check_arguments
    def __init__(
        self,
        items: Items,
        choice: Choice | None = None,
        rows: np.ndarray | None = None,
        source_domain: NameOrNames = None,
        target_domain: NameOrNames = None,
    ) -> None:
        self.items = items
        self.rows = np.arange(len(items)) if rows is None else rows
        self.name, self.kind = items.name, items.labels.kind
        self.classes, self.tasks = items.labels.names, items.labels.tasks
        self.source_domains, self.target_domains = to_name_list(source_domain), to_name_list(target_domain)
        self.is_in_memory = choice is None
        self.choice = choice or Choice("stored", {"path": f"memory:{self.fingerprint}"})

    @property
    def domains(self) -> tuple[str, ...]:
        """Domains that occur."""
        codes = set(self.items.domains[self.rows].tolist())
        return tuple(name for code, name in enumerate(self.items.domain_names) if code in codes)

    @property
    def source(self) -> Images:
        """Images of the source domain."""
        return self.subset(domain=self.source_domains) if self.source_domains else self

    @property
    def target(self) -> Images | None:
        """Images of the target domain."""
        return self.subset(domain=self.target_domains) if self.target_domains else None

    @property
    def frame(self) -> pd.DataFrame:
        """Frame with one row per image: id, label or labels, split, domain, path, and further columns of a table."""
        return display.to_frame(self.items, self.rows)

    @property
    def problems(self) -> pd.DataFrame:
        """Every file and row that was left out, with its reason; files not checked at opening are checked now.

        Rows without an id concern the whole set: the range of its high-bit-depth greyscale, and images so elongated
        that much of them is outside the centre square.
        """
        items = self.items
        integrity.check_remaining_files(items)
        later = [(items.ids[row], items.path(row), why) for row, why in sorted(items.read_log.unreadable.items())]
        notes = [("", None, note) for note in display.list_notes(items, self.rows)]
        return pd.DataFrame([*items.excluded, *later, *notes], columns=["id", "path", "reason"])

    @property
    def pixel_range(self) -> tuple[float, float] | None:
        """Values of high-bit-depth greyscale displayed as black and white; None if the images have none."""
        return range_estimation.get_pixel_range(self.items)

    @property
    def notes(self) -> tuple[str, ...]:
        """Decisions made at opening that the user may want to overrule, one sentence each."""
        return (*self.items.notes, *display.list_notes(self.items, self.rows))

    @property
    def missing_classes(self) -> tuple[str, ...]:
        """Classes without an image in the source; they were named for a net that has them."""
        return self.items.missing_classes

    @property
    def duplicates(self) -> pd.DataFrame:
        """Images with the same content: id, split, twin, twin_split, same_split (False is leakage)."""
        from workbench.data.checks.duplicates import find_duplicates

        return find_duplicates(self.items, self.rows)

    @property
    def fingerprint(self) -> str:
        """Twelve characters that change with ids, labels, splits, domains or the pixel range, not with pixels."""
        items, rows = self.items, self.rows
        kinds = (self.kind, self.tasks, items.domain_names, items.shifts)
        kinds += () if items.pixel_range is None else (items.pixel_range,)
        state = hashlib.blake2b(repr(kinds).encode(), digest_size=6)
        state.update("\0".join(items.ids[r] for r in rows).encode("utf-8", "surrogateescape"))
        for column in (items.labels.values, items.splits, items.domains):
            state.update(np.ascontiguousarray(column[rows]).data)
        return state.hexdigest()

    def __len__(self) -> int:
        return len(self.rows)

    @escape_returned_text
    def __repr__(self) -> str:
        return display.format_summary(self.items, self.rows)

    def _repr_html_(self) -> str:
        return display.to_html(self.items, self.rows)

    @check_arguments
    def labels(self) -> np.ndarray:
        """Return classes (N,) int64, tags (N, K) float32, or tasks (N, T) int64."""
        return self.items.labels.values[self.rows]

    @check_arguments
    def subset(
        self, split: str | None = None, domain: NameOrNames = None, rows: Annotated[Any, Array(ndim=1)] | None = None
    ) -> Images:
        """Select a subset with the same classes, sharing the cached pixels.

        Args:
            split: train, valid or test.
            domain: one domain or several.
            rows: indices into this set, or a mask (N,); further choices apply to these.

        Raises:
            UnknownName: no such split or domain.
            BadValue: an index outside the set.
        """
        chosen = self.rows if rows is None else self.rows[_parse_rows(rows, len(self))]
        if split is not None:
            if split not in SPLITS:
                raise UnknownName.of("split", split, SPLITS)
            chosen = chosen[self.items.splits[chosen] == SPLITS.index(split)]
        if domain is not None:
            codes = [_domain_index(self.items, name) for name in to_name_list(domain)]
            chosen = chosen[np.isin(self.items.domains[chosen], codes)]
        return self.with_rows(chosen)

    @check_arguments
    def view(
        self,
        size: int,
        interpolation: str = "bilinear",
        crop_pct: float = 0.875,
        crop_mode: str = "center",
        fill: tuple[int, int, int] = (0, 0, 0),
        pixel_range: PixelRange | None = None,
    ) -> View:
        """Return the images as squares for a net; `net.preprocessing.view_options` are the arguments for that net.

        Args:
            size: edge in pixels, 1 to 4096.
            interpolation: interpolation of the resize.
            crop_pct: fraction of the resized shorter side that the net sees, in (0, 1].
            crop_mode: treatment of images that are not square: `center`, `squash` or `border`.
            fill: colour of the borders, 0 to 255.
            pixel_range: values of high-bit-depth greyscale that are black and white for the net; used instead of a
                range estimated for these images, but not of one that the user gave.

        Raises:
            BadValue: a size or fraction out of range; arrays in another range than the net's.
            UnknownName: unknown interpolation or crop mode.
        """
        from workbench.data.views import View

        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 1 <= size <= 4096:
            raise BadValue(f"expected the size of a view in pixels, a whole number from 1 to 4096; got {size!r}")
        if not 0 < crop_pct <= 1:
            raise BadValue(f"expected crop_pct above 0 and at most 1, got {crop_pct!r}")
        used_range = range_estimation.match_pixel_range(self.items, pixel_range)
        red, green, blue = fill if crop_mode == "border" else (0, 0, 0)
        edge = max(int(size), round(size / crop_pct))
        resize_config = ResizeConfig(edge, interpolation, crop_mode, (red, green, blue), used_range)
        return View(self.items, self.rows, int(size), resize_config)

    @check_arguments
    def class_counts(self) -> pd.DataFrame:
        """Count the images of each class in each split, by domain if there are several."""
        return display.count_classes(self.items, self.rows)

    @check_arguments
    def show(self, n_images: Count = 24, split: str | None = None, label: str | None = None, seed: Seed = 0) -> Any:
        """Plot `n_images` images drawn at random, with their labels, as a matplotlib figure."""
        return display.plot_images(self.items, self.rows, n_images, split, label, seed)

    @check_arguments
    def pixels(self, row: int, size: Annotated[int, Range(1, 4096)] | None = None) -> np.ndarray:
        """Decode one image for inspection: uint8 (H, W, 3), or its centre square at `size` pixels."""
        if not -len(self) <= row < len(self):
            raise BadValue(f"the set has the rows 0 to {len(self) - 1}; got {row}")
        return display.decode_row(self.items, int(self.rows[row]), size)

    @check_arguments
    def drop_unreadable(self, progress: bool = False) -> Images:
        """Return the images that can be decoded completely; the others are listed in `problems`.

        Args:
            progress: True shows a progress bar.

        Raises:
            BadData: no image can be decoded.
        """
        results = integrity.check_all_rows(self.items, self.rows)
        if progress:
            from tqdm.auto import tqdm

            results = tqdm(results, total=len(self), desc="checking", unit="image")
        reasons = {row: why for row, why in results if why}
        self.items.read_log.unreadable.update(reasons)
        rows = self.rows[~np.isin(self.rows, list(reasons))]
        if not len(rows):
            integrity.refuse_unreadable_set(self.items, reasons)
        return self.with_rows(rows)

    @check_arguments
    def with_rows(self, rows: np.ndarray) -> Images:
        """Return other rows of the same items; these images themselves if the rows are theirs.

        Args:
            rows: (N,) indices into `items`.
        """
        if len(rows) == len(self) and (rows == self.rows).all():
            return self
        return self.with_items(self.items, rows)

    @check_arguments
    def with_splits(self, splits: Annotated[Any, Array(ndim=1)]) -> Images:
        """Return the same images in other splits.

        Args:
            splits: (N,) for each item its index in `SPLITS`: train, valid, test.
        """
        return self.with_items(replace(self.items, splits=np.asarray(splits, np.int8), caches={}), self.rows)

    @check_arguments
    def with_items(self, items: Items, rows: np.ndarray) -> Images:
        """Return rows of changed items with the same source and target domains."""
        return Images(items, None, rows, source_domain=self.source_domains, target_domain=self.target_domains)

    @check_arguments
    def store_with(self, folder: str | os.PathLike[str]) -> Choice:
        """Write the images below `folder` and return the recipe that opens them again.

        Images that are files are written as a table of their paths, all others with their pixels.
        """
        from workbench.data.stored_images import store_items

        store_items(self.items.take(self.rows), folder, self.source_domains, self.target_domains)
        self.choice = Choice("stored", {"path": str(Path(folder).absolute() / "images")})
        return self.choice


def _parse_rows(rows: Any, n_images: int) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.dtype == bool and rows.shape == (n_images,):
        return np.flatnonzero(rows)
    if rows.size and rows.dtype.kind not in "iu":
        raise BadValue(
            f"expected rows as indices from 0 to {n_images - 1}, or a mask of length {n_images}; got {rows.dtype}"
        )
    rows = rows.astype(np.int64) if rows.size else rows.astype(np.int64).reshape(0)
    if rows.ndim != 1 or (rows.size and (rows.min() < -n_images or rows.max() >= n_images)):
        raise BadValue(f"expected rows as indices from 0 to {n_images - 1}, or a mask of length {n_images}")
    return rows


def _domain_index(items: Items, name: str) -> int:
    if name not in items.domain_names:
        hint = "" if items.domain_names else "these images have no domains; set them with domain= or layout="
        raise UnknownName.of("domain", name, items.domain_names, hint)
    return items.domain_names.index(name)
