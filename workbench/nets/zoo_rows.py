"""The catalogue's rows of the built-in zoo and of those in `$WORKBENCH_ZOO`."""

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
from workbench.nets import build, published, sizes, torchvision_nets, zoos
from workbench.nets.library_rows import UNKNOWN, Row, costs, family, figure
from workbench.nets.survey import Key, Size

_log = logging.getLogger("workbench")


def frame(like: pd.DataFrame) -> pd.DataFrame:
    """A row for each entry of a zoo, with the columns and types of `like`."""
    known = sizes.known()
    rows = [_row(*found, known) for found in _entries()]
    return pd.DataFrame(rows, columns=list(like.columns)).astype(like.dtypes.to_dict())


def recipe(name: str) -> tuple[Key, Callable[[], nn.Module]] | None:
    """What the size of a row is filed under, and how its net is built; None where no zoo has the name."""
    for listed, folder, entry in _entries():
        if listed == name:
            return _key(entry), functools.partial(_built, entry, folder)
    return None


def _built(entry: Mapping[str, Any], folder: Path) -> nn.Module:
    return build.build(zoos.from_entry(entry, folder))


def _entries() -> Iterator[tuple[str, Path, Mapping[str, Any]]]:
    """Each entry of the built-in zoo and of `$WORKBENCH_ZOO`, under the name by which `load` finds it."""
    taken: set[str] = set(torchvision_nets.BARE)
    ours = (zoos.BUILTIN, zoos.own())
    for folder in (*ours, *zoos.folders()):
        try:
            listed = zoos.entries(folder)
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


def _row(name: str, folder: Path, entry: Mapping[str, Any], known: Mapping[Key, Size]) -> Row:
    architecture = str(entry.get("architecture") or entry["name"])
    height, width = _input(entry)
    data = str(entry.get("source_dataset") or UNKNOWN)
    return {
        "name": name,
        "family": _family(entry, architecture),
        "architecture": architecture,
        "tag": "",
        **costs(_size(entry, known)),
        "image_size": max(height, width),
        "pretrained_on": data,
        "licence": str(entry.get("licence") or UNKNOWN).lower(),
        **figure(_measured(entry) if data == "ImageNet-1k" else None),
        "offline": _is_here(folder, entry),
    }


def _is_here(folder: Path, entry: Mapping[str, Any]) -> bool:
    try:
        return zoos.inside(folder, entry, "file").is_file()
    except BadValue:  # refused when it is opened
        return False


def _input(entry: Mapping[str, Any]) -> tuple[int, int]:
    given = entry.get("input_size")
    if not (isinstance(given, list) and len(given) == 3 and all(isinstance(edge, int) for edge in given)):
        name = str(entry.get("architecture")).partition(".")[0]
        config = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
        given = config.input_size if config else (3, 224, 224)
    return int(given[1]), int(given[2])


def _family(entry: Mapping[str, Any], architecture: str) -> str:
    bare = architecture.partition(".")[0]
    if timm.is_model(bare) and entry.get("library", "timm") == "timm":
        return family(bare)
    return architecture.rstrip("0123456789_")


def _key(entry: Mapping[str, Any]) -> Key:
    """Its own, since the same architecture may be built with other arguments."""
    made = json.dumps([entry.get("builder"), entry.get("architecture"), entry.get("kwargs")], sort_keys=True)
    return Key(made, *_input(entry), int(entry.get("num_classes") or 0))


def _size(entry: Mapping[str, Any], known: Mapping[Key, Size]) -> Size | None:
    """What was measured of this very entry; else the survey's, where the numbers of weights agree."""
    key, given = _key(entry), entry.get("parameters")
    if key in known:
        return known[key]
    library = "torchvision/" if entry.get("library") == "torchvision" else ""
    surveyed = known.get(key._replace(architecture=f"{library}{entry.get('architecture')}"))
    if surveyed and surveyed.parameters == given:
        return surveyed
    return Size(given, None) if isinstance(given, int) else None


def _measured(entry: Mapping[str, Any]) -> published.Accuracy | None:
    value, how = entry.get("measured_top1"), entry.get("measured")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    where = str(how.get("on") or "") if isinstance(how, Mapping) else ""
    return float(value), f"measured by its zoo on {where or 'images it does not name'}"
