"""Images with labels, splits and domains: what everything else is handed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName, printable_text
from workbench.forms import Range
from workbench.images import grey_scale, looking, soundness
from workbench.images.decoding import Framing
from workbench.images.grey_levels import Scale
from workbench.images.items import SPLITS, Items
from workbench.images.options import Words, words
from workbench.markers import Array, Seed, Several
from workbench.plan import Choice

if TYPE_CHECKING:
    from workbench.images.views import View


class Images:
    """A set of labelled images, of which nothing is decoded before it is needed.

    Attributes:
        name: what the set is called.
        kind: classes (one label an image), tags (several, 0 or 1 each), or tasks (several, one class each).
        classes: the names of classes or tags; of tasks one after another, as `task: class`.
        tasks: task -> its classes; a set of classes or tags has the one task "".
        choice: the recipe; `wb.images(choice.name, **choice.params)` opens the same.
        source: the part that is learnt from; everything, unless domains were named.
        target: the part that is adapted to, or None.
    """

    @check_arguments
    def __init__(
        self,
        items: Items,
        choice: Choice,
        rows: np.ndarray | None = None,
        source: Words = None,
        target: Words = None,
    ) -> None:
        self._items, self.choice = items, choice
        self._rows = np.arange(len(items)) if rows is None else rows
        self.name, self.kind = items.name, items.labels.kind
        self.classes, self.tasks = items.labels.names, items.labels.tasks
        self._source, self._target = words(source), words(target)

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that occur."""
        held = set(self._items.domains[self._rows].tolist())
        return tuple(name for code, name in enumerate(self._items.domain_names) if code in held)

    @property
    def source(self) -> Images:
        """The part that is learnt from."""
        return self.part(domain=self._source) if self._source else self

    @property
    def target(self) -> Images | None:
        """The part that is adapted to."""
        return self.part(domain=self._target) if self._target else None

    @property
    def frame(self) -> pd.DataFrame:
        """One row an image: id, label or labels, split, domain, path, and further columns of a table."""
        return looking.frame(self._items, self._rows)

    @property
    def problems(self) -> pd.DataFrame:
        """Every file and row that was left out, with its reason; files not looked at before are looked at now.

        Rows without an id are of the set as a whole: the scale of its deep greys, and images so long that much of
        them lies outside the centre square.
        """
        items = self._items
        soundness.look_at_rest(items)
        later = [(items.ids[row], items.path(row), why) for row, why in sorted(items.unreadable.items())]
        notes = [("", None, note) for note in looking.notes(items, self._rows)]
        return pd.DataFrame([*items.left_out, *later, *notes], columns=["id", "path", "reason"])

    @property
    def pixel_range(self) -> tuple[float, float] | None:
        """The values of deep greys that become black and white; None where the images hold none."""
        return grey_scale.scale_of(self._items)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was decided while opening that a person may want otherwise, a sentence each."""
        return (*self._items.notes, *looking.notes(self._items, self._rows))

    @property
    def absent(self) -> tuple[str, ...]:
        """Classes that no image of the source has; they were named for a net that knows them."""
        return self._items.absent

    @property
    def duplicates(self) -> pd.DataFrame:
        """Images with the same content: id, split, twin, twin_split, same_split (False is leakage)."""
        from workbench.images.duplicates import duplicates

        return duplicates(self._items, self._rows)

    @property
    def fingerprint(self) -> str:
        """Twelve characters that change with ids, labels, splits, domains or the scale of greys, not with pixels."""
        items, rows = self._items, self._rows
        kinds = (self.kind, self.tasks, items.domain_names, items.shifts)
        kinds += () if items.pixel_range is None else (items.pixel_range,)
        state = hashlib.blake2b(repr(kinds).encode(), digest_size=6)
        state.update("\0".join(items.ids[r] for r in rows).encode("utf-8", "surrogateescape"))
        for column in (items.labels.values, items.splits, items.domains):
            state.update(np.ascontiguousarray(column[rows]).data)
        return state.hexdigest()

    def __len__(self) -> int:
        return len(self._rows)

    @printable_text
    def __repr__(self) -> str:
        return looking.summary(self._items, self._rows)

    def _repr_html_(self) -> str:
        return looking.markup(self._items, self._rows)

    @check_arguments
    def labels(self) -> np.ndarray:
        """Classes (N,) int64, tags (N, K) float32, or tasks (N, T) int64."""
        return self._items.labels.values[self._rows]

    @check_arguments
    def part(
        self, split: str | None = None, domain: Words = None, rows: Annotated[Any, Array(ndim=1)] | None = None
    ) -> Images:
        """A subset with the same classes, sharing the stored pixels.

        Args:
            split: train, valid or test.
            domain: one domain or several.
            rows: places in this set, or a mask (N,); further choices apply to these.

        Raises:
            UnknownName: no such split or domain.
            BadValue: a place outside the set.
        """
        chosen = self._rows if rows is None else self._rows[_places(rows, len(self))]
        if split is not None:
            if split not in SPLITS:
                raise UnknownName.of("split", split, SPLITS)
            chosen = chosen[self._items.splits[chosen] == SPLITS.index(split)]
        if domain is not None:
            codes = [_domain_code(self._items, name) for name in words(domain)]
            chosen = chosen[np.isin(self._items.domains[chosen], codes)]
        return self._like(chosen)

    @check_arguments
    def view(
        self,
        size: int,
        interpolation: str = "bilinear",
        crop_pct: float = 0.875,
        crop_mode: str = "center",
        fill: tuple[int, int, int] = (0, 0, 0),
        pixel_range: Scale | None = None,
    ) -> View:
        """The images as squares for a net; `net.preprocessing.view_options` are the arguments that it wants.

        Args:
            size: edge in pixels, 1 to 4096.
            interpolation: how images are resized.
            crop_pct: share of the resized shorter side that the net sees, in (0, 1].
            crop_mode: what becomes of an image that is no square: `center`, `squash` or `border`.
            fill: colour of the borders, 0 to 255.
            pixel_range: the values of deep greys that the net takes for black and white; they count instead of a
                scale that was found for these images, but not of one that was given.

        Raises:
            BadValue: a size or share out of range; arrays in another scale than the net's.
            UnknownName: no such interpolation or crop mode.
        """
        from workbench.images.views import View

        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 1 <= size <= 4096:
            raise BadValue(f"the size of a view is a whole number of pixels from 1 to 4096; got {size!r}")
        if not 0 < crop_pct <= 1:
            raise BadValue(f"crop_pct is a share above 0 and up to 1; got {crop_pct!r}")
        scale = grey_scale.scale_for(self._items, pixel_range)
        red, green, blue = fill if crop_mode == "border" else (0, 0, 0)
        edge = max(int(size), round(size / crop_pct))
        framing = Framing(edge, interpolation, crop_mode, (red, green, blue), scale)
        return View(self._items, self._rows, int(size), framing)

    @check_arguments
    def counts(self) -> pd.DataFrame:
        """How many images each class has in each split, by domain where there are several."""
        return looking.counts(self._items, self._rows)

    @check_arguments
    def show(self, n: Several = 24, split: str | None = None, label: str | None = None, seed: Seed = 0) -> Any:
        """A matplotlib figure of `n` images drawn at random, with their labels."""
        return looking.show(self._items, self._rows, n, split, label, seed)

    @check_arguments
    def pixels(self, row: int, size: Annotated[int, Range(1, 4096)] | None = None) -> np.ndarray:
        """One image decoded now, for looking: uint8 (H, W, 3), or its centre square at `size` pixels."""
        if not -len(self) <= row < len(self):
            raise BadValue(f"the set has the rows 0 to {len(self) - 1}; got {row}")
        return looking.pixels(self._items, int(self._rows[row]), size)

    @check_arguments
    def check(self, progress: bool = False) -> Images:
        """The images that can be decoded to the last pixel; the others are listed in `problems`.

        Args:
            progress: whether to show a bar.

        Raises:
            BadData: no image can be decoded.
        """
        found = soundness.decode_all(self._items, self._rows)
        if progress:
            from tqdm.auto import tqdm

            found = tqdm(found, total=len(self), desc="checking", unit="image")
        bad = {row: why for row, why in found if why}
        self._items.unreadable.update(bad)
        kept = self._rows[~np.isin(self._rows, list(bad))]
        if not len(kept):
            soundness.refuse_all(self._items, bad)
        return self._like(kept)

    def _like(self, rows: np.ndarray) -> Images:
        from workbench.images.stored import HeldImages

        if len(rows) == len(self) and (rows == self._rows).all():
            return self
        return HeldImages(self._items, rows, source=self._source, target=self._target)


def _places(rows: Any, count: int) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.dtype == bool and rows.shape == (count,):
        return np.flatnonzero(rows)
    if rows.size and rows.dtype.kind not in "iu":
        raise BadValue(f"rows are whole numbers, places from 0 to {count - 1}, or a mask of {count}; got {rows.dtype}")
    rows = rows.astype(np.int64) if rows.size else rows.astype(np.int64).reshape(0)
    if rows.ndim != 1 or (rows.size and (rows.min() < -count or rows.max() >= count)):
        raise BadValue(f"rows are places from 0 to {count - 1}, or a mask of {count}")
    return rows


def _domain_code(items: Items, name: str) -> int:
    if name not in items.domain_names:
        hint = "" if items.domain_names else "these images have no domains; say where they are with domain= or layout="
        raise UnknownName.of("domain", name, items.domain_names, hint)
    return items.domain_names.index(name)
