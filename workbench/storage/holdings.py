"""What the store of activations holds, for people."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.arguments import check_arguments
from workbench.errors import printable_text
from workbench.images import budget
from workbench.storage import entry as entries

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Holdings:
    """The entries of the store, the one used last first; printed, a summary above the table.

    Attributes:
        frame: net, cut, images, view, rows, precision, megabytes, used (hours ago) and key of each entry.
        bytes: what they take on disk.
        limit: bytes that they may take: `WORKBENCH_STORE_GB`, else a fifth of what is free.
    """

    frame: pd.DataFrame
    bytes: int
    limit: int

    @property
    def summary(self) -> str:
        """One line: how much of how much."""
        count = f"{len(self.frame)} {'entry' if len(self.frame) == 1 else 'entries'}"
        return f"{count}, {size(self.bytes)} of at most {size(self.limit)}; WORKBENCH_STORE_GB sets another limit"

    def clear(self) -> int:
        """Removes these entries; runs that use them compute what they need anew. How many went."""
        folders = [entries.shelf() / key for key in self.frame["key"]]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return sum(not folder.exists() for folder in folders)

    @printable_text
    def __str__(self) -> str:
        table = self.frame.drop(columns="key").to_string(index=False) if len(self.frame) else ""
        return f"{self.summary}\n{table}".rstrip()

    def _repr_html_(self) -> str:
        return f"<p>{self.summary}</p>{self.frame.drop(columns='key').to_html(index=False)}"


@check_arguments
def store() -> Holdings:
    """What frozen layers made of images and the workbench keeps, so that no layer computes the same twice."""
    import pandas as pd

    place = entries.shelf()
    sizes, rows = budget.used(place), []
    for folder in sorted(sizes, key=budget.last_use, reverse=True):
        found = entries.opened(folder.name, touch=False)
        if found is None:
            continue
        kind, ago = found.kind, (time.time() - budget.last_use(folder)) / 3600
        told = [kind.words.get(name, "") for name in ("net", "cut", "images", "view")]
        rows.append([*told, found.count, kind.dtype, sizes[folder] / 1e6, ago, folder.name])
    columns = ["net", "cut", "images", "view", "rows", "precision", "megabytes", "used", "key"]
    frame = pd.DataFrame(rows, columns=columns).round({"megabytes": 1, "used": 1})
    return Holdings(frame, sum(sizes.values()), budget.limit(place, entries.VARIABLE))


def size(count: int) -> str:
    """Bytes in words."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
