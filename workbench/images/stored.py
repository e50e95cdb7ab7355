"""Images without a recipe of their own, and the folder that makes them one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from workbench import disk
from workbench.arguments import check_arguments
from workbench.errors import BadData, Unavailable
from workbench.images.grey_levels import checked_range
from workbench.images.grey_scale import scale_of
from workbench.images.image_files import LIMIT
from workbench.images.items import Items, Labels
from workbench.images.labelled import Images
from workbench.images.options import Words
from workbench.images.origins import Files, RawFile
from workbench.images.shifts import shift
from workbench.plan import Choice

PIXELS, SHAPES, TABLE = "pixels.raw", "shapes.npy", "images.json"


class HeldImages(Images):
    """Images of this process alone: from arrays, a frame, a dataset, or a part of other images."""

    @check_arguments
    def __init__(
        self, items: Items, rows: np.ndarray | None = None, source: Words = None, target: Words = None
    ) -> None:
        super().__init__(items, Choice("stored", {"path": ""}), rows, source, target)
        self.choice = Choice("stored", {"path": f"memory:{self.fingerprint}"})

    @check_arguments
    def store_with(self, folder: str | os.PathLike[str]) -> Choice:
        """Writes the images below `folder` and returns the recipe that opens them again.

        Images that are files are written as a table of their paths, all others with their pixels.
        """
        place = Path(folder).absolute() / "images"
        disk.make_folder(place)
        items = self._items.take(self._rows)
        if not isinstance(items.origin, Files):
            with disk.explain_failures(place / PIXELS):
                np.save(place / SHAPES, _write_pixels(items, place / PIXELS))
        disk.write(place / TABLE, json.dumps(_table(items, self._source, self._target)))
        self.choice = Choice("stored", {"path": str(place)})
        return self.choice


def open_stored(folder: str) -> tuple[Items, list[str], list[str]]:
    """The rows that `store_with` wrote, with the source and target domains.

    Raises:
        Unavailable: nothing is stored there.
        BadData: what is stored is damaged.
    """
    if folder.startswith("memory:") or not folder:
        raise Unavailable("these images were in the memory of another process and were never stored with a run")
    try:
        table = json.loads((Path(folder) / TABLE).read_text(encoding="utf-8"))
        return _items(Path(folder), table), table["source"], table["target"]
    except OSError as error:
        raise Unavailable(f"no images are stored in {folder}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise BadData(f"the images stored in {folder} are damaged ({why})") from error


def _items(folder: Path, table: dict[str, Any]) -> Items:
    count = len(table["ids"])
    if "paths" in table:
        origin: Files | RawFile = Files(table["root"], table["paths"])
    else:
        origin = RawFile(str(folder / PIXELS), np.load(folder / SHAPES))
    values = np.array(table["labels"], np.float32 if table["kind"] == "tags" else np.int64)
    labels = Labels(table["kind"], values, {task: tuple(names) for task, names in table["tasks"].items()})
    if len(values) != count:
        raise ValueError(f"{count} images have {len(values)} labels")
    return Items(
        name=table["name"],
        origin=origin,
        at=np.arange(count),
        ids=table["ids"],
        labels=labels,
        splits=np.array(table["splits"], np.int8),
        domains=np.array(table["domains"], np.int16),
        domain_names=tuple(table["domain_names"]),
        anchors=table["anchors"],
        shifts=tuple(shift(s) for s in table["shifts"]),
        extra=_extra(table["extra"]),
        pixel_range=None if table.get("pixel_range") is None else checked_range(table["pixel_range"]),
        range_sample=table.get("range_sample", 0),
        max_pixels=table.get("max_pixels", LIMIT),
        absent=tuple(table.get("absent", ())),
    )


def _table(items: Items, source: list[str], target: list[str]) -> dict[str, Any]:
    table: dict[str, Any] = {
        "name": items.name,
        "kind": items.labels.kind,
        "tasks": items.labels.tasks,
        "ids": items.ids,
        "anchors": items.anchors,
        "labels": items.labels.values.tolist(),
        "splits": items.splits.tolist(),
        "domains": items.domains.tolist(),
        "domain_names": items.domain_names,
        "shifts": [None if s is None else str(s) for s in items.shifts],
        "extra": None if items.extra is None else items.extra.astype(str).to_dict(orient="list"),
        "absent": list(items.absent),
        "source": source,
        "target": target,
        "pixel_range": scale_of(items),
        "range_sample": items.range_sample,
        "max_pixels": items.max_pixels,
    }
    if isinstance(items.origin, Files):
        table |= {"root": items.origin.root, "paths": [items.path(r) for r in range(len(items))]}
    return table


def _write_pixels(items: Items, path: Path) -> np.ndarray:
    """Writes the pixels of all rows one after another; returns their shapes (N, 3)."""
    shapes = np.empty((len(items), 3), np.int64)
    with open(path, "wb") as file:
        for row in range(len(items)):
            pixels = np.asarray(items.read(row))
            pixels = pixels[..., None] if pixels.ndim == 2 else pixels
            shapes[row] = pixels.shape
            file.write(np.ascontiguousarray(pixels).data)
        file.flush()
        os.fsync(file.fileno())
    return shapes


def _extra(columns: dict[str, list[str]] | None) -> Any:
    if columns is None:
        return None
    import pandas as pd

    return pd.DataFrame(columns)
