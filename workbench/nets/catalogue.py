"""The catalogue: every backbone that `load` takes by name, as a frame to look through and to ask."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import timm

from workbench import disk
from workbench.errors import BadValue, UnknownName
from workbench.nets import build, hub, pretraining, published, questions, survey, torchvision_nets, zoos
from workbench.nets.survey import Key, Size

COLUMNS = (
    *("name", "family", "architecture", "tag", "parameters", "gmacs", "image_size", "pretrained_on", "licence"),
    *("top1", "top1_source", "offline"),
)
WORDS_IN = ("name", "family", "pretrained_on", "licence")
SYNONYMS = {"license": "licence", "params": "parameters"}
UNKNOWN = "unknown"
NO_WEIGHTS = "none"
Row = dict[str, Any]
_log = logging.getLogger("workbench")


def backbones(query: str | None = None) -> pd.DataFrame:
    """Every backbone there is, or those that answer a query.

    Columns: name (for `load`), family (the library module), architecture, tag (which weights), parameters (of the net
    with the head its weights have), gmacs (1e9 multiply-adds an image; see `survey`), image_size (pixels, the longer
    edge), pretrained_on, licence (of the weights), top1 (ImageNet-1k, percent; NaN where no figure is at hand),
    top1_source (whose figure it is), offline (the weights are on this machine).

    Args:
        query: words that must all occur in name, family, pretrained_on or licence, and bounds on any column, parted
            by commas: `mobilenet imagenet, parameters < 6e6 and licence == 'apache-2.0'`. None gives everything.

    Raises:
        UnknownName: a bound names no column.
        BadValue: the bounds cannot be read, or compare text with a number.
    """
    frame = _everything()
    kept = questions.matching(frame, query, WORDS_IN, SYNONYMS)
    return frame[kept].reset_index(drop=True)


def row(name: str) -> pd.Series:
    """One backbone's row; its size is measured now, and remembered, where the survey lacks it.

    Args:
        name: as in the catalogue; a bare architecture stands for its default weights.

    Raises:
        UnknownName: the catalogue has no such backbone.
    """
    frame = _everything()
    full = _full_name(name, set(frame["name"]))
    if full is None:
        raise UnknownName.of("backbone", name, frame["name"], "backbones() lists them")
    found = frame[frame["name"] == full].iloc[0]
    if pd.isna(found["parameters"]) or pd.isna(found["gmacs"]):
        if _measure(full):
            return row(full)
    return found


def _full_name(name: str, known: set[str]) -> str | None:
    short = name.removeprefix("timm/")
    tries = [name, short, f"torchvision/{name}"]
    if timm.is_model(short):
        config = timm.get_pretrained_cfg(short)
        tries.append(f"{short}.{config.tag}" if config is not None and config.tag else short)
    return next((each for each in tries if each in known), None)


def _everything() -> pd.DataFrame:
    sizes = _sizes()
    counts = len(timm.list_models()), len(timm.list_models(pretrained=True))
    known, places = _published(counts, _measured_when())
    known = known.assign(offline=_here(places))
    own = pd.DataFrame([_zoo_row(*each, sizes) for each in _zoo_entries()], columns=list(COLUMNS))
    frame = pd.concat([own.astype(known.dtypes), known], ignore_index=True) if len(own) else known
    _fill_from_table(frame)
    if not frame["parameters"].isna().any():
        frame["parameters"] = frame["parameters"].astype("int64")
    return frame


# --- nets that timm and torchvision publish


@functools.lru_cache(maxsize=2)
def _published(_counts: tuple[int, int], _measured: int) -> tuple[pd.DataFrame, list[Any]]:
    """The rows that do not depend on what is on this machine, and beside each where its weights are published."""
    sizes = _sizes()
    rows, places = [], []
    for name in torchvision_nets.BARE:
        weights = torchvision_nets.published(name)
        rows.append(_torchvision_row(name, weights, sizes))
        places.append(weights)
    with_weights = timm.list_models(pretrained=True)
    covered = {name.partition(".")[0] for name in with_weights}
    for name in (*with_weights, *(n for n in timm.list_models() if n not in covered)):
        config = timm.get_pretrained_cfg(name)
        rows.append(_timm_row(name, config, sizes))
        places.append(config)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    types = {"parameters": "Int64", "gmacs": "float64", "image_size": "int64", "top1": "float64", "offline": "bool"}
    return frame.astype(types), places


def _timm_row(name: str, config: Any, sizes: Mapping[Key, Size]) -> Row:
    architecture, _, tag = name.partition(".")
    bare = config is None or not config.has_weights
    made_for = tuple(config.input_size[1:]) if config else (224, 224)
    size = sizes.get(survey.key_of(name, config)) if config else None
    figure = None if bare else published.by_torchvision(architecture, tag, _address(config))
    return {
        "name": name,
        "family": timm.model_entrypoint(architecture).__module__.rpartition(".")[2],
        "architecture": architecture,
        "tag": tag,
        **_costs(size),
        "image_size": max(made_for),
        "pretrained_on": NO_WEIGHTS if bare else pretraining.read(tag),
        "licence": NO_WEIGHTS if bare else (config.license or UNKNOWN).lower(),
        **_figure(figure),
        "offline": False,
    }


def _torchvision_row(name: str, weights: Any, sizes: Mapping[Key, Size]) -> Row:
    edge = torchvision_nets.preprocessing(name)["size"]
    source = torchvision_nets.recipe(name).source
    return {
        "name": f"torchvision/{name}",
        "family": name.rstrip("01_"),
        "architecture": name,
        "tag": weights.name if weights else "",
        **_costs(sizes.get(Key(f"torchvision/{name}", edge, edge, 1000))),
        "image_size": edge,
        "pretrained_on": source.get("pretrained_on", NO_WEIGHTS),
        "licence": str(source.get("licence", NO_WEIGHTS)).lower(),
        **_figure(published.by_weights(weights) if weights else None),
        "offline": False,
    }


def _here(places: list[Any]) -> np.ndarray:
    """Which weights are in a local cache: two listings, then a closer look at what they name."""
    from huggingface_hub import constants
    from torch.hub import get_dir

    repositories = {name for name in _listed(Path(constants.HF_HUB_CACHE)) if name.startswith("models--")}
    files = _listed(Path(get_dir(), "checkpoints"))
    if not repositories and not files:
        return np.zeros(len(places), dtype=bool)
    return np.array([_is_here(place, repositories, files) for place in places], dtype=bool)


def _is_here(place: Any, repositories: set[str], files: set[str]) -> bool:
    repository = getattr(place, "hf_hub_id", None)
    if repository and "models--" + repository.partition("@")[0].replace("/", "--") in repositories:
        return hub.cached(place) is not None
    address = _address(place)
    return bool(address) and address.rsplit("/", 1)[-1] in files


def _address(place: Any) -> str:
    """Where a library fetches weights outside the hub; timm may give the address with a file name."""
    url = getattr(place, "url", None) or ""
    return url if isinstance(url, str) else str(url[0])


def _listed(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


# --- nets of zoos


def _zoo_entries() -> Iterator[tuple[str, Path, Mapping[str, Any]]]:
    """Each entry of the built-in zoo and of `$WORKBENCH_ZOO`, under the name by which `load` finds it."""
    taken = set(torchvision_nets.BARE)
    for folder in (zoos.BUILTIN, *zoos.folders()):
        try:
            listed = zoos.entries(folder)
        except BadValue as error:
            _log.warning("this zoo is not in the catalogue: %s", error)
            continue
        for name, entry in listed.items():
            if folder == zoos.BUILTIN:
                yield f"wb/{name}", folder, entry
            elif name in taken or timm.is_model(name.partition(".")[0]):
                yield str(folder / name), folder, entry
            else:
                taken.add(name)
                yield name, folder, entry


def _zoo_row(name: str, folder: Path, entry: Mapping[str, Any], sizes: Mapping[Key, Size]) -> Row:
    architecture = str(entry.get("architecture") or entry["name"])
    height, width = _zoo_input(entry)
    data = str(entry.get("source_dataset") or UNKNOWN)
    return {
        "name": name,
        "family": _zoo_family(entry, architecture),
        "architecture": architecture,
        "tag": "",
        **_costs(_zoo_size(entry, sizes)),
        "image_size": max(height, width),
        "pretrained_on": data,
        "licence": str(entry.get("licence") or UNKNOWN).lower(),
        **_figure(_zoo_figure(entry) if data == "ImageNet-1k" else None),
        "offline": (folder / str(entry["file"])).is_file(),
    }


def _zoo_input(entry: Mapping[str, Any]) -> tuple[int, int]:
    given = entry.get("input_size")
    if not (isinstance(given, list) and len(given) == 3 and all(isinstance(edge, int) for edge in given)):
        name = str(entry.get("architecture"))
        config = timm.get_pretrained_cfg(name) if timm.is_model(name.partition(".")[0]) else None
        given = config.input_size if config else (3, 224, 224)
    return int(given[1]), int(given[2])


def _zoo_family(entry: Mapping[str, Any], architecture: str) -> str:
    bare = architecture.partition(".")[0]
    if timm.is_model(bare) and entry.get("library", "timm") == "timm":
        return timm.model_entrypoint(bare).__module__.rpartition(".")[2]
    return architecture.rstrip("0123456789_")


def _zoo_key(entry: Mapping[str, Any]) -> Key:
    """Its own, since the same architecture may be built with other arguments."""
    made = json.dumps([entry.get("builder"), entry.get("architecture"), entry.get("kwargs")], sort_keys=True)
    return Key(made, *_zoo_input(entry), int(entry.get("num_classes") or 0))


def _zoo_size(entry: Mapping[str, Any], sizes: Mapping[Key, Size]) -> Size | None:
    """What was measured of this very entry; else the survey's, where the numbers of weights agree."""
    key, given = _zoo_key(entry), entry.get("parameters")
    if key in sizes:
        return sizes[key]
    library = "torchvision/" if entry.get("library") == "torchvision" else ""
    surveyed = sizes.get(key._replace(architecture=f"{library}{entry.get('architecture')}"))
    if surveyed and surveyed.parameters == given:
        return surveyed
    return Size(given, None) if isinstance(given, int) else None


