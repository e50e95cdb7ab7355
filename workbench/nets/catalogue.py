"""The catalogue: every backbone that `load` takes by name, as a frame to look through and to ask."""

from __future__ import annotations

import pandas as pd
import timm

from workbench.arguments import check_arguments
from workbench.errors import UnknownName
from workbench.nets import library_rows, published, questions, sizes, zoo_rows

WORDS_IN = ("name", "family", "pretrained_on", "licence")
SYNONYMS = {"license": "licence", "params": "parameters"}


@check_arguments
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
    # a zoo's few rows are there at once; the library's need a second, and anew when a size was learnt
    frame, full = _zoo(), name
    if name not in set(frame["name"]):
        frame = _everything()
        full = _full_name(name, set(frame["name"]))
    if full is None:
        raise UnknownName.of("backbone", name, frame["name"], "backbones() lists them")
    found = frame[frame["name"] == full].iloc[0]
    if pd.isna(found["parameters"]) or pd.isna(found["gmacs"]):
        key, make = zoo_rows.recipe(full) or library_rows.recipe(full)
        if sizes.learn(key, make, full):
            return row(full)
    return found


def _full_name(name: str, known: set[str]) -> str | None:
    short = name.removeprefix("timm/")
    tries = [name, short, f"torchvision/{name}"]
    if timm.is_model(short) and "." not in short:
        config = timm.get_pretrained_cfg(short)
        tries.append(f"{short}.{config.tag}" if config is not None and config.tag else short)
    return next((each for each in tries if each in known), None)


def _zoo() -> pd.DataFrame:
    frame = zoo_rows.frame(library_rows.empty())
    _fill_from_table(frame)
    return frame


def _everything() -> pd.DataFrame:
    frame = library_rows.frame()
    own = zoo_rows.frame(frame)
    if len(own):
        frame = pd.concat([own, frame], ignore_index=True)
    _fill_from_table(frame)
    if not frame["parameters"].isna().any():
        frame["parameters"] = frame["parameters"].astype("int64")
    return frame


def _fill_from_table(frame: pd.DataFrame) -> None:
    table = published.by_table()
    if not table:
        return
    given = frame["name"].map(table)
    found = given.notna()
    frame.loc[found, "top1"] = [figure[0] for figure in given[found]]
    frame.loc[found, "top1_source"] = [figure[1] for figure in given[found]]
