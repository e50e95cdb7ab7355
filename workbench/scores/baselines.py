"""Naive baselines: what anyone knows of a backbone before looking at an image, to be shown beside every score."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.errors import BadValue, Unavailable, UnknownName
from workbench.scores import scores

# images or image-text pairs of what weights were trained on, as its makers count them
IMAGES = {
    "none": 0,
    "ImageNet-1k": 1_281_167,
    "ImageNet-12k": 12_000_000,
    "ImageNet-21k": 14_197_122,
    "ImageNet-22k": 14_197_122,
    "ImageNet-21k (winter)": 13_153_500,
    "LAION-2B": 2_300_000_000,
    "LAION-400M": 413_000_000,
    "LAION-Aesthetic": 900_000_000,
    "DataComp-XL": 1_400_000_000,
    "DataComp-1B": 1_400_000_000,
    "DFN-2B": 2_000_000_000,
    "DFN-5B": 5_000_000_000,
    "DFNDR-2B": 2_000_000_000,
    "WebLI": 10_000_000_000,
    "MetaCLIP-400M": 400_000_000,
    "MetaCLIP-2.5B": 2_500_000_000,
    "MetaCLIP 2 worldwide": 29_000_000_000,
    "OpenAI CLIP (400M pairs)": 400_000_000,
    "YFCC-100M": 99_000_000,
    "YFCC-15M": 15_000_000,
    "CC-12M": 12_000_000,
    "Instagram-1B": 940_000_000,
    "Instagram (SEER)": 1_000_000_000,
    "Instagram (SWAG)": 3_600_000_000,
    "JFT-300M": 300_000_000,
    "Merged-2B": 2_000_000_000,
    "Merged-30M": 30_000_000,
    "Merged-38M": 38_000_000,
    "LVD-142M": 142_000_000,
    "LVD-1689M": 1_689_000_000,
    "SAT-493M": 493_000_000,
    "SA-1B": 11_000_000,
    "Bamboo": 69_000_000,
    "iNaturalist 2021": 2_686_843,
}


@scores.add("parameters")
def parameters(backbone: Any) -> float:
    """The backbone's weights, in millions.

    Args:
        backbone: a catalogue name, or a row of `wb.backbones()`.

    Raises:
        UnknownName: the catalogue has no such backbone.
        Unavailable: its size is not known.

    Needs: backbone.
    Source: a baseline: size alone foretells much, see `published_top1`.
    Cost: a look-up.
    Breaks: it does not see the target at all: small targets can want small backbones.
    """
    return _figure(backbone, "parameters", "size") / 1e6


@scores.add("multiply_adds")
def multiply_adds(backbone: Any) -> float:
    """The backbone's multiply-adds an image, in billions, at the image size of its weights.

    Args:
        backbone: a catalogue name, or a row of `wb.backbones()`.

    Raises:
        UnknownName: the catalogue has no such backbone.
        Unavailable: the figure is not known.

    Needs: backbone.
    Source: a baseline: the work that a backbone does, whatever its weights.
    Cost: a look-up.
    Breaks: it does not see the target at all; the same backbone counts for more at larger images.
    """
    return _figure(backbone, "gmacs", "number of multiply-adds")


@scores.add("published_top1")
def published_top1(backbone: Any) -> float:
    """The backbone's published ImageNet-1k top-1, in percent.

    Args:
        backbone: a catalogue name, or a row of `wb.backbones()`.

    Raises:
        UnknownName: the catalogue has no such backbone.
        Unavailable: no figure is at hand.

    Needs: backbone.
    Source: Kornblith et al. 2019, arXiv:1805.08974: better ImageNet models transfer better.
    Cost: a look-up.
    Breaks: targets far from ImageNet; backbones without a classifier; figures at unlike image sizes or recipes.
    """
    return _figure(backbone, "top1", "ImageNet top-1")


@scores.add("pretraining_size")
def pretraining_size(backbone: Any) -> float:
    """The images that the backbone's weights were trained on, in millions; several data sets add up.

    Args:
        backbone: a catalogue name, or a row of `wb.backbones()`.

    Raises:
        UnknownName: the catalogue has no such backbone.
        Unavailable: its weights do not tell what they were trained on, or nobody tells how many images that is.

    Needs: backbone.
    Source: a baseline: see Bolya et al. 2021, arXiv:2111.06977, for a heuristic of this kind.
    Cost: a look-up.
    Breaks: it does not see the target, nor how alike the images are; pairs with text count as images.
    """
    trained_on = str(_row(backbone)["pretrained_on"])
    total, before = 0, ""
    for part in re.split(r" → | \+ ", trained_on):
        # the catalogue shortens `ImageNet-12k → ImageNet-1k` to `ImageNet-12k → 1k`, and tells methods in brackets
        short = re.sub(r" \((DINO|MAE|FCMAE)\)$", "", part)
        name = f"ImageNet-{short}" if before.startswith("ImageNet") and re.fullmatch(r"\d+k", short) else short
        if name not in IMAGES:
            raise Unavailable(f"{_name(backbone)} was trained on {trained_on!r}, and its number of images is not known")
        total, before = total + IMAGES[name], name
    return total / 1e6


@scores.add("rank_elsewhere")
def rank_elsewhere(backbone: Any, measured: pd.DataFrame) -> float:
    """The backbone's mean place on other targets that were measured, from 0 for the best to 1 for the worst.

    Args:
        backbone: a name, or a mapping with one.
        measured: accuracies: a row a backbone (its name the index), a column a target; NaN where not measured. The
            target that is being ranked must not be among them.

    Raises:
        UnknownName: the backbone has no row.
        BadValue: not such a frame.
        Unavailable: nowhere was the backbone measured beside another.

    Needs: backbone, measured.
    Source: a baseline: what did well elsewhere does well here.
    Cost: a look-up, and one sort a target.
    Better: lower.
    Breaks: targets of another kind; few targets or few backbones in common.
    """
    name = _name(backbone)
    if not isinstance(measured, pd.DataFrame) or not measured.index.is_unique:
        raise BadValue("measured is a frame of accuracies: one row a backbone, its name the index, one column a target")
    if name not in measured.index:
        raise UnknownName.of("measured backbone", name, map(str, measured.index))
    accuracy = measured.astype(float)
    places = (accuracy.rank(ascending=False) - 1) / (accuracy.count() - 1).where(lambda n: n > 0)
    found = places.loc[name].dropna()
    if found.empty:
        raise Unavailable(f"{name} was not measured beside another backbone on any other target")
    return float(found.mean())


def _figure(backbone: Any, column: str, noun: str) -> float:
    value = _row(backbone)[column]
    if pd.isna(value):
        raise Unavailable(f"the {noun} of {_name(backbone)} is not known here; leave this baseline out for it")
    return float(value)


def _row(backbone: Any) -> Any:
    if isinstance(backbone, (Mapping, pd.Series)):
        return backbone
    from workbench.nets.catalogue import row

    return row(str(backbone))


def _name(backbone: Any) -> str:
    return str(backbone["name"]) if isinstance(backbone, (Mapping, pd.Series)) else str(backbone)
