"""Deletion and insertion: the curves of a net whose needs are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import workbench as wb
from workbench.errors import BadValue
from workbench.probes.attribution._faithfulness import blur_images, rank_pixels
from workbench.probes.attribution._saliency import Saliency


class Corner(wb.Net):
    """A net that is sure of class 1 as far as the top left quarter has contrast."""

    def __init__(self):
        small = wb.load_net("test_resnet", classes=2, pretrained=False, size=32)
        super().__init__(small.backbone, small.head, small.preprocessing, small.recipe, small.choice)
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        contrast = x[:, :, :16, :16].std((1, 2, 3))
        return torch.stack([self.weight.expand(len(x)) + 1.5, contrast * 20], dim=1)


@pytest.fixture(scope="module")
def net():
    return Corner()


def shown(maps):
    pictures = np.random.default_rng(0).integers(0, 256, (len(maps), 32, 32, 3), dtype=np.uint8)
    frame = pd.DataFrame({"id": [f"image {i}" for i in range(len(maps))]})
    return Saliency(maps, pictures, np.ones(len(maps), int), frame, "made", None, False)


def test_a_map_of_what_counts_beats_chance_and_its_opposite_does_not(net):
    right = np.zeros((3, 32, 32), np.float32)
    right[:, :16, :16] = 1
    good, bad = (wb.probes.faithfulness(net, shown(maps)) for maps in (right, 1 - right))
    chance = good.scores[["chance_deletion", "chance_insertion"]].mean()
    assert good.deletion < chance.iloc[0] < bad.deletion
    assert good.insertion > chance.iloc[1] > bad.insertion
    assert "lower is better" in str(good) and len(good.scores) == 3


def test_the_ends_are_the_picture_and_the_blur(net):
    one = shown(np.random.default_rng(1).random((2, 32, 32), np.float32))
    result = wb.probes.faithfulness(net, one, steps=4)
    x = torch.from_numpy(one.images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        whole, blank = (net(v).softmax(1)[:, 1].mean().item() for v in (x, blur_images(x)))
    for order in ("made", "chance"):
        curve = result.curves[result.curves["order"] == order].set_index(["game", "share"])["probability"]
        assert curve["deletion", 0.0] == pytest.approx(whole, abs=1e-6) == curve["insertion", 1.0]
        assert curve["deletion", 1.0] == pytest.approx(blank, abs=1e-6) == curve["insertion", 0.0]
    area = result.curves.query("order == 'made' and game == 'deletion'")
    assert result.deletion == pytest.approx(np.trapezoid(area["probability"], area["share"]))


def test_places_in_order_and_equals_by_chance():
    ranks = rank_pixels(np.array([[[0.0, 3.0], [1.0, 2.0]]]), 0)[0]
    assert ranks.tolist() == [[0.75, 0.0], [0.5, 0.25]]
    even = rank_pixels(np.zeros((1, 16, 16)), 0)[0]
    assert sorted(even.flatten()) == [i / 256 for i in range(256)]
    assert abs(even[:8].mean() - 0.5) < 0.1  # not in reading order


def test_the_blur_keeps_the_mean_colour_and_leaves_no_detail():
    x = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert blur_images(x).mean() == pytest.approx(x.mean().item(), abs=0.02) and blur_images(x).std() < 0.3 * x.std()


def test_refusals(net):
    one = shown(np.zeros((1, 32, 32), np.float32))
    with pytest.raises(BadValue, match="a whole number of steps from 2 to 200"):
        wb.probes.faithfulness(net, one, steps=1)
    other = wb.load_net("test_resnet", pretrained=False, size=64)
    with pytest.raises(BadValue, match="of 32 px, this net's input is 64 px"):
        wb.probes.faithfulness(other, one)
