"""ImageNet top-1 as published: by torchvision with its weights, or in a table of the user's own."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import BadData, Unavailable

# a figure and where it was published
Accuracy = tuple[float, str]
TABLE = "WORKBENCH_TOP1"
_IMAGENET = "ImageNet-1K"


def by_torchvision(architecture: str, tag: str, url: str) -> Accuracy | None:
    """torchvision's figure for weights that are its own.

    Args:
        architecture: as timm or torchvision names it.
        tag: timm's tag; `tv_in1k` without an address stands for torchvision's first weights of that architecture.
        url: where timm fetches the weights; "" where it names no address.
    """
    by_file, by_name = _torchvision()
    if url:
        return by_file.get(url.rsplit("/", 1)[-1])
    return by_name.get(architecture) if tag == "tv_in1k" else None


def by_weights(weights: Any) -> Accuracy | None:
    """The figure in the metadata of one of torchvision's sets of weights."""
    value = (weights.meta.get("_metrics") or {}).get(_IMAGENET, {}).get("acc@1")
    if value is None:
        return None
    size = weights.transforms.keywords.get("crop_size")
    return float(value), f"torchvision {weights}" + (f" at {size} px" if size else "")


def by_table() -> Mapping[str, Accuracy]:
    """The figures of the CSV file that `$WORKBENCH_TOP1` names, by model: its columns are model and top1 (percent).

    Raises:
        Unavailable: there is no such file.
        BadData: it lacks a column, or a figure is not between 0 and 100.
    """
    given = os.environ.get(TABLE)
    if not given:
        return {}
    path = Path(given).expanduser()
    try:
        return _table(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise Unavailable(f"{TABLE} names {path}, which cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=4)
def _table(path: Path, _changed: int) -> Mapping[str, Accuracy]:
    import pandas as pd

    try:
        frame = pd.read_csv(path)
    except ValueError as error:
        raise BadData(f"{path}, named by {TABLE}, is not a CSV file: {error}") from error
    if not {"model", "top1"} <= set(frame.columns):
        raise BadData(f"{path}, named by {TABLE}, wants the columns model and top1; it has {', '.join(frame.columns)}")
    figures = pd.to_numeric(frame["top1"], errors="coerce")
    wrong = frame["model"][~figures.between(0, 100)]
    if len(wrong):
        raise BadData(f"top1 in {path} wants percent between 0 and 100; that of {wrong.iloc[0]} is not")
    return {str(model): (float(top1), path.name) for model, top1 in zip(frame["model"], figures, strict=True)}


@functools.cache
def _torchvision() -> tuple[Mapping[str, Accuracy], Mapping[str, Accuracy]]:
    """Figures by file name of the weights, and those of each architecture's first weights by its name."""
    from torchvision import models

    by_file: dict[str, Accuracy] = {}
    by_name: dict[str, Accuracy] = {}
    for name in models.list_models(module=models):
        for weights in models.get_model_weights(name):
            figure = by_weights(weights)
            if figure:
                by_file[weights.url.rsplit("/", 1)[-1]] = figure
                if weights.name == "IMAGENET1K_V1":
                    by_name[name] = figure
    return by_file, by_name
