"""Runs listed and searched, and their status as older versions wrote it."""

from __future__ import annotations

import json

import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.runs.folder.run_files import STATUS, read_status
from workbench.runs.processes.launching import create_run_folder


@pytest.fixture
def two(tiny_plan):
    """Two runs that were made and not trained."""
    return [create_run_folder(tiny_plan(tuning=tuning, epochs=n)) for tuning, n in (("full", 2), ("head", 4))]


def test_runs_are_listed_by_name_the_newest_first(two):
    assert wb.list_runs() == [folder.name for folder in reversed(two)]
    assert [*wb.search_runs()["name"]] == wb.list_runs()


def test_words_and_bounds_choose_among_the_runs(two):
    assert [*wb.search_runs("head")["name"]] == [two[1].name]
    assert [*wb.search_runs("epochs < 3 and state == 'created'")["name"]] == [two[0].name]
    assert wb.search_runs("accuracy > 0.5").empty
    with pytest.raises(UnknownName, match="epochs"):
        wb.search_runs("epohcs > 3")
    with pytest.raises(BadValue):
        wb.search_runs("state > 3")


def test_a_status_of_version_0_1_is_read(two):
    old = {"state": "stopped", "sentence": "stopped at step 94", "epoch": 1.0, "saved": 1.0}
    (two[0] / STATUS).write_text(json.dumps(old), encoding="utf-8")
    status = read_status(two[0])
    assert (status.state, status.message, status.saved_epoch) == ("stopped", "stopped at step 94", 1.0)
