"""Activations of images under one view: read where they are stored, and never at the price of a training."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import torch

from workbench.feature_extraction import PooledOutput
from workbench.storage import cache_entry as entries
from workbench.storage.cache_entry import CacheFull
from workbench.storage.cached_activations import CachedActivations

PLACES, ROWS = np.array([0, 3, 5]), torch.arange(12.0).reshape(3, 4)


@pytest.fixture
def source(toy):
    """A function that makes cached activations of four values."""

    def make(precision="fp32"):
        return CachedActivations(
            PooledOutput("key", "layer4", 4), toy.view(size=16), "16 px", precision, torch.device("cpu"), {"net": "n"}
        )

    return make


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_one_source_added_another_reads(source):
    first = source()
    assert not first.is_stored(PLACES).any()
    assert torch.equal(first.add(PLACES, [ROWS]), ROWS)
    first.flush()
    second = source()
    assert second.is_stored(np.array([0, 1, 3])).tolist() == [True, False, True]
    assert torch.equal(second.unflatten(second.read(PLACES[::-1].copy()))[0].flatten(1), ROWS.flip(0))


def test_numbers_are_as_they_will_be_read_before_they_are_stored(source):
    fine = ROWS + 1e-4
    assert torch.equal(source("fp16").add(PLACES, [fine]), fine.half())


def test_little_is_stored_in_full_precision_and_precisions_are_told_apart(source):
    assert source("auto").precision == "fp32" and source("auto").key == source("fp32").key
    assert source("fp16").key != source("fp32").key


@pytest.mark.parametrize("when", ["write", "flush"])
def test_a_full_disk_is_said_once_and_the_numbers_come_all_the_same(source, monkeypatch, caplog, when):
    one = source()
    monkeypatch.setattr(entries.CacheEntry, when, full)
    for places in (PLACES, PLACES + 1):
        assert torch.equal(one.add(places, [ROWS]), ROWS)
        one.flush()
    assert caplog.text.count("activations are not stored: ") == 1 and "No space left on device" in caplog.text
    assert one.is_disabled


def test_where_nothing_can_be_kept_nothing_is_found_and_numbers_have_the_stores_precision(source, monkeypatch, caplog):
    def refuse(*_):
        raise CacheFull("no room")

    monkeypatch.setattr(entries, "create_entry", refuse)
    one = source("fp16")
    assert torch.equal(one.add(PLACES, [ROWS + 1e-4]), (ROWS + 1e-4).half())
    assert not one.is_stored(PLACES).any()
    assert torch.equal(one.unflatten(ROWS.half())[0].flatten(1), ROWS.half())
    assert "activations are not stored: no room" in caplog.text


def test_nothing_is_read_before_something_was_added(source):
    with pytest.raises(AssertionError, match="before something was added"):
        source().read(PLACES)
