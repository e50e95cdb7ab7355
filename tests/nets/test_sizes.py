"""Sizes measured on this machine, remembered beside the shipped ones."""

from __future__ import annotations

import pytest
from torch import nn

from workbench import disk
from workbench.nets import sizes
from workbench.nets.survey import Key, Size

KEY = Key("ours", 8, 8, 4)


def net():
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))


def broken():
    raise ValueError("never")


def test_what_was_measured_once_is_known_from_then_on():
    before = sizes.changed()
    assert KEY not in sizes.known()
    assert sizes.learn(KEY, net, "ours")
    assert sizes.known()[KEY] == Size(16, 12)
    assert sizes.changed() != before
    assert not sizes.learn(KEY, broken, "ours")


def test_a_net_that_cannot_be_built_teaches_nothing():
    assert not sizes.learn(KEY, broken, "ours")
    assert KEY not in sizes.known()


@pytest.mark.parametrize("text", ["a,b\nc,d\n", "x,1,1,1,1,1\ny,one,1,1,1,1\n"])
def test_a_spoilt_cache_is_measured_anew(text):
    file = disk.home() / "cache" / "sizes.csv"
    file.parent.mkdir()
    file.write_text(text)
    assert KEY not in sizes.known()
    assert sizes.learn(KEY, net, "ours")
    assert sizes.known()[KEY] == Size(16, 12)
