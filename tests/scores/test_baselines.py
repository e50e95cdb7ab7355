"""Naive baselines: the catalogue's figures, and ranks on other targets by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.errors import BadValue, Unavailable, UnknownName
from workbench.scores import scores
from workbench.scores.baselines import PRETRAINING_IMAGES

ROW = {"name": "a", "parameters": 25_557_032, "gmacs": 4.1, "top1": 76.1, "pretrained_on": "ImageNet-1k"}


def test_figures_come_from_the_row():
    assert scores["parameters"](ROW) == pytest.approx(25.557032)
    assert scores["multiply_adds"](pd.Series(ROW)) == 4.1
    assert scores["published_top1"](ROW) == 76.1


def test_a_name_is_looked_up():
    assert scores["parameters"]("torchvision/alexnet") == pytest.approx(61.10084)
    with pytest.raises(UnknownName, match="resnet"):
        scores["parameters"]("resnet5O")


def test_what_is_not_known_is_said():
    with pytest.raises(Unavailable, match="top-1 of a is unknown"):
        scores["published_top1"](ROW | {"top1": float("nan")})
    with pytest.raises(Unavailable, match="'unknown'"):
        scores["pretraining_size"](ROW | {"pretrained_on": "unknown"})


@pytest.mark.parametrize(
    ("trained_on", "images"),
    [
        ("none", 0),
        ("ImageNet-1k", 1_281_167),
        ("ImageNet-1k (DINO)", 1_281_167),
        ("LAION-2B → ImageNet-12k → 1k", 2_300_000_000 + 12_000_000 + 1_281_167),
        ("ImageNet-22k + 1k", 14_197_122 + 1_281_167),
        ("JFT-300M + ImageNet-1k", 301_281_167),
    ],
)
def test_data_sets_add_up(trained_on, images):
    assert scores["pretraining_size"](ROW | {"pretrained_on": trained_on}) == pytest.approx(images / 1e6)


def test_every_data_set_that_tags_name_is_counted():
    from workbench.nets.catalogue.pretraining_data import DATASET_NAMES

    # whose makers tell no number of images
    assert set(DATASET_NAMES.values()) - set(PRETRAINING_IMAGES) == {"iNaturalist"}


def test_places_elsewhere_are_averaged():
    measured = pd.DataFrame(
        {"digits": [0.9, 0.8, 0.7], "clothing": [0.5, 0.7, np.nan], "alone": [np.nan, np.nan, 0.3]}, index=list("abc")
    )
    rank = scores["rank_elsewhere"]
    # a is best of three and worst of two; being measured alone says nothing
    assert rank("a", measured) == pytest.approx((0 + 1) / 2)
    assert rank({"name": "b"}, measured) == pytest.approx((1 / 2 + 0) / 2)
    assert rank("c", measured) == 1
    with pytest.raises(Unavailable, match="beside another"):
        rank("c", measured[["alone"]])
    with pytest.raises(UnknownName, match="'d'"):
        rank("d", measured)
    with pytest.raises(BadValue, match="DataFrame"):
        rank("a", {"digits": 1})
