"""SimCLR: the loss by hand, and a probe that the backbone does not feel."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from workbench.strategies import Examples, LabelSpec, strategies
from workbench.strategies.self_supervised.simclr import nt_xent


def test_the_loss_is_the_paper_s_sum_over_pairs():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(5, 8, generator=generator), torch.randn(5, 8, generator=generator)
    z, total = torch.cat([first, second]), 0.0
    for i in range(10):
        others = [k for k in range(10) if k != i]
        alike = {k: F.cosine_similarity(z[i], z[k], dim=0).item() / 0.3 for k in others}
        total -= math.log(math.exp(alike[(i + 5) % 10]) / sum(math.exp(alike[k]) for k in others))
    assert nt_xent(first, second, 0.3).item() == pytest.approx(total / 10, rel=1e-5)


def test_twins_at_right_angles_to_all_others():
    """Four orthogonal pairs: each view sees one twin at 1 and six others at 0."""
    z = torch.eye(4)
    assert nt_xent(z, z, 1.0).item() == pytest.approx(math.log(1 + 6 / math.e), rel=1e-6)


def test_half_precision_around_it_does_not_round_it():
    first, second = torch.randn(2, 16, 8, generator=torch.Generator().manual_seed(1))
    whole = nt_xent(first, second, 0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert nt_xent(first, second, 0.1) == whole


@pytest.mark.parametrize("name", ["simclr", "rotation"])
def test_the_probe_trains_the_head_alone(tiny, name):
    net, strategy = tiny().train(), strategies.create(name)
    strategy.label_spec = LabelSpec("classes", (("", 3),))
    strategy.prepare(net)
    batch = {"labelled": Examples(torch.rand(6, 3, 32, 32), torch.arange(6) % 3)}
    losses = strategy.losses(net, batch, 0.0)
    losses["probe"].backward(retain_graph=True)
    assert net.head.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in net.backbone.parameters())
    net.zero_grad()
    next(loss for term, loss in losses.items() if term != "probe").backward()
    assert net.head.weight.grad is None
    assert all(p.grad is not None for p in net.backbone.parameters())


def test_several_tasks_are_probed_together(tiny):
    net, strategy = tiny(classes=[f"t: {i}" for i in range(5)]), strategies.create("simclr")
    strategy.label_spec = LabelSpec("tasks", (("a", 2), ("b", 3)))
    strategy.prepare(net)
    y = torch.tensor([[0, 2], [1, 1], [0, 0], [1, 2]])
    losses = strategy.losses(net, {"labelled": Examples(torch.rand(4, 3, 32, 32), y)}, 0.0)
    assert losses["probe"].item() == pytest.approx(
        (math.log(2) + math.log(3)) / 2, rel=0.05
    )  # a new head knows nothing
