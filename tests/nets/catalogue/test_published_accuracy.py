"""Accuracies as published by torchvision, or in a table of the user's own."""

from __future__ import annotations

import os

import pytest
import timm
from torchvision.models import AlexNet_Weights, ResNet18_Weights, VGG16_Weights

from workbench.errors import BadData, Unavailable
from workbench.nets.catalogue import published_accuracy


def figure(weights):
    return weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]


def test_torchvision_figures_are_read_from_its_metadata():
    url = timm.get_pretrained_cfg("resnet18.tv_in1k").url
    value, source = published_accuracy.find_torchvision_accuracy("resnet18", "tv_in1k", url)
    assert value == figure(ResNet18_Weights.IMAGENET1K_V1)
    assert source == "torchvision ResNet18_Weights.IMAGENET1K_V1 at 224 px"
    assert published_accuracy.read_weights_accuracy(AlexNet_Weights.DEFAULT)[0] == figure(AlexNet_Weights.DEFAULT)


def test_only_torchvisions_own_weights_get_its_figures():
    assert published_accuracy.find_torchvision_accuracy("vgg16", "tv_in1k", "")[0] == figure(
        VGG16_Weights.IMAGENET1K_V1
    )
    assert published_accuracy.find_torchvision_accuracy("densenet121", "ra_in1k", "") is None
    assert published_accuracy.find_torchvision_accuracy("resnet18", "tv_in1k", "https://example.org/other.pth") is None


def test_a_table_of_ones_own(tmp_path, monkeypatch):
    assert published_accuracy.read_accuracy_table() == {}
    table = tmp_path / "results.csv"
    monkeypatch.setenv("WORKBENCH_TOP1", str(table))
    with pytest.raises(Unavailable, match="cannot be read"):
        published_accuracy.read_accuracy_table()
    table.write_text("model,top1,top5\nvit_tiny.x_in1k,75.5,90\n")
    assert published_accuracy.read_accuracy_table() == {"vit_tiny.x_in1k": (75.5, "results.csv")}
    table.write_text("model,top1\nvit_tiny.x_in1k,60\n")
    os.utime(table, ns=(1, 1))
    assert published_accuracy.read_accuracy_table()["vit_tiny.x_in1k"][0] == 60


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,accuracy\na,1\n", "needs the columns model and top1; it has name, accuracy"),
        ("model,top1\na,often\n", "that of a is not"),
        ("model,top1\na,101\n", "that of a is not"),
        ("", "is not a CSV file"),
        ("model,top1\na,1\nb,1,2,3\n", "is not a CSV file"),
    ],
)
def test_a_bad_table_is_refused(tmp_path, monkeypatch, text, said):
    table = tmp_path / "bad.csv"
    table.write_text(text)
    monkeypatch.setenv("WORKBENCH_TOP1", str(table))
    with pytest.raises(BadData, match=said):
        published_accuracy.read_accuracy_table()
