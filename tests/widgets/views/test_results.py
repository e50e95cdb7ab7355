"""What a run has learnt, drawn in the widget and given as plain figures."""

from __future__ import annotations

import re
import threading

import numpy as np
import pytest

from workbench.data.image_loading import load_images
from workbench.errors import Unavailable
from workbench.figures.rendering.inline_html import inline_svg
from workbench.metrics import Evaluation
from workbench.widgets.views.results import Results


@pytest.fixture
def learnt(run):
    """A run that is done, over the digits, wrong about every fifth image."""
    data = load_images("digits")

    def evaluate(split="valid", domain=None):
        run.calls.append((split, domain))
        part = data.subset(split=split)
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
    with pytest.raises(Unavailable, match="no evaluation yet"):
        shown.figures()


def test_a_run_that_is_done_is_evaluated_and_drawn(learnt):
    shown = Results(learnt)
    assert "Evaluating" in shown.notice.text or shown.evaluation is not None
    shown.wait(30)
    assert shown.error == ""
    assert "79." in shown.title.value or "80." in shown.title.value
    assert "wb-metrics" in shown.metrics.value
    assert len(shown.mistakes.cards) == 12 and "click one to see" in shown.mistakes.title
    assert learnt.calls == [("valid", None)]


def test_another_split_is_evaluated_when_chosen(learnt):
    shown = Results(learnt)
    shown.wait(30)
    shown.split.value = "train"
    shown.wait(30)
    assert learnt.calls[-1] == ("train", None)
    assert "training images correct" in shown.title.value


def test_the_figures_are_plain_ones(learnt):
    shown = Results(learnt)
    shown.wait(30)
    charts = shown.figures()
    assert set(charts) == {"confusion", "per_class", "calibration", "mistakes"}
    # the page shows these very figures: same title, same order of classes, same colors
    views = {"confusion": shown.confusion, "per_class": shown.classes, "calibration": shown.calibration}
    for name, view in views.items():
        assert view.svg == inline_svg(charts[name]), name
    order = re.findall(r'data-row="(\d)" data-column="0"', shown.confusion.svg)
    assert order == charts["confusion"].data[0].meta["rows"] == list(charts["confusion"].layout.yaxis.ticktext)
    assert charts["mistakes"].texts[0].get_text() == shown.mistakes.title.partition("; click")[0]


def test_a_clicked_cell_or_bar_lists_its_mistakes(learnt):
    shown = Results(learnt)
    shown.wait(30)
    every, wrong = shown.mistakes.title, shown.evaluation.mistakes
    shown.confusion.selected = {"row": "3", "column": "4"}
    shown.wait(30)
    n = int((wrong["true"] == "3").sum())
    assert 0 < len(shown.mistakes.cards) == min(n, 12) and f"{n} mistakes of 3 predicted as 4" in shown.mistakes.title
    assert {(card["true"], card["said"]) for card in shown.mistakes.cards} == {("3", "4")}
    shown.confusion.selected = {"row": "3", "column": "5"}
    shown.wait(30)
    assert shown.mistakes.cards == [] and shown.mistakes.title == "No mistakes of 3 predicted as 5"
    shown.classes.selected = {"category": "7", "series": "recall"}
    shown.wait(30)
    assert shown.confusion.selected == {} and {card["true"] for card in shown.mistakes.cards} == {"7"}
    shown.confusion.selected = {"row": "3", "column": "3"}
    shown.wait(30)
    assert shown.classes.selected == {} and {card["true"] for card in shown.mistakes.cards} == {"3"}
    shown.confusion.selected = {}
    shown.wait(30)
    assert shown.mistakes.title == every and shown.error == ""


def test_another_split_forgets_the_selection(learnt):
    shown = Results(learnt)
    shown.wait(30)
    shown.classes.selected = {"category": "7", "series": "recall"}
    shown.wait(30)
    shown.split.value = "train"
    shown.wait(30)
    assert shown.classes.selected == {} and len({card["true"] for card in shown.mistakes.cards}) > 1
    assert "training images correct" in shown.title.value


def test_tags_have_bars_and_no_matrix(learnt, monkeypatch):
    part = learnt.images.subset(split="valid")
    labels = np.eye(10, dtype=int)[part.labels()]
    p = np.where(labels > 0, 0.4, 0.1)
    tags = Evaluation(part.frame["id"].to_numpy(), labels, p, part.classes, kind="tags")
    monkeypatch.setattr(learnt, "evaluate", lambda split, domain: tags)
    shown = Results(learnt)
    shown.wait(30)
    assert shown.confusion.svg == shown.calibration.svg == "" and shown.classes.svg and shown.error == ""
    shown.classes.selected = {"category": "7", "series": "recall"}
    shown.wait(30)
    assert {card["true"] for card in shown.mistakes.cards} == {"7"} and not shown.mistakes.clickable


def test_a_run_under_way_is_evaluated_only_when_asked(learnt):
    learnt.become("running")
    shown = Results(learnt)
    assert learnt.calls == []
    assert "is running" in shown.notice.text
    shown.evaluate_button.click()
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
    assert shown.metrics.value == shown.confusion.svg == shown.classes.svg == ""
