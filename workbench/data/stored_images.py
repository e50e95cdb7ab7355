"""Folder that stores images without a recipe of their own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _paths
from workbench.data.domain_shifts import parse_shift
from workbench.data.items import Items, Labels
from workbench.data.pixels.image_files import DEFAULT_MAX_PIXELS
from workbench.data.pixels.pixel_ranges import parse_pixel_range
from workbench.data.pixels.pixel_sources import FileSource, RawFileSource
from workbench.data.pixels.range_estimation import get_pixel_range
from workbench.errors import BadData, Unavailable

PIXELS_FILE, SHAPES_FILE, TABLE_FILE = "pixels.raw", "shapes.npy", "images.json"


def store_items(items: Items, folder: str | os.PathLike[str], source: list[str], target: list[str]) -> None:
    """Write items below `folder`, with their source and target domains."""
    path = Path(folder).absolute() / "images"
    _paths.make_folder(path)
    if not isinstance(items.pixel_source, FileSource):
        with _paths.raise_disk_errors(path / PIXELS_FILE):
            np.save(path / SHAPES_FILE, _write_pixels(items, path / PIXELS_FILE))
    _paths.write_file(path / TABLE_FILE, json.dumps(_to_record(items, source, target)))


def load_stored_items(folder: str) -> tuple[Items, list[str], list[str]]:
    """Load the items written by `store_items`, with the source and target domains.

    Raises:
        Unavailable: nothing is stored there.
        BadData: the stored data is damaged.
    """
    if folder.startswith("memory:") or not folder:
        raise Unavailable("these images were in the memory of another process and were not stored with a run")
    try:
        record = json.loads((Path(folder) / TABLE_FILE).read_text(encoding="utf-8"))
        return _items_from_record(Path(folder), record), record["source"], record["target"]
    except OSError as error:
        raise Unavailable(f"no images are stored in {folder}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise BadData(f"the images stored in {folder} are damaged ({why})") from error


def _items_from_record(folder: Path, record: dict[str, Any]) -> Items:
    count = len(record["ids"])
    if "paths" in record:
        source: FileSource | RawFileSource = FileSource(record["root"], record["paths"])
    else:
        source = RawFileSource(str(folder / PIXELS_FILE), np.load(folder / SHAPES_FILE))
    values = np.array(record["labels"], np.float32 if record["kind"] == "tags" else np.int64)
    labels = Labels(record["kind"], values, {task: tuple(names) for task, names in record["tasks"].items()})
    if len(values) != count:
        raise ValueError(f"{count} images have {len(values)} labels")
    return Items(
        name=record["name"],
        pixel_source=source,
        source_index=np.arange(count),
        ids=record["ids"],
        labels=labels,
        splits=np.array(record["splits"], np.int8),
        domains=np.array(record["domains"], np.int16),
        domain_names=tuple(record["domain_names"]),
        hash_keys=record["anchors"],
        shifts=tuple(parse_shift(s) for s in record["shifts"]),
        extra=_extra_columns(record["extra"]),
        pixel_range=None if record.get("pixel_range") is None else parse_pixel_range(record["pixel_range"]),
        n_range_samples=record.get("range_sample", 0),
        max_pixels=record.get("max_pixels", DEFAULT_MAX_PIXELS),
        missing_classes=tuple(record.get("absent", ())),
    )


def _to_record(items: Items, source: list[str], target: list[str]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "name": items.name,
        "kind": items.labels.kind,
        "tasks": items.labels.tasks,
        "ids": items.ids,
        "anchors": items.hash_keys,
        "labels": items.labels.values.tolist(),
        "splits": items.splits.tolist(),
        "domains": items.domains.tolist(),
        "domain_names": items.domain_names,
        "shifts": [None if s is None else str(s) for s in items.shifts],
        "extra": None if items.extra is None else items.extra.astype(str).to_dict(orient="list"),
        "absent": list(items.missing_classes),
        "source": source,
        "target": target,
        "pixel_range": get_pixel_range(items),
        "range_sample": items.n_range_samples,
        "max_pixels": items.max_pixels,
    }
    if isinstance(items.pixel_source, FileSource):
        record |= {"root": items.pixel_source.root, "paths": [items.path(r) for r in range(len(items))]}
    return record


def _write_pixels(items: Items, path: Path) -> np.ndarray:
    """Write the pixels of all rows one after another; return their shapes (N, 3)."""
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


def _extra_columns(columns: dict[str, list[str]] | None) -> Any:
    if columns is None:
        return None
    import pandas as pd

    return pd.DataFrame(columns)
