"""The catalogue's rows of what timm and torchvision publish."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import timm
from torch import nn

from workbench.nets import hub, pretraining, published, sizes, survey, torchvision_nets
from workbench.nets.survey import Key, Size

COLUMNS = (
    *("name", "family", "architecture", "tag", "parameters", "gmacs", "image_size", "pretrained_on", "licence"),
    *("top1", "top1_source", "offline"),
)
TYPES = {"parameters": "Int64", "gmacs": "float64", "image_size": "int64", "top1": "float64", "offline": "bool"}
UNKNOWN = "unknown"
NO_WEIGHTS = "none"
Row = dict[str, Any]


def frame() -> pd.DataFrame:
    """A row for each set of weights, and for each architecture without any."""
    rows, places = _rows(len(timm.list_models()), sizes.changed())
    return rows.assign(offline=_here(places))


def empty() -> pd.DataFrame:
    """The frame without a row: its columns and their types."""
    return pd.DataFrame(columns=list(COLUMNS)).astype(TYPES)


def recipe(name: str) -> tuple[Key, Callable[[], nn.Module]]:
    """What the size of a row is filed under, and how its net is built."""
    if name.startswith("torchvision/"):
        edge = torchvision_nets.preprocessing(name.rpartition("/")[2])["size"]
        return Key(name, edge, edge, 1000), lambda: survey.build(name)
    return _key(name, timm.get_pretrained_cfg(name)), lambda: survey.build(name)


def costs(size: Size | None) -> Row:
    """The columns of a size; missing where it is not known."""
    if size is None:
        return {"parameters": pd.NA, "gmacs": np.nan}
    return {"parameters": size.parameters, "gmacs": np.nan if size.macs is None else size.macs / 1e9}


def figure(accuracy: published.Accuracy | None) -> Row:
    """The columns of a published accuracy."""
    return {"top1": accuracy[0] if accuracy else np.nan, "top1_source": accuracy[1] if accuracy else ""}


def family(architecture: str) -> str:
    """The module of timm that defines an architecture."""
    return timm.model_entrypoint(architecture).__module__.rpartition(".")[2]


@functools.lru_cache(maxsize=2)
def _rows(_count: int, _measured: int) -> tuple[pd.DataFrame, list[Any]]:
    """The rows that do not depend on what is on this machine, and beside each where its weights are published."""
    known = sizes.known()
    rows, places = [], []
    for name in torchvision_nets.BARE:
        weights = torchvision_nets.published(name)
        rows.append(_torchvision_row(name, weights, known))
        places.append(weights)
    with_weights = timm.list_models(pretrained=True)
    covered = {name.partition(".")[0] for name in with_weights}
    for name in (*with_weights, *(n for n in timm.list_models() if n not in covered)):
        config = timm.get_pretrained_cfg(name)
        rows.append(_timm_row(name, config, known))
        places.append(config)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(TYPES), places


def _timm_row(name: str, config: Any, known: Mapping[Key, Size]) -> Row:
    architecture, _, tag = name.partition(".")
    licence, has_weights = getattr(config, "license", None), bool(getattr(config, "has_weights", False))
    key = _key(name, config)
    accuracy = published.by_torchvision(architecture, tag, _address(config)) if has_weights else None
    return {
        "name": name,
        "family": family(architecture),
        "architecture": architecture,
        "tag": tag,
        **costs(known.get(key)),
        "image_size": max(key.height, key.width),
        "pretrained_on": pretraining.read(tag) if has_weights else NO_WEIGHTS,
        "licence": (licence or UNKNOWN).lower() if has_weights else NO_WEIGHTS,
        **figure(accuracy),
        "offline": False,
    }


def _key(name: str, config: Any) -> Key:
    # an architecture that timm holds no record of, such as one registered by hand, counts as a usual net
    return survey.key_of(name, config) if config is not None else Key(name, 224, 224, 1000)


def _torchvision_row(name: str, weights: Any, known: Mapping[Key, Size]) -> Row:
    edge = torchvision_nets.preprocessing(name)["size"]
    source = torchvision_nets.recipe(name).source
    return {
        "name": f"torchvision/{name}",
        "family": name.rstrip("01_"),
        "architecture": name,
        "tag": weights.name if weights else "",
        **costs(known.get(Key(f"torchvision/{name}", edge, edge, 1000))),
        "image_size": edge,
        "pretrained_on": source.get("pretrained_on", NO_WEIGHTS),
        "licence": str(source.get("licence", NO_WEIGHTS)).lower(),
        **figure(published.by_weights(weights) if weights else None),
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
