"""What a run has learnt, drawn in the widget and given as plain figures."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from workbench.errors import Unavailable
from workbench.images import images
from workbench.metrics import Evaluation
from workbench.widgets.results import Results


@pytest.fixture
def learnt(run):
    """A run that is done, over the digits, wrong about every fifth image."""
    data = images("digits")

    def evaluate(split="valid", domain=None):
        run.calls.append((split, domain))
        part = data.part(split=split)
        labels = part.labels()
        said = np.where(np.arange(len(labels)) % 5 == 0, (labels + 1) % 10, labels)
        p = np.full((len(labels), 10), 0.02)
        p[np.arange(len(labels)), said] = 0.82
        return Evaluation(part.frame["id"].to_numpy(), labels, p, part.classes)

    run.images, run.evaluate = data, evaluate
    run.become("done")
    return run


def test_without_a_run_it_says_what_to_do():
    shown = Results()
    assert "Launch one" in shown.notice.text
    with pytest.raises(Unavailable, match="nothing is evaluated yet"):
        shown.figures()


def test_a_run_that_is_done_is_evaluated_and_drawn(learnt):
    shown = Results(learnt)
    assert "Evaluating" in shown.notice.text or shown.evaluation is not None
    shown.wait(30)
    assert shown.error == ""
    assert "79." in shown.title.value or "80." in shown.title.value
    for part in ("wb-confusion", "wb-metrics", "wb-small-chart"):
        assert part in shown.body.value
    assert "wb-classes" in shown.classes.value
    assert len(shown.mistakes.cards) == 12 and "click one to see" in shown.mistakes.title
    assert learnt.calls == [("valid", None)]


def test_another_split_is_evaluated_when_chosen(learnt):
    shown = Results(learnt)
    shown.wait(30)
    shown.split.value = "train"
    shown.wait(30)
    assert learnt.calls[-1] == ("train", None)
    assert "training images right" in shown.title.value


def test_the_figures_are_plain_ones(learnt):
    shown = Results(learnt)
    shown.wait(30)
    assert set(shown.figures()) == {"confusion", "per_class", "calibration", "mistakes"}


def test_a_run_under_way_is_evaluated_only_when_asked(learnt):
    learnt.become("running")
    shown = Results(learnt)
    assert learnt.calls == []
    assert "is running" in shown.notice.text
    shown.again.click()
    shown.wait(30)
    assert shown.evaluation is not None


def test_what_goes_wrong_is_told(learnt, monkeypatch):
    def refuse(split, domain):
        raise Unavailable("it has saved no weights yet")

    monkeypatch.setattr(learnt, "evaluate", refuse)
    shown = Results(learnt)
    shown.wait(30)
    assert shown.error == "it has saved no weights yet"
    assert shown.notice.text == ""


def test_a_run_changed_meanwhile_is_not_overwritten_by_the_one_before(learnt, monkeypatch):
    go, first = threading.Event(), learnt.evaluate

    def slow(split, domain):
        assert go.wait(10)
        return first(split, domain)

    monkeypatch.setattr(learnt, "evaluate", slow)
    shown = Results(learnt)
    shown.run = None
    go.set()
    shown.wait(30)
    assert shown.evaluation is None
    assert shown.body.value == ""
