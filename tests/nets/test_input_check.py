"""What a person hands to a net: pixels pass, all else is refused with the way out; inner passes look at nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import workbench as wb
from workbench.data.batches import Batches
from workbench.errors import BadValue
from workbench.loop.precision.autocast import autocast_forward
from workbench.loop.training import train
from workbench.nets.loading.net_loader import load_net
from workbench.plan import Schedule
from workbench.strategies import Strategy
from workbench.tunings import tunings

X = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def net():
    """A small net for images of 32 px."""
    return load_net("test_resnet", pretrained=False, size=32)


REFUSED = {
    "normalised": (lambda: (X - 0.45) / 0.22, "leave that step out"),
    "normalised to -1 to 1": (lambda: X * 2 - 1, "leave that step out"),
    "above 1": (lambda: X * 1.5, "leave that step out"),
    "0 to 255 as floats": (lambda: X * 255, "pass x / 255"),
    "not a number": (lambda: X * float("nan"), "NaN"),
    "infinite": (lambda: X / 0, "floats from 0 to 1"),
    "whole numbers": (lambda: (X * 255).long(), "torch.int64"),
    "truth values": (lambda: X > 0.5, "torch.bool"),
    "complex": (lambda: X + 0j, "torch.complex64"),
    "a picture": (lambda: Image.new("RGB", (32, 32)), "pil_to_tensor"),
    "an array": (lambda: np.zeros((2, 3, 32, 32), np.float32), r"torch.from_numpy\(x\) makes"),
    "an array, colors last": (lambda: np.zeros((32, 32, 3), np.uint8), r"permute\(2, 0, 1\)\[None\]"),
    "arrays, colors last": (lambda: np.zeros((2, 32, 32, 3), np.uint8), r"permute\(0, 3, 1, 2\)"),
    "a list": (lambda: [X[0], X[1]], "torch.stack"),
    "nothing": (lambda: None, "NoneType"),
    "a path": (lambda: "cat.jpg", "wb.load_images"),
    "a set of images": (lambda: wb.load_images("digits", per_class=1), r"wb.evaluate\(net, images\)"),
    "one image": (lambda: X[0], r"x\[None\]"),
    "one image, colors last": (lambda: X[0].permute(1, 2, 0), r"permute\(2, 0, 1\)"),
    "colors last": (lambda: X.permute(0, 2, 3, 1), r"permute\(0, 3, 1, 2\)"),
    "one channel": (lambda: X[:, :1], "expand"),
    "four channels": (lambda: torch.rand(2, 4, 32, 32), r"x\[:, :3\]"),
    "a vector": (lambda: X.flatten(1), "B, 3, H, W"),
    "a video": (lambda: X[:, :, None], "B, 3, H, W"),
    "another device": (lambda: X.to("meta"), "is on cpu and its pixels on meta"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_are_no_pixels_is_refused_with_the_way_out(net, name):
    made, sentence = REFUSED[name]
    for call in (net, net.features):
        with pytest.raises(BadValue, match=sentence):
            call(made())


def test_pixels_pass(net):
    expected = net.logits(X)
    torch.testing.assert_close(net(X), expected)
    torch.testing.assert_close(net(X.double()), expected)
    assert net((X * 255).to(torch.uint8)).shape == expected.shape
    assert net(X.half()).shape == net(X * 1.3 - 0.15).shape == expected.shape
    assert net(X[:0]).shape == (0, expected.shape[1])
    assert net(torch.rand(1, 3, 48, 40)).shape == (1, expected.shape[1])


def test_a_size_that_a_net_cannot_take_is_named():
    net = load_net("squeezenet1_1", pretrained=False)
    with pytest.raises(BadValue, match=r"reads images of 224 × 224 px and cannot take these of 8 × 9.*interpolate"):
        net(torch.rand(1, 3, 8, 9))


def test_inner_passes_take_any_values(net):
    far = X * 4 - 2
    expected = net.logits(far)
    with autocast_forward(torch.device("cpu"), None):
        torch.testing.assert_close(net(far), expected)
    with pytest.raises(BadValue):
        net(far)


class Perturbed(Strategy):
    """Fine-tuning on pixels far out of their range."""

    name, paper = "perturbed", "none"

    def losses(self, net, batch, progress):
        examples = batch["labelled"]
        return {"loss": torch.nn.functional.cross_entropy(net(examples.x * 6 - 3), examples.y)}


def test_a_strategy_may_move_its_pixels_out_of_their_range():
    images = wb.load_images("digits", per_class=4)
    net = load_net("test_resnet", classes=images.classes, pretrained=False, size=32)
    batches = Batches(images, ("labelled",), size=32, interpolation="bilinear", crop_pct=1.0, batch_size=8, seed=0)
    schedule = Schedule(epochs=1, augment="none", precision="fp32")
    points = list(train(net, tunings.create("full"), Perturbed(), [batches], schedule))
    assert points[-1].values["loss"] > 0
