"""Activations of some images in one view: read from the cache where they are stored, and added where they are not."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.data.views import View
from workbench.nets.partition.partition import Partition
from workbench.storage import cache_entry as entries
from workbench.storage import cache_keys
from workbench.storage.cache_entry import CacheEntry, CacheFull, EntrySpec

log = logging.getLogger("workbench")

MAX_DEVICE_FRACTION = 0.25  # fraction of an accelerator's free memory that one instance may use


class CachedActivations:
    """Activations of one partition for the images of one view.

    Args:
        partition: partition of the net.
        view: view of a part of the images; indices are positions in it.
        view_key: key of the view, from `cache_keys.describe_view`.
        precision: auto, fp32, fp16 or bf16.
        device: device on which activations are returned.
        description: origin of the rows, for display.
    """

    def __init__(
        self,
        partition: Partition,
        view: View,
        view_key: str,
        precision: str,
        device: torch.device,
        description: dict[str, str],
    ) -> None:
        self.partition, self.view, self.device, self.description = partition, view, device, description
        self.precision = "fp32" if precision == "auto" and is_smaller_than_pixels(partition, view) else precision
        key_text = repr((partition.key, cache_keys.hash_images(view.items), view_key, self.precision))
        self.key = hashlib.blake2b(key_text.encode(), digest_size=16).hexdigest()
        self.entry: CacheEntry | None = entries.open_entry(self.key)
        self.is_disabled = False
        self._device_rows: Tensor | None = None  # on an accelerator: rows of this part that were read before
        self._is_on_device = np.zeros(len(view), bool)

    def is_stored(self, indices: np.ndarray) -> np.ndarray:
        """Return which images are stored, (n,) bool, by their indices (n,)."""
        if self.entry is None:
            return np.zeros(len(indices), bool)
        return self._is_on_device[indices] | self.entry.is_stored(self.view.rows[indices])

    def read(self, indices: np.ndarray) -> Tensor:
        """Read stored rows (n, values) onto the device; all of `indices` must be stored."""
        entry = self._get_entry()
        if self.device.type != "cuda":
            return entry.read(self.view.rows[indices]).to(self.device)
        new = indices[~self._is_on_device[indices]]
        if len(new):
            flat = entry.read(self.view.rows[new]).pin_memory().to(self.device, non_blocking=True)
            if not self._keep_on_device(new, flat):
                return flat if len(new) == len(indices) else entry.read(self.view.rows[indices]).to(self.device)
        return self._device_rows[torch.from_numpy(indices).to(self.device)]  # type: ignore[index]

    def add(self, indices: np.ndarray, tensors: Sequence[Tensor]) -> Tensor:
        """Store the frozen part's output; returns the rows (n, values) on the device, as they will be read."""
        if self.entry is None:
            shapes, dtype = (
                tuple(layout.shape for layout in self.partition.layouts),
                entries.choose_storage_dtype(tensors, self.precision),
            )
            self.entry = self._create_entry(EntrySpec(shapes, dtype, len(self.view.items), self.description))
        flat = entries.flatten_tensors(tensors, self.entry.spec.torch_dtype)
        if not self.is_disabled:
            try:
                self.entry.write(self.view.rows[indices], flat)
                self._keep_on_device(indices, flat.to(self.device))
            except OSError as error:
                self._disable(error)
        return flat.to(self.device)

    def unflatten(self, flat: Tensor) -> list[Tensor]:
        """Convert rows (n, values) to the tensors that cross the partition."""
        return self._get_entry().unflatten(flat)

    def flush(self) -> None:
        """Sync everything to disk."""
        if self.entry is not None and not self.is_disabled:
            try:
                self.entry.flush()
            except OSError as error:
                self._disable(error)

    def _create_entry(self, spec: EntrySpec) -> CacheEntry:
        try:
            return entries.create_entry(self.key, spec, len(self.view))
        except CacheFull as error:
            self._disable(error)
            return _UncachedEntry(spec)

    def _get_entry(self) -> CacheEntry:
        assert self.entry is not None, "nothing is stored before something was added"
        return self.entry

    def _keep_on_device(self, indices: np.ndarray, flat: Tensor) -> bool:
        """Keep rows on an accelerator if all rows of the part fit; returns whether they are kept."""
        if self.device.type != "cuda":
            return False
        if self._device_rows is None:
            free, _ = torch.cuda.mem_get_info(self.device)
            if len(self.view) * flat.shape[1] * flat.element_size() > MAX_DEVICE_FRACTION * free:
                return False
            self._device_rows = flat.new_empty((len(self.view), flat.shape[1]))
        self._device_rows[torch.from_numpy(indices).to(self.device)] = flat
        self._is_on_device[indices] = True
        return True

    def _disable(self, error: OSError) -> None:
        if not self.is_disabled:
            log.warning("activations are not stored: %s. Training continues and recomputes them", error)
        self.is_disabled = True


class _UncachedEntry(CacheEntry):
    """Entry that stores nothing; what is computed has the precision that it would have in the cache."""

    def __init__(self, spec: EntrySpec) -> None:
        super().__init__(None, EntrySpec(spec.shapes, spec.dtype, 0, spec.description))

    def is_stored(self, rows: np.ndarray) -> np.ndarray:
        """Return False for every row."""
        return np.zeros(len(rows), bool)


def is_smaller_than_pixels(partition: Partition, view: View) -> bool:
    """Return whether activations in full precision take no more room than the images' own pixels."""
    return 4 * partition.n_values <= 3 * view.stored_size**2
