"""Contents of the activation cache, and how it is emptied."""

from __future__ import annotations

import os

import numpy as np
import pytest

import workbench as wb
from tests.storage.test_cache_entry import filled
from workbench.storage import cache_entry as entries


@pytest.fixture
def held(home):
    """Two entries, the second used later, and a folder that is none."""
    for key, rows, day in (("old", [1, 2], 1), ("new", [5], 2)):
        entry = filled(rows, key)
        entry.flush()
        os.utime(entry.folder / "used", (day * 86400, day * 86400))
    (entries.get_cache_folder() / "half-made").mkdir()
    return wb.activation_cache()


def test_entries_are_listed_the_one_used_last_first(held):
    assert held.frame["key"].tolist() == ["new", "old"]
    assert held.frame["rows"].tolist() == [1, 2]
    assert held.frame.loc[0, ["net", "cut", "images", "view", "precision"]].tolist() == [
        *("n", "after layer1", "i", "v", "float16")
    ]
    assert np.isclose(held.frame["used"].diff()[1], 24, atol=0.2), "hours"


def test_looking_does_not_count_as_use(held):
    assert wb.activation_cache().frame["used"].tolist() == pytest.approx(held.frame["used"].tolist(), abs=0.2)


def test_the_summary_says_how_much_of_how_much(held, monkeypatch):
    monkeypatch.setenv("WORKBENCH_STORE_GB", "3")
    assert "of at most 3.0 GB" in wb.activation_cache().summary and wb.activation_cache().summary.startswith(
        "2 entries, "
    )
    assert "after layer1" in str(held) and "new" not in str(held), "a key tells a person nothing"
    assert "<td>after layer1</td>" in held._repr_html_()


def test_what_was_listed_is_removed_and_counted(held):
    filled([3], "later").flush()
    assert held.clear() == 2
    assert wb.activation_cache().frame["key"].tolist() == ["later"]
    assert wb.activation_cache().summary.startswith("1 entry, ")


def test_an_empty_store_is_a_summary_alone(home):
    assert str(wb.activation_cache()) == wb.activation_cache().summary
    assert wb.activation_cache().clear() == 0
