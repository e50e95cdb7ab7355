"""Live curves: what the page is told, and what it finds after a reload."""

from __future__ import annotations

import math

import pytest

from workbench.widgets.components import polling
from workbench.widgets.views.live_curves import LiveCurves

GRID = {"stages": ["stem", "head"], "rates": [[0.0, 0.1], [1.0, 1.0]]}


@pytest.fixture
def curves(run, still, monkeypatch):
    shown = LiveCurves(run, grid=GRID)
    shown.sent = []
    monkeypatch.setattr(shown, "send", lambda content, buffers=None: shown.sent.append(content))
    return shown


def drawn(messages):
    """What a page makes of the messages: the lines, and whether it had to ask for the whole."""
    lines, serial = {}, None
    for message in messages:
        if message["kind"] == "lines":
            lines = {}
        elif serial is not None and message["serial"] != serial + 1:
            return None
        serial = message["serial"]
        for name, part in message["lines"].items():
            x, y = lines.get(name, ([], []))
            lines[name] = (x[: part["at"]] + part["x"], y[: part["at"]] + part["y"])
    return lines


def test_points_travel_as_they_come_and_add_up_to_the_whole(curves, run):
    for step in range(1, 41):
        run.write(step / 10, loss=1 / step, accuracy=step / 50)
        if step % 10 == 0:
            run.write(step / 10, "valid", loss=2 / step, accuracy=step / 60)
        if step % 3 == 0:
            curves.poll()
    curves.poll()
    assert max(len(part["x"]) for message in curves.sent for part in message["lines"].values()) <= 4
    whole = {name: (part["x"], part["y"]) for name, part in curves.get_state("lines")["lines"]["lines"].items()}
    assert drawn(curves.sent) == whole
    assert set(whole) == {"loss/train", "accuracy/train", "loss/valid", "accuracy/valid"}
    assert len(whole["loss/train"][0]) == 40


def test_the_state_read_after_a_reload_is_the_present_one(curves, run):
    run.write(1.0, "valid", accuracy=0.5, loss=1.0)
    curves.poll()
    state = curves.get_state()
    assert state["lines"]["lines"]["accuracy/valid"] == {"at": 0, "x": [1.0], "y": [0.5]}
    assert state["lines"]["epochs"] == 4
    assert state["grid"] == GRID


def test_the_best_epoch_is_named_in_the_title(curves, run):
    for epoch, accuracy in ((1, 0.5), (2, 0.75), (3, 0.6)):
        run.write(epoch, "valid", accuracy=accuracy)
    curves.poll()
    assert curves.title == "validation accuracy 75.0 %, the best so far, after epoch 2 of 4"
    run.become("done")
    assert curves.poll() is False
    assert curves.title == "validation accuracy 75.0 % after epoch 2 of 4"


def test_a_page_that_asks_is_told_everything(curves, run):
    run.write(1.0, loss=1.0)
    curves.poll()
    curves._handle_custom_msg({"kind": "whole"}, [])
    assert curves.sent[-1]["kind"] == "lines"
    assert curves.sent[-1]["lines"]["loss/train"]["x"] == [1.0]


def test_a_run_resumed_from_an_earlier_state_is_drawn_anew(curves, run):
    for step in range(1, 11):
        run.write(step / 10, loss=1.0)
    curves.poll()
    run.points = run.points[:4]
    run.write(0.5, loss=9.0)
    curves.poll()
    assert drawn(curves.sent)["loss/train"] == ([0.1, 0.2, 0.3, 0.4, 0.5], [1.0] * 4 + [9.0])


def test_another_run_starts_over(curves, run):
    run.write(1.0, loss=1.0)
    curves.poll()
    curves.run = None
    assert curves.get_state("lines")["lines"]["lines"] == {}
    assert curves.title == ""
    assert curves.poll() is False


def test_missing_and_infinite_values_leave_gaps(curves, run):
    run.write(0.1, loss=math.nan)
    run.write(0.2, loss=1.0)
    run.write(0.3, accuracy=0.1)
    curves.poll()
    assert drawn(curves.sent) == {"loss/train": ([0.2], [1.0]), "accuracy/train": ([0.3], [0.1])}


def test_one_thread_follows_all_and_stops_when_all_is_over(run, until):
    views = [LiveCurves(run, grid=GRID) for _ in range(3)]
    assert polling.count_polled_widgets() == 3
    run.write(1.0, loss=1.0)
    assert until(lambda: all(view.get_state("lines")["lines"]["lines"] for view in views))
    run.become("done")
    assert until(lambda: polling.count_polled_widgets() == 0)


def test_what_goes_wrong_while_following_is_shown(run, until, monkeypatch):
    view = LiveCurves(run, grid=GRID)
    monkeypatch.setattr(run, "new_points", lambda since: 1 / 0)
    assert until(lambda: view.error == "ZeroDivisionError: division by zero")
    assert until(lambda: polling.count_polled_widgets() == 0)


def test_a_closed_view_is_not_followed(run):
    view = LiveCurves(run, grid=GRID)
    view.close()
    assert polling.count_polled_widgets() == 0


def test_before_the_first_point_it_says_what_to_expect(run, still):
    view = LiveCurves(grid=GRID)
    assert view.waiting.startswith("Launch a run")
    run.become("waiting")
    view.run = run
    assert "when the device is free" in view.waiting
    run.become("failed")
    view.poll()
    assert view.waiting == "The run ended before its first point."


def test_the_strip_is_the_grid_that_the_run_obeys(run, still):
    view = LiveCurves(run)
    assert view.grid == {}, "the worker has not opened the backbone yet"
    run.grid = GRID
    view.poll()
    assert view.grid == GRID
