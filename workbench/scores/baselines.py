"""Naive baselines: what is known about a backbone without the target images, for comparison with every score."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from workbench.errors import BadValue, Unavailable, UnknownName
from workbench.scores import scores

# number of images or image-text pairs in each pretraining set, as published
PRETRAINING_IMAGES = {
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
    """Count the backbone's weights, in millions.

    Args:
        backbone: a catalogue name, or a row of `wb.search_backbones()`.

    Raises:
        UnknownName: the catalogue has no such backbone.
        Unavailable: its size is not known.

    Needs: backbone.
    Source: a baseline: size alone predicts much, see `published_top1`.
    Cost: a look-up.
    Breaks: it ignores the target: small targets can need small backbones.
    """
    return _catalogue_number(backbone, "parameters", "size") / 1e6


@scores.add("multiply_adds")
def multiply_adds(backbone: Any) -> float:
    """Count the backbone's multiply-adds per image, in billions, at the image size of its weights.

    Args:
        backbone: a catalogue name, or a row of `wb.search_backbones()`.

    Raises:
        UnknownName: the catalogue has no such backbone.
        Unavailable: the number is not known.

    Needs: backbone.
    Source: a baseline: the compute of a backbone, whatever its weights.
    Cost: a look-up.
    Breaks: it ignores the target; the same backbone has a larger value at larger images.
    """
    return _catalogue_number(backbone, "gmacs", "number of multiply-adds")


@scores.add("published_top1")
def published_top1(backbone: Any) -> float:
    """Look up the backbone's published ImageNet-1k top-1 accuracy, in percent.

    Args:
        backbone: a catalogue name, or a row of `wb.search_backbones()`.

    Raises:
        UnknownName: the catalogue has no such backbone.
        Unavailable: no accuracy is known.

    Needs: backbone.
    Source: Kornblith et al. 2019, arXiv:1805.08974: better ImageNet models transfer better.
    Cost: a look-up.
    Breaks: targets far from ImageNet; backbones without a classifier; accuracies at different image sizes or recipes.
    """
    return _catalogue_number(backbone, "top1", "ImageNet top-1")


@scores.add("pretraining_size")
def pretraining_size(backbone: Any) -> float:
    """Count the images that the backbone was pretrained on, in millions; several data sets are added.

    Args:
        backbone: a catalogue name, or a row of `wb.search_backbones()`.

    Raises:
        UnknownName: the catalogue has no such backbone.
        Unavailable: the pretraining set, or its number of images, is not known.

    Needs: backbone.
    Source: a baseline: see Bolya et al. 2021, arXiv:2111.06977, for a heuristic of this kind.
    Cost: a look-up.
    Breaks: it ignores the target and how similar the images are; image-text pairs count as images.
    """
    trained_on = str(_catalogue_row(backbone)["pretrained_on"])
    total, before = 0, ""
    for part in re.split(r" → | \+ ", trained_on):
        # the catalogue shortens `ImageNet-12k → ImageNet-1k` to `ImageNet-12k → 1k`, and puts methods in brackets
        short = re.sub(r" \((DINO|MAE|FCMAE)\)$", "", part)
        name = f"ImageNet-{short}" if before.startswith("ImageNet") and re.fullmatch(r"\d+k", short) else short
        if name not in PRETRAINING_IMAGES:
            raise Unavailable(
                f"{_backbone_name(backbone)} was trained on {trained_on!r}, and its number of images is not known"
            )
        total, before = total + PRETRAINING_IMAGES[name], name
    return total / 1e6


@scores.add("rank_elsewhere")
def rank_elsewhere(backbone: Any, other_accuracies: pd.DataFrame) -> float:
    """Compute the backbone's mean relative rank on other measured targets, from 0 for the best to 1 for the worst.

    Args:
        backbone: a name, or a mapping with one.
        other_accuracies: accuracies: one row per backbone (its name the index), one column per target; NaN where not
            measured. The target that is being ranked must not be among them.

    Raises:
        UnknownName: the backbone has no row.
        BadValue: not such a frame.
        Unavailable: the backbone was not measured with another one on any target.

    Needs: backbone, other_accuracies.
    Source: a baseline: what transfers well elsewhere transfers well here.
    Cost: a look-up, and one sort per target.
    Better: lower.
    Breaks: targets of another kind; few targets or few backbones in common.
    """
    name = _backbone_name(backbone)
    if not isinstance(other_accuracies, pd.DataFrame) or not other_accuracies.index.is_unique:
        raise BadValue(
            "expected other_accuracies as a frame: one row per backbone, its name the index, one column per target"
        )
    if name not in other_accuracies.index:
        raise UnknownName.of("measured backbone", name, map(str, other_accuracies.index))
    accuracy = other_accuracies.astype(float)
    ranks = (accuracy.rank(ascending=False) - 1) / (accuracy.count() - 1).where(lambda n: n > 0)
    own_ranks = ranks.loc[name].dropna()
    if own_ranks.empty:
        raise Unavailable(f"{name} was not measured beside another backbone on any other target")
    return float(own_ranks.mean())


def _catalogue_number(backbone: Any, column: str, noun: str) -> float:
    value = _catalogue_row(backbone)[column]
    if pd.isna(value):
        raise Unavailable(f"the {noun} of {_backbone_name(backbone)} is unknown; leave this baseline out")
    return float(value)


def _catalogue_row(backbone: Any) -> Any:
    if isinstance(backbone, (Mapping, pd.Series)):
        return backbone
    from workbench.nets.catalogue.backbone_search import get_backbone_row

    return get_backbone_row(str(backbone))


def _backbone_name(backbone: Any) -> str:
    return str(backbone["name"]) if isinstance(backbone, (Mapping, pd.Series)) else str(backbone)
