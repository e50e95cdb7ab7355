"""The catalogue as a person sees it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import timm
import torch
from timm.models import _registry as registry
from torch import nn

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.nets.catalogue import backbone_search

COLUMNS = ["name", "family", "architecture", "tag", "parameters", "gmacs", "image_size", "pretrained_on", "licence"]
COLUMNS += ["top1", "top1_source", "offline"]


def test_every_backbone_is_there_once():
    frame = wb.search_backbones()
    names = set(frame["name"])
    assert set(timm.list_models(pretrained=True)) <= names
    assert set(timm.list_models()) <= set(frame["architecture"])
    assert {f"torchvision/{n}" for n in ("alexnet", "googlenet", "squeezenet1_0", "squeezenet1_1")} <= names
    assert len(names) == len(frame) and list(frame.columns) == COLUMNS
    assert wb.list_backbones() == list(frame["name"])


def test_columns_have_their_types():
    kinds = backbone_search.search_backbones().dtypes
    assert kinds["parameters"].kind == "i" and kinds["image_size"].kind == "i"
    assert kinds["gmacs"].kind == kinds["top1"].kind == "f" and kinds["offline"].kind == "b"


def test_resnet18_reads_as_it_should():
    found = backbone_search.get_backbone_row("resnet18.tv_in1k")
    assert found["parameters"] == 11_689_512 and found["gmacs"] == pytest.approx(1.814, abs=0.001)
    assert found["image_size"] == 224 and found["family"] == "resnet" and found["tag"] == "tv_in1k"
    assert found["pretrained_on"] == "ImageNet-1k" and found["licence"] == "bsd-3-clause"
    assert found["top1_source"].startswith("torchvision ResNet18_Weights") and not found["offline"]


def test_the_same_architecture_costs_more_on_larger_images():
    small, large = (
        backbone_search.get_backbone_row("resnet50.a3_in1k"),
        backbone_search.get_backbone_row("resnet50.a1_in1k"),
    )
    assert (small["image_size"], large["image_size"]) == (160, 224)
    assert small["gmacs"] < large["gmacs"] and small["parameters"] == large["parameters"]


def test_an_architecture_without_weights_says_so():
    found = backbone_search.get_backbone_row("coatnet_0_224")
    assert found["pretrained_on"] == found["licence"] == "none" and found["tag"] == ""
    assert not found["offline"] and found["top1"] != found["top1"]


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("resnet18", "resnet18." + timm.get_pretrained_cfg("resnet18").tag),
        ("timm/resnet18.tv_in1k", "resnet18.tv_in1k"),
        ("alexnet", "torchvision/alexnet"),
        ("coatnet_0_224", "coatnet_0_224"),
    ],
)
def test_a_row_by_short_names(short, full):
    assert backbone_search.get_backbone_row(short)["name"] == full


@pytest.mark.parametrize("name", ["resnet19", "resnet18.tv_in2k", "", "../x", "torchvision/resnet"])
def test_a_row_of_nothing_is_refused(name):
    with pytest.raises(UnknownName, match="no backbone is called"):
        backbone_search.get_backbone_row(name)


def test_a_zoos_row_does_not_wait_for_the_library(monkeypatch):
    listed = backbone_search.search_backbones("wb/residual-shape").iloc[0]
    monkeypatch.setattr(backbone_search.library_rows, "build_library_frame", lambda: pytest.fail("read the library"))
    row = backbone_search.get_backbone_row("wb/residual-shape")
    assert row["gmacs"] > 0  # learnt, if it was not known
    assert row.drop("gmacs").equals(listed.drop("gmacs"))


def test_words_and_bounds_together():
    frame = wb.search_backbones("mobilenet imagenet, parameters < 6e6 and licence == 'apache-2.0'")
    assert len(frame) > 10
    assert (frame["parameters"] < 6e6).all() and (frame["licence"] == "apache-2.0").all()
    assert frame["pretrained_on"].str.contains("ImageNet").all() and list(frame.index) == list(range(len(frame)))
    same = backbone_search.search_backbones("mobilenet imagenet, params < 6e6 and license == 'apache-2.0'")
    assert list(same["name"]) == list(frame["name"])


def test_nothing_found_is_an_empty_frame_with_columns():
    assert list(backbone_search.search_backbones("no such net").columns) == COLUMNS


def test_refusals_reach_the_caller():
    with pytest.raises(UnknownName, match="did you mean parameters"):
        backbone_search.search_backbones("parameter < 6e6")
    with pytest.raises(BadValue, match="is not allowed in a query"):
        backbone_search.search_backbones("__import__('os').getcwd() == ''")


def test_what_was_given_out_may_be_changed():
    frame = backbone_search.search_backbones()
    frame["name"] = "x"
    frame.loc[:, "offline"] = True
    assert "resnet18.tv_in1k" in set(backbone_search.search_backbones()["name"])
    assert not backbone_search.get_backbone_row("resnet18.tv_in1k")["offline"]


def test_a_table_of_ones_own_gives_figures(tmp_path, monkeypatch):
    table = tmp_path / "results.csv"
    table.write_text("model,top1\nresnet18.a1_in1k,71.5\nresnet18.tv_in1k,1.5\nnot_a_model,3\n")
    monkeypatch.setenv("WORKBENCH_TOP1", str(table))
    assert backbone_search.get_backbone_row("resnet18.a1_in1k")["top1"] == 71.5
    assert list(backbone_search.get_backbone_row("resnet18.tv_in1k")[["top1", "top1_source"]]) == [1.5, "results.csv"]
    monkeypatch.delenv("WORKBENCH_TOP1")
    assert backbone_search.get_backbone_row("resnet18.tv_in1k")["top1"] > 60


def test_weights_in_the_caches_are_offline(alone):
    assert backbone_search.search_backbones("offline, not 'wb/' in name").empty
    snapshot = alone / "hub" / "models--timm--resnet18.tv_in1k" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"x")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    (alone / "hub" / "models--timm--resnet34.tv_in1k").mkdir()
    fetched = alone / "torch" / "checkpoints"
    fetched.mkdir(parents=True)
    (fetched / "alexnet-owt-7be5be79.pth").write_bytes(b"x")
    found = backbone_search.search_backbones("offline, not 'wb/' in name")
    assert set(found["name"]) == {"resnet18.tv_in1k", "torchvision/alexnet"}


@pytest.fixture
def later_timm():
    """An architecture that the shipped survey does not know, registered for one test."""

    def later_net(pretrained: bool = False, **_: object) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))

    later_net.__module__ = "timm.models.resnet"
    registry._model_entrypoints["later_net"] = later_net
    registry._model_to_module["later_net"] = "resnet"
    yield
    del registry._model_entrypoints["later_net"], registry._model_to_module["later_net"]


def test_an_architecture_newer_than_the_survey_is_listed_then_measured(later_timm):
    frame = backbone_search.search_backbones().set_index("name")
    assert frame["parameters"].isna()["later_net"] and frame["gmacs"].isna()["later_net"]
    assert "later_net" not in set(backbone_search.search_backbones("parameters < 1e6")["name"])
    found = backbone_search.get_backbone_row("later_net")
    assert found["parameters"] == 4 * 27 + 4 + 50
    assert found["gmacs"] == (222 * 222 * 4 * 27 + 40) / 1e9
    assert "later_net" in set(backbone_search.search_backbones("parameters < 1e6")["name"])


def test_later_calls_are_quick():
    backbone_search.search_backbones()
    spent = []  # of the processor: this machine may be busy with other tests
    for _ in range(5):
        start = time.process_time()
        backbone_search.search_backbones("mobilenet, parameters < 6e6")
        spent.append(time.process_time() - start)
    assert min(spent) < 0.05


def test_the_first_call_is_quick():
    code = (
        "import time, timm; from workbench.nets import load_net; start = time.perf_counter()\n"
        "from workbench.nets.catalogue.backbone_search import search_backbones; search_backbones()\n"
        "print(time.perf_counter() - start)"
    )
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert float(done.stdout) < 3.0  # 0.5 s on a quiet machine; the bound is 1.5 s, doubled for a busy one


def test_listing_builds_no_net(monkeypatch):
    monkeypatch.setattr(nn.Module, "__init__", lambda *_, **__: pytest.fail("a net was built"))
    assert len(backbone_search.search_backbones()) > 1000 and torch.get_num_threads() == 1
