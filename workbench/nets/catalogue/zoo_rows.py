"""Rows of the catalogue for the built-in zoo and the zoos in `$WORKBENCH_ZOO`."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import timm
from torch import nn

from workbench.errors import BadValue
from workbench.nets.catalogue import net_sizes, published_accuracy, zoo_index
from workbench.nets.catalogue.library_rows import (
    UNKNOWN,
    Row,
    get_timm_family,
    make_accuracy_columns,
    make_size_columns,
)
from workbench.nets.catalogue.size_survey import NetSize, SizeKey
from workbench.nets.loading import model_builders, torchvision_nets

_log = logging.getLogger("workbench")


def build_zoo_frame(template: pd.DataFrame) -> pd.DataFrame:
    """Build a frame with one row per entry of a zoo, with the columns and types of `template`."""
    known_sizes = net_sizes.load_known_sizes()
    rows = [_make_zoo_row(*item, known_sizes) for item in _iter_entries()]
    return pd.DataFrame(rows, columns=list(template.columns)).astype(template.dtypes.to_dict())


def get_zoo_net_builder(name: str) -> tuple[SizeKey, Callable[[], nn.Module]] | None:
    """Return the key of a row's size, and a function that builds its net; None where no zoo has the name."""
    for listed, folder, entry in _iter_entries():
        if listed == name:
            return _make_entry_size_key(entry), functools.partial(_build_entry, entry, folder)
    return None


def _build_entry(entry: Mapping[str, Any], folder: Path) -> nn.Module:
    return model_builders.build_module(zoo_index.recipe_from_entry(entry, folder))


def _iter_entries() -> Iterator[tuple[str, Path, Mapping[str, Any]]]:
    """Iterate over the entries of the built-in zoo and of `$WORKBENCH_ZOO`, by the name that `load_net` accepts."""
    taken: set[str] = set(torchvision_nets.BARE_NAMES)
    ours = (zoo_index.BUILTIN_FOLDER, zoo_index.user_zoo_folder())
    for folder in (*ours, *zoo_index.list_zoo_folders()):
        try:
            listed = zoo_index.read_entries(folder)
        except BadValue as error:
            _log.warning("this zoo is not in the catalogue: %s", error)
            continue
        for name, entry in listed.items():
            if folder in ours:
                if f"wb/{name}" not in taken:
                    yield f"wb/{name}", folder, entry
                taken.add(f"wb/{name}")
            elif name in taken or timm.is_model(name.partition(".")[0]):
                yield str(folder / name), folder, entry
            else:
                taken.add(name)
                yield name, folder, entry


def _make_zoo_row(name: str, folder: Path, entry: Mapping[str, Any], known_sizes: Mapping[SizeKey, NetSize]) -> Row:
    architecture = str(entry.get("architecture") or entry["name"])
    height, width = _parse_input_size(entry)
    data = str(entry.get("source_dataset") or UNKNOWN)
    return {
        "name": name,
        "family": _infer_family(entry, architecture),
        "architecture": architecture,
        "tag": "",
        **make_size_columns(_find_entry_size(entry, known_sizes)),
        "image_size": max(height, width),
        "pretrained_on": data,
        "licence": str(entry.get("licence") or UNKNOWN).lower(),
        **make_accuracy_columns(_get_measured_accuracy(entry) if data == "ImageNet-1k" else None),
        "offline": _has_local_file(folder, entry),
    }


def _has_local_file(folder: Path, entry: Mapping[str, Any]) -> bool:
    try:
        return zoo_index.resolve_entry_path(folder, entry, "file").is_file()
    except BadValue:  # raised again when it is opened
        return False


def _parse_input_size(entry: Mapping[str, Any]) -> tuple[int, int]:
    size = entry.get("input_size")
    if not (isinstance(size, list) and len(size) == 3 and all(isinstance(edge, int) for edge in size)):
        name = str(entry.get("architecture")).partition(".")[0]
        config = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
        size = config.input_size if config else (3, 224, 224)
    return int(size[1]), int(size[2])


def _infer_family(entry: Mapping[str, Any], architecture: str) -> str:
    bare = architecture.partition(".")[0]
    if timm.is_model(bare) and entry.get("library", "timm") == "timm":
        return get_timm_family(bare)
    return architecture.rstrip("0123456789_")


def _make_entry_size_key(entry: Mapping[str, Any]) -> SizeKey:
    """Make an entry's own key, since the same architecture may be built with other arguments."""
    text = json.dumps([entry.get("builder"), entry.get("architecture"), entry.get("kwargs")], sort_keys=True)
    return SizeKey(text, *_parse_input_size(entry), int(entry.get("num_classes") or 0))


def _find_entry_size(entry: Mapping[str, Any], known_sizes: Mapping[SizeKey, NetSize]) -> NetSize | None:
    """Find the size measured for this entry; otherwise the survey's, if the numbers of weights agree."""
    key, n_parameters = _make_entry_size_key(entry), entry.get("parameters")
    if key in known_sizes:
        return known_sizes[key]
    library = "torchvision/" if entry.get("library") == "torchvision" else ""
    surveyed = known_sizes.get(key._replace(architecture=f"{library}{entry.get('architecture')}"))
    if surveyed and surveyed.n_parameters == n_parameters:
        return surveyed
    return NetSize(n_parameters, None) if isinstance(n_parameters, int) else None


def _get_measured_accuracy(entry: Mapping[str, Any]) -> published_accuracy.Accuracy | None:
    value, how = entry.get("measured_top1"), entry.get("measured")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    where = str(how.get("on") or "") if isinstance(how, Mapping) else ""
    return float(value), f"measured by its zoo on {where or 'unnamed images'}"
