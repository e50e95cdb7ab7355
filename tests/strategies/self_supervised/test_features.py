"""What both papers promise: features learnt without labels tell more than random ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import workbench as wb

TEETH = {"two": 2, "three": 3, "five": 5}


def saws(n, seed, size=24):
    """Saws of two, three or five teeth down the image, of any phase and colour; x (N, H, W, 3) uint8, y words."""
    rng = np.random.default_rng(seed)
    y = np.array(list(TEETH))[np.arange(n) % 3]
    cycles = np.array([TEETH[word] for word in y])[:, None] * np.arange(size) / size
    ramp = ((cycles + rng.random((n, 1))) % 1)[:, :, None, None]
    colour = rng.uniform(60, 255, (n, 1, 1, 3))
    pixels = colour * (0.25 + 0.75 * ramp) + rng.normal(0, 8, (n, size, size, 3))
    return pixels.clip(0, 255).astype(np.uint8), y


def probed(net, x, y, few=120):
    """Accuracy of a linear probe fitted to the first images' standardised features, on the others."""
    with torch.no_grad():
        features = net.eval().features(torch.tensor(x).permute(0, 3, 1, 2)).numpy()
    scaler = StandardScaler().fit(features[:few])
    probe = LogisticRegression(max_iter=500).fit(scaler.transform(features[:few]), y[:few])
    return probe.score(scaler.transform(features[few:]), y[few:])


@pytest.mark.parametrize(("name", "params"), [("simclr", {"min_area": 0.8, "gray": 0.5}), ("rotation", {})])
def test_a_linear_probe_reads_more_from_them(name, params):
    backbone = {"name": "test_efficientnet", "params": {"pretrained": False, "size": 24}}
    choice = {"name": name, "params": params}
    fixed = {"augment": "none", "select": "last", "precision": "fp32"}
    plan = wb.Plan(backbone, wb.load_images(saws(240, 0)), strategy=choice, epochs=12, batch_size=48, lr=3e-3, **fixed)
    net = wb.fit(plan, progress=False).net()
    x, y = saws(420, 1)
    before = probed(wb.load_net("test_efficientnet", pretrained=False, size=24), x, y)
    after = probed(net, x, y)
    assert after > before + 0.15, (before, after)
