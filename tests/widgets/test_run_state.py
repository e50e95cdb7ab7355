"""How one run stands, and its two buttons."""

from __future__ import annotations

import dataclasses

import pytest

from workbench.errors import Unavailable
from workbench.runs.folder.run_files import Status
from workbench.widgets.run_state import RunState, build_state, describe_status


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status("running", epoch=2.4, epochs=10, step=24, steps=100, seconds_left=40.0, device="cpu"),
         "epoch 3 of 10, 40 s left, on cpu"),
        (Status("running", epoch=10.0, epochs=10, step=100, steps=100), "epoch 10 of 10"),
        (Status("running", message="opening images and backbone"), "opening images and backbone"),
        (Status("waiting", message="waiting: other-run has the device"), "waiting: other-run has the device"),
        (Status("failed", message="the disk is full"), "the disk is full"),
        (Status("done"), "all epochs trained"),
        (Status("created"), "not started"),
    ],
)  # fmt: skip
def test_the_sentence_of_a_state(status, words):
    assert describe_status(status) == words


@pytest.mark.parametrize(
    ("state", "stops", "resumes"),
    [
        ("waiting", True, False),
        ("running", True, False),
        ("stopping", False, False),
        ("stopped", False, True),
        ("failed", False, True),
        ("interrupted", False, True),
        ("done", False, False),
    ],
)
def test_a_button_that_is_off_says_why(state, stops, resumes):
    about = build_state("a run", Status(state))
    assert (about["no_stop"] == "") is stops
    assert (about["no_resume"] == "") is resumes


def test_stop_and_resume_reach_the_run(run, until):
    resumed = []
    view = RunState(on_resume=lambda: resumed.append(True))
    view.run = run
    view.handle_message({"do": "stop"})
    assert run.calls == ["stop"]
    assert view.about["state"] == "stopping"
    run.become("stopped")
    view.handle_message({"do": "resume"})
    assert until(lambda: resumed)
    assert run.calls == ["stop", "resume"]
    assert view.about["state"] == "running"


def test_a_resume_that_is_refused_is_told(run, until, monkeypatch):
    def refuse():
        raise Unavailable("another worker is at it")

    run.become("stopped")
    monkeypatch.setattr(run, "resume", refuse)
    view = RunState()
    view.run = run
    view.handle_message({"do": "resume"})
    assert until(lambda: view.error == "another worker is at it")


def test_progress_is_followed_while_the_run_lives(run, until):
    view = RunState()
    view.run = run
    run.status = dataclasses.replace(run.status, step=5, steps=10)
    assert until(lambda: view.about.get("share") == 0.5)
    run.become("done")
    assert until(lambda: view.about["state"] == "done" and view.about["share"] == 1.0)


def test_without_a_run_nothing_is_shown_or_done():
    view = RunState()
    view.handle_message({"do": "stop"})
    assert view.about == {}
    assert view.poll() is False
