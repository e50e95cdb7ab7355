"""What batch norms remember, against what they are shown."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadValue


@pytest.fixture(scope="module")
def remembering():
    """A net whose batch norms hold the statistics of images of the world."""
    net = wb.load_net("test_resnet", classes=["a", "b"], pretrained=False, size=32, seed=3)
    images = wb.load_images("world", n=160, size=32, seed=1, label="hue")
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # a plain mean over the batches
        norm.reset_running_stats()
    x, _ = images.view(32, crop_pct=1.0).load_batch(np.arange(160))
    net.train()
    with torch.no_grad():
        for batch in x.split(64):
            net.features(batch.float() / 255)
    return net.eval()


@functools.cache
def world(style="photo"):
    return wb.load_images("world", n=96, size=32, seed=2, label="hue", style=style)


def test_the_gap_by_hand():
    from workbench.probes.domains.batch_statistics import mean_kl_divergence

    norm = torch.nn.BatchNorm2d(2, eps=0.0)
    norm.running_mean, norm.running_var = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 4.0])
    x = torch.tensor([[1.0, 3.0], [1.0, 5.0]]).double()  # means 2 and 3, variances 1 and 4
    found = mean_kl_divergence(norm, 2, x.sum(1), (x * x).sum(1))
    assert np.isclose(found, np.mean([0.5 * 4.0, 0.5 * 4.0 / 4.0]))


def test_known_images_are_near_and_another_style_is_far(remembering):
    near = wb.probes.statistics_gap(remembering, world())
    far = wb.probes.statistics_gap(remembering, world(style="sketch"))
    assert near.mean_gap < 0.1 < 0.5 < far.mean_gap
    assert near.frame["layer"].iloc[0].startswith("backbone.") and (near.frame["gap"] >= 0).all()


def test_a_wrong_reading_is_named(remembering):
    right = wb.probes.compare_preprocessing(remembering, world())
    assert right.better_fit is None and right.frame["gap"].idxmin() == 0
    assert wb.probes.compare_preprocessing(remembering, world(style="pastel")).better_fit is None
    own, std = remembering.mean.clone(), remembering.std.clone()
    try:
        remembering.mean.fill_(0.0)
        remembering.std.fill_(1 / 255)
        assert wb.probes.compare_preprocessing(remembering, world()).better_fit == "a range of -1 to 1"  # its own
    finally:
        remembering.mean.copy_(own)
        remembering.std.copy_(std)


def test_exchanged_channels_are_named(remembering):
    rows = wb.load_images("world", n=96, size=32, label="hue", only={"hue": ["red", "orange"]})
    x, _ = rows.view(32, crop_pct=1.0).load_batch(np.arange(96))
    pictures = x.permute(0, 2, 3, 1).numpy()
    remembered = wb.load_images((pictures, np.arange(96) % 2))
    net = wb.load_net("test_resnet", classes=["a", "b"], pretrained=False, size=32, seed=3)
    net.load_state_dict(remembering.state_dict())
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.reset_running_stats()
    net.train()
    with torch.no_grad():
        net.features(x.float() / 255)
    net.eval()
    assert wb.probes.compare_preprocessing(net, remembered).better_fit is None
    exchanged = wb.load_images((np.ascontiguousarray(pictures[..., ::-1]), np.arange(96) % 2))
    found = wb.probes.compare_preprocessing(net, exchanged)
    assert found.frame.set_index("preprocessing")["gap"].idxmin() == "red and blue exchanged"


def test_the_net_is_left_as_it_was(remembering):
    before = {n: t.clone() for n, t in remembering.state_dict().items()}
    wb.probes.compare_preprocessing(remembering, world())
    assert all(torch.equal(before[n], t) for n, t in remembering.state_dict().items())
    assert not any(m._forward_pre_hooks for m in remembering.modules())


def test_refused(remembering, tiny, toy):
    with pytest.raises(BadValue, match="no batch norm"):
        wb.probes.statistics_gap(tiny("test_vit"), toy)
    with pytest.raises(BadValue, match="at least 8"):
        wb.probes.statistics_gap(remembering, toy, max_images=3)
