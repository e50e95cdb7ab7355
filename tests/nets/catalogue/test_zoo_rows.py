"""Zoos in the catalogue."""

from __future__ import annotations

import json

import pytest

from workbench.nets.catalogue import backbone_search, size_survey, zoo_rows

ENTRY = {
    "name": "small",
    "file": "small.safetensors",
    "library": "timm",
    "architecture": "test_efficientnet",
    "kwargs": {"num_classes": 7},
    "num_classes": 7,
    "input_size": [3, 64, 64],
    "source_dataset": "ImageNet-1k",
    "licence": "Apache-2.0",
    "measured_top1": 61.5,
    "measured": {"on": "our images"},
}


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A function that writes an index of entries and puts it on the path of zoos."""
    monkeypatch.setenv("WORKBENCH_ZOO", str(tmp_path))

    def write(*changes, **index):
        nets = [{**ENTRY, **changed} for changed in changes or ({},)]
        (tmp_path / "zoo.json").write_text(json.dumps({"format": "zoo-1", "nets": nets, **index}))
        return tmp_path

    return write


def own(folder):
    frame = backbone_search.search_backbones()
    return frame[~frame["name"].str.match(r"wb/|torchvision/")].iloc[0]


def test_an_entry_is_a_row(zoo):
    found = own(zoo())
    assert found["name"] == "small" and found["architecture"] == "test_efficientnet"
    assert found["family"] == "efficientnet" and found["image_size"] == 64
    assert found["licence"] == "apache-2.0" and found["pretrained_on"] == "ImageNet-1k"
    assert found["top1"] == 61.5 and found["top1_source"] == "measured by its zoo on our images"


def test_only_files_that_are_there_are_offline(zoo):
    folder = zoo()
    assert not own(folder)["offline"]
    (folder / "small.safetensors").write_bytes(b"x")
    assert own(folder)["offline"]


def test_a_figure_on_other_data_is_no_imagenet_top1(zoo):
    found = own(zoo({"source_dataset": "CIFAR-10"}))
    assert found["top1"] != found["top1"] and found["top1_source"] == ""


def test_sizes_come_from_the_survey_only_where_the_weights_agree(zoo):
    key = size_survey.SizeKey("test_efficientnet", 160, 160, 1000)
    true = size_survey.read_size_table(size_survey.TABLE_PATH)[key]
    same = {"input_size": [3, 160, 160], "num_classes": 1000, "parameters": true.n_parameters}
    found = own(zoo(same))
    assert found["parameters"] == true.n_parameters and found["gmacs"] == true.macs / 1e9
    found = own(zoo({**same, "parameters": 5}))
    assert found["parameters"] == 5 and found["gmacs"] != found["gmacs"]


def test_a_row_asked_for_is_measured_and_remembered(zoo):
    assert backbone_search.search_backbones("small test_none").empty
    found = own(zoo())
    assert found["gmacs"] != found["gmacs"]
    measured = backbone_search.get_backbone_row("small")
    assert 0 < measured["gmacs"] < 0.05
    assert measured["parameters"] == size_survey.count_parameters(zoo_rows.get_zoo_net_builder("small")[1]())
    assert own(None)["gmacs"] == measured["gmacs"]


def test_a_name_that_is_taken_is_listed_by_its_path(zoo):
    folder = zoo({"name": "resnet18"}, {"name": "alexnet"})
    names = set(backbone_search.search_backbones()["name"])
    assert {str(folder / "resnet18"), str(folder / "alexnet")} <= names
    assert len(names) == len(backbone_search.search_backbones())


def test_a_broken_index_does_not_take_the_catalogue_with_it(zoo, caplog):
    zoo(format="other")
    assert len(backbone_search.search_backbones()) > 1000
    assert "not in the catalogue" in caplog.text


@pytest.mark.parametrize(
    "odd",
    [
        {"input_size": "224"},
        {"input_size": None},
        {"licence": None, "source_dataset": None},
        {"measured_top1": "high"},
        {"measured_top1": True, "measured": 3},
        {"parameters": "many"},
        {"architecture": "not_in_this_timm"},
        {"architecture": None},
        {"architecture": "resnet18.no_such_tag", "input_size": None},
    ],
)
def test_odd_entries_still_make_a_row(zoo, odd):
    assert own(zoo(odd))["name"] == "small"


def test_the_real_zoo_is_listed_whole(real_zoo, monkeypatch):
    monkeypatch.setenv("WORKBENCH_ZOO", str(real_zoo))
    listed = {entry["name"]: entry for entry in json.loads((real_zoo / "zoo.json").read_text())["nets"]}
    frame = backbone_search.search_backbones().set_index("name").loc[list(listed)]
    assert frame["offline"].all()
    assert list(frame["parameters"]) == [entry["parameters"] for entry in listed.values()]
    assert frame.loc["squeezenet1_0_imagenet", "family"] == "squeezenet"
    assert backbone_search.get_backbone_row("cifar_resnet20")["gmacs"] == pytest.approx(0.0405, abs=0.0005)
