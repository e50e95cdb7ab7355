"""Frozen is proved: weights, buffers and modes."""

from __future__ import annotations

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.loop.phase import Proof, digest, fingerprint, set_phase


def everything(net):
    return {name: True for name, _ in net.named_parameters()}


def test_a_frozen_stage_is_in_eval_mode_and_without_gradients(tiny):
    net = tiny()
    rates = [0.0] * (len(net.stages) - 1) + [1.0]
    set_phase(net, rates, everything(net))
    assert [n for n, p in net.named_parameters() if p.requires_grad] == ["head.weight", "head.bias"]
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm)]
    assert norms and not any(m.training for m in norms)
    before = {name: b.clone() for name, b in net.named_buffers()}
    net(torch.rand(8, 3, 32, 32)).sum().backward()
    assert all(torch.equal(b, before[name]) for name, b in net.named_buffers())


def test_a_thawed_stage_moves_again(tiny):
    net = tiny()
    set_phase(net, [0.0] * len(net.stages), everything(net))
    set_phase(net, [1.0] * len(net.stages), everything(net))
    assert all(p.requires_grad for p in net.parameters())
    assert all(m.training for m in net.modules() if isinstance(m, _BatchNorm))


def test_what_a_tuning_excludes_stays_excluded(tiny):
    net = tiny()
    eligible = everything(net) | {"head.weight": False}
    set_phase(net, [1.0] * len(net.stages), eligible)
    assert not net.head.weight.requires_grad and net.head.bias.requires_grad


def test_norms_can_be_kept_still_in_moving_stages(tiny):
    net = tiny()
    set_phase(net, [1.0] * len(net.stages), everything(net), norms_still=True)
    assert not any(m.training for m in net.modules() if isinstance(m, _BatchNorm))
    assert net.training


def test_digest_sees_one_bit():
    a = torch.zeros(10)
    b = a.clone()
    b[3] = 1e-45  # the smallest float there is
    assert digest([a]) != digest([b]) and digest([a]) == digest([a.clone()])


def test_digest_is_of_values_not_of_layout():
    x = torch.randn(4, 3, 5, 5)
    assert digest([x]) == digest([x.contiguous(memory_format=torch.channels_last)])


def test_proof_opens_and_closes_rows_as_stages_freeze_and_thaw(tiny):
    net, proof = tiny(), Proof()
    last = len(net.stages) - 1
    proof.watch(net, [0.0] * last + [1.0], 0)
    proof.watch(net, [0.0] * (last - 1) + [1.0, 1.0], 1)
    assert proof.finish(net, 2)
    rows = {row["stage"]: row for row in proof.rows}
    assert set(rows) == {stage.name for stage in net.stages[:-1]}
    assert rows[net.stages[-2].name]["to_epoch"] == 1 and rows["stem"]["to_epoch"] == 2


def test_proof_tells_when_a_frozen_stage_moved(tiny):
    net, proof = tiny(), Proof()
    proof.watch(net, [0.0] * len(net.stages), 0)
    with torch.no_grad():
        next(m for m in net.modules() if isinstance(m, _BatchNorm)).running_mean += 1e-3
    assert not proof.finish(net, 1)
    assert [row["stage"] for row in proof.rows if not row["unchanged"]] == ["stem"]


def test_fingerprints_differ_between_stages(tiny):
    net = tiny()
    assert len({fingerprint(net, stage) for stage in net.stages}) == len(net.stages)
