"""L2-SP keeps the backbone near its start."""

from __future__ import annotations

import torch

from workbench.strategies import Examples, LabelSpec, strategies


def drifted(run, start):
    net = run.net()
    return sum((p.detach() - start[n]).square().sum().item() for n, p in net.backbone.named_parameters()) ** 0.5


def test_terms_by_hand(tiny):
    net = tiny()
    strategy = strategies.create("l2-sp", alpha=2.0, beta=4.0)
    strategy.label_spec = LabelSpec("classes", (("", 3),))
    strategy.prepare(net)
    batch = {"labelled": Examples(torch.rand(4, 3, 32, 32), torch.tensor([0, 1, 2, 0]))}
    net.eval()
    assert strategy.losses(net, batch, 0.0)["pull"].item() == 0.0
    with torch.no_grad():
        for parameter in net.backbone.parameters():
            parameter += 0.1
    terms = strategy.losses(net, batch, 0.0)
    count = sum(p.numel() for p in net.backbone.parameters())
    assert abs(terms["pull"].item() / (0.01 * count) - 1) < 1e-4, "α/2 ‖w - w₀‖² with α = 2"
    head = sum(p.square().sum().item() for p in net.head.parameters())
    assert abs(terms["decay"].item() / (2 * head) - 1) < 1e-4, "β/2 ‖w‖² with β = 4"


def test_a_frozen_weight_has_no_spring(tiny):
    net = tiny()
    strategy = strategies.create("l2-sp")
    strategy.label_spec = LabelSpec("classes", (("", 3),))
    strategy.prepare(net)
    net.backbone.requires_grad_(False)
    batch = {"labelled": Examples(torch.rand(2, 3, 32, 32), torch.tensor([0, 1]))}
    assert strategy.losses(net, batch, 0.0)["pull"].item() == 0.0


def test_it_drifts_less_than_fine_tuning(tiny_plan, tiny):
    import workbench as wb

    plan = tiny_plan(epochs=3, lr=3e-3)
    start = {n: p.detach().clone() for n, p in tiny(seed=plan.seed).backbone.named_parameters()}
    free = drifted(wb.fit(plan, progress=False), start)
    held = drifted(wb.fit(plan.replace(strategy=wb.strategy("l2-sp", alpha=100.0)), progress=False), start)
    assert held < 0.7 * free
