"""Contents of the activation cache, as a table."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.argument_checks import check_arguments
from workbench.data.pixels import cache_limits
from workbench.errors import escape_returned_text
from workbench.formatting import format_bytes, format_quantity
from workbench.storage import cache_entry as entries

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ActivationCache", "activation_cache"]


@dataclass(frozen=True)
class ActivationCache:
    """Entries of the activation cache, most recently used first; printed as a summary above the table.

    Attributes:
        frame: net, cut, images, view, rows, precision, megabytes, used (hours ago) and key of each entry.
        n_bytes: bytes on disk.
        limit_bytes: largest allowed number of bytes: `WORKBENCH_STORE_GB`, or a fifth of the free disk space.
    """

    frame: pd.DataFrame
    n_bytes: int
    limit_bytes: int

    @property
    def summary(self) -> str:
        """One line with the number of entries, the space used and the limit."""
        count = format_quantity(len(self.frame), "entry", "entries")
        used, limit = format_bytes(self.n_bytes), format_bytes(self.limit_bytes)
        return f"{count}, {used} of at most {limit}; WORKBENCH_STORE_GB sets another limit"

    @check_arguments
    def clear(self) -> int:
        """Remove these entries; returns how many were removed. Runs that use them recompute what they need."""
        folders = [entries.get_cache_folder() / key for key in self.frame["key"]]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return sum(not folder.exists() for folder in folders)

    @escape_returned_text
    def __str__(self) -> str:
        table = self.frame.drop(columns="key").to_string(index=False) if len(self.frame) else ""
        return f"{self.summary}\n{table}".rstrip()

    def _repr_html_(self) -> str:
        return f"<p>{self.summary}</p>{self.frame.drop(columns='key').to_html(index=False)}"


@check_arguments
def activation_cache() -> ActivationCache:
    """List the cached outputs of frozen layers, which are kept so that no layer computes the same output twice."""
    import pandas as pd

    cache_folder = entries.get_cache_folder()
    sizes, rows = cache_limits.cache_sizes(cache_folder), []
    for folder in sorted(sizes, key=cache_limits.last_used_time, reverse=True):
        entry = entries.open_entry(folder.name, touch=False)
        if entry is None:
            continue
        spec, hours_ago = entry.spec, (time.time() - cache_limits.last_used_time(folder)) / 3600
        origin = [spec.description.get(name, "") for name in ("net", "cut", "images", "view")]
        rows.append([*origin, entry.n_stored, spec.dtype, sizes[folder] / 1e6, hours_ago, folder.name])
    columns = ["net", "cut", "images", "view", "rows", "precision", "megabytes", "used", "key"]
    frame = pd.DataFrame(rows, columns=columns).round({"megabytes": 1, "used": 1})
    return ActivationCache(
        frame, sum(sizes.values()), cache_limits.max_cache_bytes(cache_folder, entries.LIMIT_VARIABLE)
    )
