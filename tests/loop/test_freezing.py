"""Frozen is proved: weights, buffers and modes."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.loop.freezing import FrozenCheck, freeze_all_but, hash_named_tensors, hash_tensors
from workbench.tunings import select_moving_weights


def everything(net):
    return select_moving_weights(net, [1.0] * len(net.stages))


def head_only(net):
    return select_moving_weights(net, [0.0] * (len(net.stages) - 1) + [1.0])


def test_a_frozen_stage_is_in_eval_mode_and_without_gradients(tiny):
    net = tiny()
    freeze_all_but(net, head_only(net))
    assert [n for n, p in net.named_parameters() if p.requires_grad] == ["head.weight", "head.bias"]
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm)]
    assert norms and not any(m.training for m in norms)
    before = {name: b.clone() for name, b in net.named_buffers()}
    net(torch.rand(8, 3, 32, 32)).sum().backward()
    assert all(torch.equal(b, before[name]) for name, b in net.named_buffers())


def test_a_thawed_stage_moves_again(tiny):
    net = tiny()
    freeze_all_but(net, select_moving_weights(net, [0.0] * len(net.stages)))
    freeze_all_but(net, everything(net))
    assert all(p.requires_grad for p in net.parameters())
    assert all(m.training for m in net.modules() if isinstance(m, _BatchNorm))


def test_what_somebody_marked_before_is_not_read(tiny):
    net = tiny()
    net.requires_grad_(False)
    freeze_all_but(net, everything(net))
    assert all(p.requires_grad for p in net.parameters())


def test_what_a_tuning_excludes_stays_excluded(tiny):
    net = tiny()
    freeze_all_but(net, select_moving_weights(net, [1.0] * len(net.stages), lambda name, _: name != "head.weight"))
    assert not net.head.weight.requires_grad and net.head.bias.requires_grad


def test_batch_norm_whose_weights_may_not_move_keeps_its_statistics(tiny):
    net = tiny()
    moving = select_moving_weights(net, [1.0] * len(net.stages), lambda name, _: not name.startswith("backbone.bn1."))
    freeze_all_but(net, moving)
    before = {name: b.clone() for name, b in net.named_buffers()}
    net(torch.rand(8, 3, 32, 32)).sum().backward()
    changed = {name for name, b in net.named_buffers() if not torch.equal(b, before[name])}
    assert changed and not any(name.startswith("backbone.bn1.") for name in changed)
    assert any(name.startswith("backbone.bn2.") for name in changed)


def test_norms_can_be_kept_still_in_moving_stages(tiny):
    net = tiny()
    freeze_all_but(net, everything(net), norms_in_eval=True)
    assert not any(m.training for m in net.modules() if isinstance(m, _BatchNorm))
    assert net.training


def test_digest_sees_one_bit():
    a = torch.zeros(10)
    b = a.clone()
    b[3] = 1e-45  # the smallest float there is
    assert hash_tensors([a]) != hash_tensors([b]) and hash_tensors([a]) == hash_tensors([a.clone()])


def test_digest_is_of_values_not_of_layout():
    x = torch.randn(4, 3, 5, 5)
    assert hash_tensors([x]) == hash_tensors([x.contiguous(memory_format=torch.channels_last)])


def test_proof_opens_and_closes_rows_as_stages_freeze_and_thaw(tiny):
    net = tiny()
    last = len(net.stages) - 1
    grid = [select_moving_weights(net, rates) for rates in ([0.0] * last + [1.0], [0.0] * (last - 1) + [1.0, 1.0])]
    proof = FrozenCheck(net, grid)
    proof.begin_epoch(0)
    proof.begin_epoch(1)
    assert proof.finish(2)
    rows = {row["stage"]: row for row in proof.rows}
    assert set(rows) == {stage.name for stage in net.stages[:-1]}
    assert rows[net.stages[-2].name]["to_epoch"] == 1 and rows["stem"]["to_epoch"] == 2
    assert all(row["whole"] and row["tensors"] for row in proof.rows)


def test_proof_tells_when_a_frozen_stage_moved(tiny):
    net = tiny()
    proof = FrozenCheck(net, [select_moving_weights(net, [0.0] * len(net.stages))])
    proof.begin_epoch(0)
    with torch.no_grad():
        next(m for m in net.modules() if isinstance(m, _BatchNorm)).running_mean += 1e-3
    assert not proof.finish(1)
    assert [row["stage"] for row in proof.rows if not row["unchanged"]] == ["stem"]


@pytest.mark.parametrize("touched", ["backbone.conv_stem.weight", "backbone.bn1.running_var"])
def test_proof_tells_when_what_is_frozen_inside_a_moving_stage_moved(tiny, touched):
    net = tiny()
    moving = select_moving_weights(net, [1.0] * len(net.stages), lambda name, _: "bn2" in name)
    proof = FrozenCheck(net, [moving, moving])
    proof.begin_epoch(0)
    rows = {row["stage"]: row for row in proof.rows}
    assert not rows["blocks.1"]["whole"] and rows["stem"]["whole"]
    with torch.no_grad():
        net.get_parameter("backbone.blocks.1.0.bn2.weight").add_(1.0)  # moves, as it may
    proof.begin_epoch(1)
    assert len(proof.rows) == len(rows), "nothing is frozen otherwise"
    with torch.no_grad():
        dict([*net.named_parameters(), *net.named_buffers()])[touched].add_(1e-3)
    assert not proof.finish(2)
    assert [row["stage"] for row in proof.rows if not row["unchanged"]] == ["stem"]


def test_a_row_that_is_open_goes_on_in_a_resumed_run(tiny):
    net = tiny()
    last = len(net.stages) - 1
    grid = [select_moving_weights(net, [0.0] * last + [1.0])] * 2
    first, second = FrozenCheck(net, grid), FrozenCheck(net, grid)
    first.begin_epoch(0)
    second.rows = json.loads(json.dumps(first.rows))
    second.begin_epoch(1)
    assert second.finish(2) and len(second.rows) == last


def test_fingerprints_differ_between_stages(tiny):
    net = tiny()
    assert len({hash_named_tensors(net, stage.tensor_names) for stage in net.stages}) == len(net.stages)
