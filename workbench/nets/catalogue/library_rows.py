"""Rows of the catalogue for the weights that timm and torchvision publish."""

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

from workbench.nets.catalogue import net_sizes, pretraining_data, published_accuracy, size_survey
from workbench.nets.catalogue.size_survey import NetSize, SizeKey
from workbench.nets.loading import hub, torchvision_nets

COLUMNS = (
    *("name", "family", "architecture", "tag", "parameters", "gmacs", "image_size", "pretrained_on", "licence"),
    *("top1", "top1_source", "offline"),
)
TYPES = {"parameters": "Int64", "gmacs": "float64", "image_size": "int64", "top1": "float64", "offline": "bool"}
UNKNOWN = "unknown"
NO_WEIGHTS = "none"
Row = dict[str, Any]


def build_library_frame() -> pd.DataFrame:
    """Build the frame with one row per set of weights, and one per architecture without any."""
    rows, weight_records = _build_static_rows(len(timm.list_models()), net_sizes.get_local_table_version())
    return rows.assign(offline=_find_cached_rows(weight_records))


def make_empty_frame() -> pd.DataFrame:
    """Make the frame without rows: its columns and their types."""
    return pd.DataFrame(columns=list(COLUMNS)).astype(TYPES)


def get_library_net_builder(name: str) -> tuple[SizeKey, Callable[[], nn.Module]]:
    """Return the key of a row's size, and a function that builds its net."""
    if name.startswith("torchvision/"):
        image_size = torchvision_nets.get_preprocessing_fields(name.rpartition("/")[2])["size"]
        return SizeKey(name, image_size, image_size, 1000), lambda: size_survey.build_random_net(name)
    return _make_timm_size_key(name, timm.get_pretrained_cfg(name)), lambda: size_survey.build_random_net(name)


def make_size_columns(size: NetSize | None) -> Row:
    """Make the columns of a size; missing values where it is unknown."""
    if size is None:
        return {"parameters": pd.NA, "gmacs": np.nan}
    return {"parameters": size.n_parameters, "gmacs": np.nan if size.macs is None else size.macs / 1e9}


def make_accuracy_columns(accuracy: published_accuracy.Accuracy | None) -> Row:
    """Make the columns of a published accuracy."""
    return {"top1": accuracy[0] if accuracy else np.nan, "top1_source": accuracy[1] if accuracy else ""}


def get_timm_family(architecture: str) -> str:
    """Return the name of the timm module that defines an architecture."""
    return timm.model_entrypoint(architecture).__module__.rpartition(".")[2]


@functools.lru_cache(maxsize=2)
def _build_static_rows(_n_timm_models: int, _table_version: int) -> tuple[pd.DataFrame, list[Any]]:
    """Build the rows' columns that do not depend on this machine, and the published record of each row's weights."""
    known_sizes = net_sizes.load_known_sizes()
    rows, weight_records = [], []
    for name in torchvision_nets.BARE_NAMES:
        weights = torchvision_nets.get_default_weights(name)
        rows.append(_make_torchvision_row(name, weights, known_sizes))
        weight_records.append(weights)
    with_weights = timm.list_models(pretrained=True)
    covered = {name.partition(".")[0] for name in with_weights}
    for name in (*with_weights, *(n for n in timm.list_models() if n not in covered)):
        config = timm.get_pretrained_cfg(name)
        rows.append(_make_timm_row(name, config, known_sizes))
        weight_records.append(config)
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(TYPES), weight_records


def _make_timm_row(name: str, config: Any, known_sizes: Mapping[SizeKey, NetSize]) -> Row:
    architecture, _, tag = name.partition(".")
    licence, has_weights = getattr(config, "license", None), bool(getattr(config, "has_weights", False))
    key = _make_timm_size_key(name, config)
    accuracy = (
        published_accuracy.find_torchvision_accuracy(architecture, tag, _get_weights_url(config))
        if has_weights
        else None
    )
    return {
        "name": name,
        "family": get_timm_family(architecture),
        "architecture": architecture,
        "tag": tag,
        **make_size_columns(known_sizes.get(key)),
        "image_size": max(key.height, key.width),
        "pretrained_on": pretraining_data.describe_pretraining_data(tag) if has_weights else NO_WEIGHTS,
        "licence": (licence or UNKNOWN).lower() if has_weights else NO_WEIGHTS,
        **make_accuracy_columns(accuracy),
        "offline": False,
    }


def _make_timm_size_key(name: str, config: Any) -> SizeKey:
    # an architecture without a timm record, such as one registered by the user, gets the usual input and head
    return size_survey.make_size_key(name, config) if config is not None else SizeKey(name, 224, 224, 1000)


def _make_torchvision_row(name: str, weights: Any, known_sizes: Mapping[SizeKey, NetSize]) -> Row:
    image_size = torchvision_nets.get_preprocessing_fields(name)["size"]
    source = torchvision_nets.make_torchvision_recipe(name).provenance
    return {
        "name": f"torchvision/{name}",
        "family": name.rstrip("01_"),
        "architecture": name,
        "tag": weights.name if weights else "",
        **make_size_columns(known_sizes.get(SizeKey(f"torchvision/{name}", image_size, image_size, 1000))),
        "image_size": image_size,
        "pretrained_on": source.get("pretrained_on", NO_WEIGHTS),
        "licence": str(source.get("licence", NO_WEIGHTS)).lower(),
        **make_accuracy_columns(published_accuracy.read_weights_accuracy(weights) if weights else None),
        "offline": False,
    }


def _find_cached_rows(weight_records: list[Any]) -> np.ndarray:
    """Return which weights are in a local cache (n,) bool: two directory listings, then a check of the candidates."""
    from huggingface_hub import constants
    from torch.hub import get_dir

    repositories = {name for name in _list_folder_names(Path(constants.HF_HUB_CACHE)) if name.startswith("models--")}
    files = _list_folder_names(Path(get_dir(), "checkpoints"))
    if not repositories and not files:
        return np.zeros(len(weight_records), dtype=bool)
    return np.array([_is_cached(record, repositories, files) for record in weight_records], dtype=bool)


def _is_cached(weight_record: Any, repositories: set[str], files: set[str]) -> bool:
    repository = getattr(weight_record, "hf_hub_id", None)
    if repository and "models--" + repository.partition("@")[0].replace("/", "--") in repositories:
        return hub.find_cached_file(weight_record) is not None
    address = _get_weights_url(weight_record)
    return bool(address) and address.rsplit("/", 1)[-1] in files


def _get_weights_url(weight_record: Any) -> str:
    """Return the URL of weights outside the hub; timm may give a pair of URL and file name."""
    url = getattr(weight_record, "url", None) or ""
    return url if isinstance(url, str) else str(url[0])


def _list_folder_names(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()
