"""What a net was loaded from can be saved, opened and trained on again."""

from __future__ import annotations

import pytest
import timm
import torch
import torchvision
from torch import nn

import workbench as wb
from workbench.errors import BadValue
from workbench.nets.loading import weight_files
from workbench.nets.loading.net_loader import load_net


def timm_checkpoint(path):
    torch.save(timm.create_model("test_resnet", num_classes=3).state_dict(), path)
    return {"architecture": "test_resnet"}


def torchvision_checkpoint(path):
    torch.save({"state_dict": torchvision.models.mobilenet_v3_small(num_classes=3).state_dict()}, path)
    return {"architecture": "torchvision/mobilenet_v3_small"}


def distilled_checkpoint(path):
    torch.save(timm.create_model("deit_tiny_distilled_patch16_224", num_classes=3).state_dict(), path)
    return {"architecture": "deit_tiny_distilled_patch16_224"}


@pytest.mark.parametrize("written", [timm_checkpoint, torchvision_checkpoint, distilled_checkpoint])
def test_a_checkpoint_of_ones_own_is_saved_and_opened(tmp_path, written):
    net = load_net(tmp_path / "mine.pth", **written(tmp_path / "mine.pth"))
    net.save(tmp_path / "again.safetensors")
    again, x = load_net(tmp_path / "again.safetensors"), torch.rand(2, 3, *[net.preprocessing.size] * 2)
    with torch.no_grad():
        assert net(x).shape == (2, 3)
        torch.testing.assert_close(again(x), net(x))


@pytest.mark.parametrize("classes", [3, 4])
def test_a_checkpoint_of_ones_own_is_trained_on(tmp_path, classes):
    arguments = timm_checkpoint(tmp_path / "mine.pth")
    net = load_net(tmp_path / "mine.pth", **arguments, size=32)
    images = wb.load_images("digits", classes=list("0123")[:classes], per_class=6)
    plan = wb.Plan(net, images, tuning="head", epochs=1, augment="none", precision="fp32")
    run = wb.fit(plan, folder=tmp_path / "run", progress=False)
    assert run.status.state == "done" and run.net().head.out_features == classes


def test_a_linear_head_of_ones_own_is_a_head(tmp_path):
    net = load_net("test_resnet", pretrained=False, size=32)
    net.head = nn.Linear(net.feature_dim, 5)
    net.save(tmp_path / "net.safetensors")
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(load_net(tmp_path / "net.safetensors")(x), net(x))


def test_the_fields_of_a_saved_recipe_are_those_of_older_files(tmp_path):
    load_net("test_resnet", classes=3, pretrained=False, size=32).save(tmp_path / "net.safetensors")
    saved = weight_files.read_metadata(tmp_path / "net.safetensors")["workbench"]
    assert saved["format"] == "net-1" and saved["fresh"] is True and saved["outputs"] == 3 and saved["source"]["origin"]
    fields = {"name", "architecture", "builder", "kwargs", "classes", "preprocessing"}
    assert set(saved) == fields | {"format", "fresh", "outputs", "source"}


def test_another_head_of_ones_own_is_refused(tmp_path):
    net = load_net("test_resnet", pretrained=False, size=32)
    net.head = nn.Sequential(nn.Linear(net.feature_dim, 8), nn.ReLU(), nn.Linear(8, 5))
    with pytest.raises(BadValue, match="head is torch.nn.modules.container.Sequential"):
        net.save(tmp_path / "net.safetensors")


@pytest.mark.parametrize("arguments", [{"in_chans": 1}, {"features_only": True}])
@pytest.mark.parametrize("pretrained", [True, False])
def test_nets_that_give_no_answer_to_a_color_image_are_refused(arguments, pretrained):
    with pytest.raises(BadValue, match=next(iter(arguments))):
        load_net("test_resnet", pretrained=pretrained, **arguments)
    assert load_net("test_resnet", pretrained=False, in_chans=3, features_only=False).feature_dim


def test_weights_of_five_axes_keep_their_layout():
    """Lambda layers have a convolution over three axes, for which there is no channels-last of images."""
    net = load_net("lamhalobotnet50ts_256", pretrained=False)
    assert any(p.ndim == 5 for p in net.parameters())
    net.to("cpu", memory_format=torch.channels_last)
    kernels = [p for p in net.parameters() if p.ndim == 4]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)
    assert all(p.is_contiguous() for p in net.parameters() if p.ndim == 5)