def _zoo_figure(entry: Mapping[str, Any]) -> published.Accuracy | None:
    value, how = entry.get("measured_top1"), entry.get("measured")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    where = str(how.get("on") or "") if isinstance(how, Mapping) else ""
    return float(value), f"measured by its zoo on {where or 'images it does not name'}"


# --- sizes and figures


def _costs(size: Size | None) -> Row:
    if size is None:
        return {"parameters": pd.NA, "gmacs": np.nan}
    return {"parameters": size.parameters, "gmacs": np.nan if size.macs is None else size.macs / 1e9}


def _figure(figure: published.Accuracy | None) -> Row:
    return {"top1": figure[0] if figure else np.nan, "top1_source": figure[1] if figure else ""}


def _fill_from_table(frame: pd.DataFrame) -> None:
    table = published.by_table()
    if not table:
        return
    given = frame["name"].map(table)
    found = given.notna()
    frame.loc[found, "top1"] = [figure[0] for figure in given[found]]
    frame.loc[found, "top1_source"] = [figure[1] for figure in given[found]]


def _measured() -> Path:
    """Sizes that the shipped survey lacks, measured on this machine."""
    return disk.home() / "cache" / "sizes.csv"


def _measured_when() -> int:
    path = _measured()
    return path.stat().st_mtime_ns if path.exists() else 0


def _sizes() -> Mapping[Key, Size]:
    return {**_surveyed(), **survey.read(_measured())}


@functools.cache
def _surveyed() -> Mapping[Key, Size]:
    return survey.read(survey.TABLE)


def _measure(name: str) -> bool:
    """Measures a net that no table has; whether that told anything new."""
    key, make = _recipe(name)
    known = survey.read(_measured())
    if key in known or key in _surveyed():
        return False
    try:
        size = survey.measure(make, key.height, key.width, name)
    except Exception as error:  # a net that cannot be built here keeps its place in the catalogue
        _log.warning("the size of %s cannot be measured: %s", name, error)
        return False
    _measured().parent.mkdir(parents=True, exist_ok=True)
    survey.write(_measured(), {**known, key: size})
    return True


def _recipe(name: str) -> tuple[Key, Any]:
    for listed, folder, entry in _zoo_entries():
        if listed == name:
            return _zoo_key(entry), lambda: build.build(zoos.from_entry(entry, folder))
    if name.startswith("torchvision/"):
        return Key(name, 224, 224, 1000), lambda: survey.build(name)
    config = timm.get_pretrained_cfg(name)
    return survey.key_of(name, config), lambda: survey.build(name)
