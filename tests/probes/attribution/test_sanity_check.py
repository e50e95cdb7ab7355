"""The sanity check distinguishes a map of the net from a map of the image, and leaves the net unchanged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

import workbench as wb
from workbench.errors import UnknownName
from workbench.probes.attribution.rank_agreement import rank_correlation


@pytest.fixture(scope="module")
def net():
    return wb.load_net("wb/residual-shape")


@pytest.fixture(scope="module")
def part():
    return wb.load_images("world", n=40, label="shape", size=64, seed=5).subset(rows=range(6))


def test_grad_cam_forgets_with_the_net_and_guided_backprop_lags(net, part):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    cam, guided = (wb.probes.sanity_check(net, part, method) for method in ("grad-cam", "guided-backprop"))
    assert cam.is_passed and cam.frame["agreement"].iloc[0] == 1.0
    # the paper's finding: half the net gone, guided backprop still draws the same edges
    half = cam.frame["shuffled"] > 0.5
    assert guided.frame["agreement"][half].iloc[0] > 0.6 > 0.4 > cam.frame["agreement"][half].iloc[0]
    assert cam.frame["stage"].tolist() == ["", *(s.name for s in reversed(net.stages))]
    assert cam.frame["shuffled"].iloc[-1] == pytest.approx(1.0)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_the_same_seed_shuffles_alike(net, part):
    first, again, other = (wb.probes.sanity_check(net, part.subset(rows=[0, 1]), seed=seed).frame for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)


def test_agreement_is_spearmans():
    random = np.random.default_rng(0)
    a, b = random.random((3, 5, 5)).round(1), random.random((3, 5, 5)).round(1)
    expected = [spearmanr(x.ravel(), y.ravel()).statistic for x, y in zip(a, b, strict=True)]
    assert rank_correlation(a, b) == pytest.approx(expected)
    assert np.isnan(rank_correlation(np.ones((1, 5, 5)), b[:1])).all()


def test_an_unknown_method_is_refused_before_any_work(net):
    with pytest.raises(UnknownName, match="did you mean grad-cam"):
        wb.probes.sanity_check(net, "no images at all", "gradcam")
