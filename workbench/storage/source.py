"""Activations of some images under one view: from the store where they are, put there where they are not."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.images import View
from workbench.nets.cut import Cut
from workbench.storage import entry as entries
from workbench.storage import keys
from workbench.storage.entry import Entry, Kind, NoRoom

log = logging.getLogger("workbench")

DEVICE_SHARE = 0.25  # of an accelerator's free memory, that one source may hold


class Source:
    """What a cut makes of the images of one view.

    Args:
        cut: of the net.
        view: of the part of the images; places are places in it.
        looked: how they are looked at, as `keys.of_view` words it.
        precision: auto, fp32, fp16 or bf16.
        place: the device that activations are wanted on.
        words: what the entry is from, for people.
    """

    def __init__(
        self, cut: Cut, view: View, looked: str, precision: str, place: torch.device, words: dict[str, str]
    ) -> None:
        self.cut, self.view, self.place, self.words = cut, view, place, words
        self.precision = "fp32" if precision == "auto" and small(cut, view) else precision
        told = repr((cut.key, keys.of_images(view.items), looked, self.precision))
        self.key = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
        self.entry: Entry | None = entries.opened(self.key)
        self.lost = False
        self._held: Tensor | None = None  # on an accelerator: the rows of this part, once they were read
        self._holds = np.zeros(len(view), bool)

    def has(self, places: np.ndarray) -> np.ndarray:
        """Which of some places (n,) are stored, (n,) bool."""
        if self.entry is None:
            return np.zeros(len(places), bool)
        return self._holds[places] | self.entry.has(self.view.rows[places])

    def read(self, places: np.ndarray) -> Tensor:
        """Stored rows (n, numbers) of places that `has` found, on the device."""
        entry = self._entry()
        if self.place.type != "cuda":
            return entry.read(self.view.rows[places]).to(self.place)
        new = places[~self._holds[places]]
        if len(new):
            flat = entry.read(self.view.rows[new]).pin_memory().to(self.place, non_blocking=True)
            if not self._hold(new, flat):
                return flat if len(new) == len(places) else entry.read(self.view.rows[places]).to(self.place)
        return self._held[torch.from_numpy(places).to(self.place)]  # type: ignore[index]

    def add(self, places: np.ndarray, parts: Sequence[Tensor]) -> Tensor:
        """Stores what a cut's frozen part gave; the rows (n, numbers) as they will be read, on the device."""
        if self.entry is None:
            shapes, dtype = tuple(layout.shape for layout in self.cut.layouts), entries.precision(parts, self.precision)
            self.entry = self._made(Kind(shapes, dtype, len(self.view.items), self.words))
        flat = entries.flattened(parts, self.entry.kind.torch_dtype)
        if not self.lost:
            try:
                self.entry.write(self.view.rows[places], flat)
                self._hold(places, flat.to(self.place))
            except OSError as error:
                self._lose(error)
        return flat.to(self.place)

    def parts(self, flat: Tensor) -> list[Tensor]:
        """Rows (n, numbers) -> the tensors that cross the cut."""
        return self._entry().parts(flat)

    def flush(self) -> None:
        """Puts everything on disk."""
        if self.entry is not None and not self.lost:
            try:
                self.entry.flush()
            except OSError as error:
                self._lose(error)

    def _made(self, kind: Kind) -> Entry:
        try:
            return entries.made(self.key, kind, len(self.view))
        except NoRoom as error:
            self._lose(error)
            return _Nothing(kind)

    def _entry(self) -> Entry:
        assert self.entry is not None, "nothing is stored before something was added"
        return self.entry

    def _hold(self, places: np.ndarray, flat: Tensor) -> bool:
        """Keeps rows on an accelerator, where all rows of the part fit; whether they are kept."""
        if self.place.type != "cuda":
            return False
        if self._held is None:
            free, _ = torch.cuda.mem_get_info(self.place)
            if len(self.view) * flat.shape[1] * flat.element_size() > DEVICE_SHARE * free:
                return False
            self._held = flat.new_empty((len(self.view), flat.shape[1]))
        self._held[torch.from_numpy(places).to(self.place)] = flat
        self._holds[places] = True
        return True

    def _lose(self, error: OSError) -> None:
        if not self.lost:
            log.warning("activations are not stored: %s. Training goes on, computing them again", error)
        self.lost = True


class _Nothing(Entry):
    """An entry that keeps nothing: what is computed has the precision that it would have in the store."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(None, Kind(kind.shapes, kind.dtype, 0, kind.words))

    def has(self, rows: np.ndarray) -> np.ndarray:
        """None of them."""
        return np.zeros(len(rows), bool)


def small(cut: Cut, view: View) -> bool:
    """Whether activations in full precision take no more room than the images' own pixels."""
    return 4 * cut.numbers <= 3 * view.stored**2
