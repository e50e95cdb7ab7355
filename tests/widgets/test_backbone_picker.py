"""The backbone picker at the level of its traits; the page's part is driven in the browser test."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadValue
from workbench.nets.catalogue import backbone_search
from workbench.plan import Choice
from workbench.widgets.backbone_picker import BackbonePicker

FRAME = pd.DataFrame(
    {
        "name": ["small", "large", "<img src=x onerror=alert(1)>"],
        "family": ["mobilenet", "resnet", "resnet"],
        "parameters": [3.5e6, 25.6e6, 11.7e6],
        "gmacs": [0.3, 4.1, float("nan")],
        "image_size": [224, 224, 224],
        "pretrained_on": ["ImageNet-1k"] * 3,
        "licence": ["apache-2.0", "mit", "unknown"],
        "top1": [72.0, float("nan"), float("nan")],
        "top1_source": ["its authors", "", ""],
        "offline": [True, False, True],
    }
)


@pytest.fixture(autouse=True)
def catalogue(monkeypatch):
    def search_backbones(query=None):
        if query == "parameters <":
            raise BadValue("parameters < is not a bound")
        return FRAME[[all(w in " ".join(map(str, row)) for w in (query or "").split()) for row in FRAME.to_numpy()]]

    monkeypatch.setattr(backbone_search, "search_backbones", search_backbones)


def test_all_are_found_at_first_and_the_rows_are_plain_json_without_nan():
    picker = BackbonePicker()
    assert picker.found == [0, 1, 2]
    assert "NaN" not in json.dumps(picker.rows)
    assert picker.rows["top1"] == [72.0, None, None]
    assert picker.rows["memory"][2] is None
    assert picker.rows["memory"][0] < picker.rows["memory"][1]


def test_words_and_the_switch_narrow_what_is_found():
    picker = BackbonePicker("resnet")
    assert picker.found == [1, 2]
    picker.offline_only = True
    assert picker.found == [2]
    picker.query = ""
    assert picker.found == [0, 2]
    assert list(picker.frame["name"]) == ["small", "<img src=x onerror=alert(1)>"]


def test_a_query_half_typed_keeps_what_was_found_and_says_why():
    picker = BackbonePicker("resnet")
    picker.query = "parameters <"
    assert picker.found == [1, 2]
    assert picker.note == "parameters < is not a bound"
    picker.query = "small"
    assert picker.found == [0]
    assert picker.note == ""


def test_the_product_is_a_name_and_a_choice():
    picker = BackbonePicker()
    assert picker.choice is None
    picker.set_state({"backbone": "large"})  # as the page does
    assert picker.choice == Choice("large")
    picker.backbone = ""
    assert picker.choice is None


def test_the_title_names_the_images():
    assert BackbonePicker(images=wb.load_images("digits")).title == "Backbones for digits"


@pytest.mark.parametrize("query", ["small", "resnet"])
def test_there_is_a_plain_figure_with_accuracies_and_without(query):
    figure = BackbonePicker(query).figure()
    assert figure.layout.title.text


def test_the_plain_figure_of_nothing_found():
    assert BackbonePicker("no-such-word").figure().layout.title.text
