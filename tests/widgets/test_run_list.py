"""The list of runs."""

from __future__ import annotations

import json

import pytest

from workbench.plan import Plan
from workbench.runs.folder import run_files as files
from workbench.runs.folder.run_files import Status
from workbench.widgets.run_list import REFRESH_EVERY, RunList


@pytest.fixture
def make(home):
    def made(name: str, state: str = "done", accuracy: float | None = None):
        folder = home / "runs" / name
        folder.mkdir(parents=True)
        (folder / files.PLAN).write_text(Plan("resnet18", "digits").to_json())
        files.write_status(folder, Status(state))
        if accuracy is not None:
            point = {"step": 1, "epoch": 1.0, "split": "valid", "accuracy": accuracy}
            (folder / files.POINTS).write_text(json.dumps(point) + "\n")
        return folder

    return made


def test_no_runs_is_an_empty_list():
    assert RunList().rows == []


def test_runs_are_listed_with_state_and_best_accuracy(make):
    make("first", "done", 0.75)
    make("second", "failed")
    rows = {row["name"]: row for row in RunList().rows}
    assert rows["first"]["best"] == 0.75
    assert rows["first"]["what"] == "resnet18 · full · fine-tune · digits"
    assert rows["second"]["state"] == "failed"
    assert rows["second"]["best"] is None


def test_names_travel_as_they_are(make):
    make("<b>bold & brave</b>".replace("/", "_"))
    assert RunList().rows[0]["name"] == "<b>bold & brave<_b>"


def test_a_damaged_run_is_listed_as_such(make):
    (make("torn") / files.PLAN).write_text("{")
    assert RunList().rows[0]["state"] == "damaged"


def test_the_list_is_read_anew_now_and_then(make):
    shown = RunList()
    make("later")
    assert shown.rows == []
    assert all(shown.poll() for _ in range(REFRESH_EVERY))
    assert [row["name"] for row in shown.rows] == ["later"]


def test_what_has_not_changed_is_not_read_again(make, monkeypatch):
    make("over", "done", 0.5)
    shown = RunList()
    monkeypatch.setattr(files, "describe_run", lambda path: pytest.fail("read again"))
    shown.refresh()
    assert shown.rows[0]["best"] == 0.5
