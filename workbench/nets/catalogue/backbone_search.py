"""Search in the catalogue of every backbone that `load_net` accepts by name."""

from __future__ import annotations

import pandas as pd
import timm

from workbench.argument_checks import check_arguments
from workbench.errors import UnknownName
from workbench.nets.catalogue import catalogue_query, library_rows, net_sizes, published_accuracy, zoo_rows

__all__ = ["list_backbones", "search_backbones"]

TEXT_COLUMNS = ("name", "family", "pretrained_on", "licence")
COLUMN_SYNONYMS = {"license": "licence", "params": "parameters"}


@check_arguments
def search_backbones(query: str | None = None) -> pd.DataFrame:
    """Search the catalogue of backbones.

    Columns: name (for `load_net`), family (the library module), architecture, tag (which weights), parameters (of the
    net with the head of its weights), gmacs (1e9 multiply-adds per image; see `size_survey`), image_size (pixels, the
    longer edge), pretrained_on, licence (of the weights), top1 (ImageNet-1k, percent; NaN where no value is known),
    top1_source (who published the value), offline (the weights are on this machine).

    Args:
        query: words that must all occur in name, family, pretrained_on or licence, and bounds on any column, separated
            by commas: `mobilenet imagenet, parameters < 6e6 and licence == 'apache-2.0'`. None gives every backbone.

    Returns:
        one row per backbone.

    Raises:
        UnknownName: a bound names no column.
        BadValue: the bounds cannot be parsed, or compare text with a number.
    """
    frame = _load_full_frame()
    mask = catalogue_query.match_rows(frame, query, TEXT_COLUMNS, COLUMN_SYNONYMS)
    return frame[mask].reset_index(drop=True)


@check_arguments
def list_backbones() -> list[str]:
    """List the names of all backbones in the catalogue, as `load_net` accepts them."""
    return search_backbones()["name"].tolist()


def get_backbone_row(name: str) -> pd.Series:
    """Return one backbone's row; a size that the survey lacks is measured now and stored.

    Args:
        name: name as in the catalogue; a bare architecture means its default weights.

    Raises:
        UnknownName: the catalogue has no such backbone.
    """
    # the zoo's few rows are immediate; the libraries' rows take a second, again after each newly measured size
    frame, full_name = _load_zoo_frame(), name
    if name not in set(frame["name"]):
        frame = _load_full_frame()
        full_name = _resolve_full_name(name, set(frame["name"]))
    if full_name is None:
        raise UnknownName.of("backbone", name, frame["name"], "list_backbones() lists them")
    row = frame[frame["name"] == full_name].iloc[0]
    if pd.isna(row["parameters"]) or pd.isna(row["gmacs"]):
        key, build_net = zoo_rows.get_zoo_net_builder(full_name) or library_rows.get_library_net_builder(full_name)
        if net_sizes.measure_and_store(key, build_net, full_name):
            return get_backbone_row(full_name)
    return row


def _resolve_full_name(name: str, known: set[str]) -> str | None:
    short = name.removeprefix("timm/")
    tries = [name, short, f"torchvision/{name}"]
    if timm.is_model(short) and "." not in short:
        config = timm.get_pretrained_cfg(short)
        tries.append(f"{short}.{config.tag}" if config is not None and config.tag else short)
    return next((each for each in tries if each in known), None)


def _load_zoo_frame() -> pd.DataFrame:
    frame = zoo_rows.build_zoo_frame(library_rows.make_empty_frame())
    _fill_user_accuracies(frame)
    return frame


def _load_full_frame() -> pd.DataFrame:
    frame = library_rows.build_library_frame()
    own = zoo_rows.build_zoo_frame(frame)
    if len(own):
        frame = pd.concat([own, frame], ignore_index=True)
    _fill_user_accuracies(frame)
    if not frame["parameters"].isna().any():
        frame["parameters"] = frame["parameters"].astype("int64")
    return frame


def _fill_user_accuracies(frame: pd.DataFrame) -> None:
    table = published_accuracy.read_accuracy_table()
    if not table:
        return
    accuracies = frame["name"].map(table)
    has_accuracy = accuracies.notna()
    frame.loc[has_accuracy, "top1"] = [figure[0] for figure in accuracies[has_accuracy]]
    frame.loc[has_accuracy, "top1_source"] = [figure[1] for figure in accuracies[has_accuracy]]
