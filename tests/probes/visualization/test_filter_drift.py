"""How far filters moved: by hand, and where nothing can be said."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadValue


@pytest.fixture(scope="module")
def net():
    return wb.load_net("test_resnet", classes=3, pretrained=False, size=32)


def test_a_turn_and_a_stretch_by_hand(net):
    after = copy.deepcopy(net)
    weight = after.backbone.layer2[0].conv1.weight
    turn = np.radians(30)
    with torch.no_grad():
        first = weight[0].flatten().clone()
        other = torch.randn(first.shape, generator=torch.Generator().manual_seed(0))
        other -= first * (other @ first) / (first @ first)
        other *= first.norm() / other.norm()
        weight[0] = (np.cos(turn) * first + np.sin(turn) * other).view_as(weight[0])
        weight[1] *= 1.5
    found = wb.probes.filter_drift(net, after)
    rows = found.frame[found.frame["module"] == "backbone.layer2.0.conv1"].set_index("filter")
    assert rows.loc[0, "angle"] == pytest.approx(30, abs=1e-3)
    assert rows.loc[0, "relative_change"] == pytest.approx(2 * np.sin(turn / 2), abs=1e-5)
    assert rows.loc[1, "angle"] == pytest.approx(0, abs=1e-3) and rows.loc[1, "relative_change"] == pytest.approx(0.5)
    assert (found.frame[found.frame["stage"] != "layer2"]["relative_change"] == 0).all()
    assert found.stages["stage"].tolist() == [stage.name for stage in net.stages]


def test_a_filter_of_zeros_that_wakes_has_no_share(net):
    before, after = copy.deepcopy(net), copy.deepcopy(net)
    with torch.no_grad():
        before.backbone.layer2[0].conv1.weight[0] = 0
    row = wb.probes.filter_drift(before, after).frame.query("module == 'backbone.layer2.0.conv1' and filter == 0")
    assert np.isinf(row["relative_change"].item())


def test_what_was_frozen_did_not_move_and_a_new_head_is_left_out(net):
    other = wb.load_net("test_resnet", classes=5, pretrained=False, size=32)
    found = wb.probes.filter_drift(net, other)
    assert "head" not in set(found.frame["stage"]) and (found.stages["relative_change"] == 0).all()


def test_nets_of_two_kinds_are_refused(net):
    with pytest.raises(BadValue, match="share no filters"):
        wb.probes.filter_drift(net, wb.load_net("test_vit", classes=7, pretrained=False, size=32))
