"""Published ImageNet top-1 accuracy: from torchvision's metadata, or from the user's own table."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import BadData, Unavailable

# accuracy in percent, and its source
Accuracy = tuple[float, str]
TABLE_VARIABLE = "WORKBENCH_TOP1"
_METRICS_KEY = "ImageNet-1K"


def find_torchvision_accuracy(architecture: str, tag: str, url: str) -> Accuracy | None:
    """Find torchvision's published accuracy of weights that are its own.

    Args:
        architecture: name of the architecture in timm or torchvision.
        tag: timm's tag; `tv_in1k` without a URL means torchvision's first weights of that architecture.
        url: URL from which timm downloads the weights; "" where it has none.
    """
    by_file, by_name = _index_torchvision_accuracies()
    if url:
        return by_file.get(url.rsplit("/", 1)[-1])
    return by_name.get(architecture) if tag == "tv_in1k" else None


def read_weights_accuracy(weights: Any) -> Accuracy | None:
    """Read the accuracy from the metadata of one of torchvision's sets of weights."""
    value = (weights.meta.get("_metrics") or {}).get(_METRICS_KEY, {}).get("acc@1")
    if value is None:
        return None
    size = weights.transforms.keywords.get("crop_size")
    return float(value), f"torchvision {weights}" + (f" at {size} px" if size else "")


def read_accuracy_table() -> Mapping[str, Accuracy]:
    """Read the accuracies of the CSV file in `$WORKBENCH_TOP1`, by model; its columns are model and top1 (percent).

    Raises:
        Unavailable: there is no such file.
        BadData: it lacks a column, or a value is not between 0 and 100.
    """
    table = os.environ.get(TABLE_VARIABLE)
    if not table:
        return {}
    path = Path(table).expanduser()
    try:
        return _parse_accuracy_table(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise Unavailable(f"{TABLE_VARIABLE} names {path}, which cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=4)
def _parse_accuracy_table(path: Path, _mtime_ns: int) -> Mapping[str, Accuracy]:
    import pandas as pd

    try:
        frame = pd.read_csv(path)
    except ValueError as error:
        raise BadData(f"{path}, named by {TABLE_VARIABLE}, is not a CSV file: {error}") from error
    if not {"model", "top1"} <= set(frame.columns):
        raise BadData(
            f"{path}, named by {TABLE_VARIABLE}, needs the columns model and top1; it has {', '.join(frame.columns)}"
        )
    accuracies = pd.to_numeric(frame["top1"], errors="coerce")
    wrong = frame["model"][~accuracies.between(0, 100)]
    if len(wrong):
        raise BadData(f"top1 in {path} must be percent between 0 and 100; that of {wrong.iloc[0]} is not")
    return {str(model): (float(top1), path.name) for model, top1 in zip(frame["model"], accuracies, strict=True)}


@functools.cache
def _index_torchvision_accuracies() -> tuple[Mapping[str, Accuracy], Mapping[str, Accuracy]]:
    """Index accuracies by file name of the weights, and those of each architecture's first weights by its name."""
    from torchvision import models

    by_file: dict[str, Accuracy] = {}
    by_name: dict[str, Accuracy] = {}
    for name in models.list_models(module=models):
        for weights in models.get_model_weights(name):
            accuracy = read_weights_accuracy(weights)
            if accuracy:
                by_file[weights.url.rsplit("/", 1)[-1]] = accuracy
                if weights.name == "IMAGENET1K_V1":
                    by_name[name] = accuracy
    return by_file, by_name
