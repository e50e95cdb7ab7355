"""Sizes measured on this machine, remembered beside the shipped ones."""

from __future__ import annotations

import pytest
from torch import nn

from workbench import _paths
from workbench.nets.catalogue import net_sizes
from workbench.nets.catalogue.size_survey import NetSize, SizeKey

KEY = SizeKey("ours", 8, 8, 4)


def net():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))


def broken():
    raise ValueError("never")


def test_what_was_measured_once_is_known_from_then_on():
    before = net_sizes.get_local_table_version()
    assert KEY not in net_sizes.load_known_sizes()
    assert net_sizes.measure_and_store(KEY, net, "ours")
    assert net_sizes.load_known_sizes()[KEY] == NetSize(16, 12)
    assert net_sizes.get_local_table_version() != before
    assert not net_sizes.measure_and_store(KEY, broken, "ours")


def test_a_net_that_cannot_be_built_teaches_nothing():
    assert not net_sizes.measure_and_store(KEY, broken, "ours")
    assert KEY not in net_sizes.load_known_sizes()


@pytest.mark.parametrize("text", ["a,b\nc,d\n", "x,1,1,1,1,1\ny,one,1,1,1,1\n"])
def test_a_spoilt_cache_is_measured_anew(text):
    file = _paths.workbench_home() / "cache" / "sizes.csv"
    file.parent.mkdir()
    file.write_text(text)
    assert KEY not in net_sizes.load_known_sizes()
    assert net_sizes.measure_and_store(KEY, net, "ours")
    assert net_sizes.load_known_sizes()[KEY] == NetSize(16, 12)
