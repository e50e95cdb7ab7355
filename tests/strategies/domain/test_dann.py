"""DANN: one pass over both domains, a reversed gradient, and a narrower gap."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons
from torch import nn

import workbench as wb
from workbench.errors import BadData
from workbench.strategies import Examples, LabelSpec, strategies


def batch(n=6):
    pixels = torch.rand(2 * n, 3, 32, 32)
    return {"labelled": Examples(pixels[:n], torch.arange(n) % 3), "unlabelled": Examples(pixels[n:], None)}


def prepared(net, **params):
    strategy = strategies.create("dann", **params)
    strategy.label_spec = LabelSpec("classes", (("", 3),))
    strategy.prepare(net)
    return strategy


def test_the_strength_rises_as_in_the_paper(tiny):
    """The judge's gradient does not depend on λ; the backbone's share of the domain term is -λ times it."""
    net = tiny().eval()
    strategy = prepared(net, weight=0.5, gamma=10.0)
    pixels = batch()
    norms: list[float] = []
    for progress in (0.0, 0.5):
        net.zero_grad()
        strategy.losses(net, pixels, progress)["domain"].backward()
        norms.append(
            torch.cat([p.grad.flatten() for p in net.backbone.parameters() if p.grad is not None]).norm().item()
        )
    assert norms[0] == 0.0
    straight = prepared(net, weight=0.5)
    straight.load_state_dict(strategy.state_dict())
    net.zero_grad()
    z = net.features(torch.cat([pixels["labelled"].x, pixels["unlabelled"].x]))
    truth = torch.cat([torch.zeros(6), torch.ones(6)])
    torch.nn.functional.binary_cross_entropy_with_logits(straight.judge(z).squeeze(1), truth).backward()
    plain = torch.cat([p.grad.flatten() for p in net.backbone.parameters() if p.grad is not None]).norm().item()
    assert norms[1] == pytest.approx(plain * 0.5 * (2 / (1 + np.exp(-5.0)) - 1), rel=1e-4)


class Shallow(nn.Module):
    """The paper's network for the moons: one hidden layer of 15."""

    feature_dim = 15

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(2, 15), nn.Sigmoid())
        self.head = nn.Linear(15, 2)

    def features(self, x):
        return self.backbone(x)

    def forward(self, x):
        return self.head(self.features(x))


def rotated_moons(seed, degrees=35):
    x, y = make_moons(300, noise=0.05, random_state=seed)
    far, far_y = make_moons(300, noise=0.05, random_state=seed + 1)
    turn = np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = x.mean(0)
    pixels = [torch.tensor(2 * a, dtype=torch.float32) for a in (x - centre, (far - centre) @ rotation.T)]
    return (pixels[0], torch.tensor(y)), (pixels[1], torch.tensor(far_y))


def target_accuracy(name, seed, **params):
    source, (far, far_y) = rotated_moons(seed)
    torch.manual_seed(seed)
    net, strategy = Shallow(), strategies.create(name, **params)
    strategy.label_spec = LabelSpec("classes", (("", 2),))
    strategy.prepare(net)
    optimizer = torch.optim.Adam([*net.parameters(), *strategy.parameters()], lr=0.01)
    batch = {"labelled": Examples(*source), "unlabelled": Examples(far, None)}
    for step in range(1500):
        optimizer.zero_grad()
        sum(strategy.losses(net, batch, step / 1500).values()).backward()
        optimizer.step()
    return (net(far).argmax(1) == far_y).float().mean().item()


def test_it_adapts_to_rotated_moons_as_in_the_paper():
    """The paper's promise (its figure 2): the target half that a plain net gets wrong is won back."""
    plain, adapted = target_accuracy("fine-tune", seed=0), target_accuracy("dann", seed=0, hidden=15)
    assert plain < 0.85 and adapted > plain + 0.1, (plain, adapted)


def test_without_a_target_domain_it_says_what_to_do(tiny_plan, toy):
    with pytest.raises(BadData, match="target_domain="):
        wb.fit(tiny_plan(toy, strategy="dann"), progress=False)


def test_the_target_domain_is_validated_too(tiny_plan, two_domains):
    run = wb.fit(tiny_plan(two_domains, strategy="dann"), progress=False)
    assert set(run.points.split) == {"train", "valid", "target"}
    assert {"loss/task", "loss/domain"} <= set(run.points.columns)
