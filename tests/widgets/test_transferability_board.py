"""The board of transferability at the level of its traits."""

from __future__ import annotations

import json
import threading

import pytest

import workbench as wb
from tests.conftest import toy_arrays
from workbench.widgets.tabs import WorkbenchState
from workbench.widgets.tabs.transferability import TransferabilityTab
from workbench.widgets.transferability_board import TransferabilityBoard, list_builtin_backbones

NETS = [{"name": n, "params": {"pretrained": False, "size": 32}} for n in ("test_resnet", "test_efficientnet")]
FIRST = "test_resnet (random weights, size=32)"
QUICK = {"scores": ["logme", "knn"], "n_resamples": 10}


@pytest.fixture(scope="module")
def images():
    return wb.load_images(toy_arrays())


@pytest.fixture
def board(images):
    return TransferabilityBoard(images, [*NETS, "no-such-net"], **QUICK)


def test_it_says_what_is_there_and_what_is_not(board):
    assert (
        board.words == "test_resnet (random weights; size=32), test_efficientnet (random weights; size=32), no-such-net"
    )
    assert board.parse_backbones() == [*NETS, "no-such-net"] and board.board == {}
    board.handle_message({"do": "rank"})
    board.wait(120)
    assert not board.error and not board.about["busy"] and len(board.ranking.valid_results) == 2
    shown = board.board
    assert "NaN" not in json.dumps(shown) and shown["title"].startswith(("A ", "The "))
    rows = {row["name"]: row for row in shown["rows"]}
    assert "no backbone is called" in rows["no-such-net"]["reason"]
    cell = rows[FIRST]["cells"]["knn"]
    assert cell["low"] <= cell["value"] <= cell["high"] and cell["place"] in (1, 2)
    assert [c["kind"] for c in shown["columns"]][:3] == ["consensus", "score", "score"]
    assert "test_resnet" in board.figure().to_json()


def test_a_click_chooses_and_what_failed_cannot_be_chosen(board):
    board.rank()
    board.wait(120)
    board.handle_message({"do": "pick", "name": FIRST})
    assert board.choice.name == "test_resnet" and board.choice.params == {"pretrained": False, "size": 32}
    board.handle_message({"do": "pick", "name": "no-such-net"})
    assert "was not measured" in board.error and board.choice.name == "test_resnet"


def test_it_can_be_stopped_and_what_is_there_stays(board, monkeypatch):
    from workbench.ranking.ranking import iter_rankings

    first, go = threading.Event(), threading.Event()

    def slow(*args, **options):
        for ranking in iter_rankings(*args, **options):
            yield ranking
            if len(ranking.results) == 1:
                first.set()
                go.wait(60)

    monkeypatch.setattr("workbench.ranking.ranking.iter_rankings", slow)
    board.rank()
    assert first.wait(60) and board.about["no_rank"] == "work is under way" and board.about["share"] > 0
    board.handle_message({"do": "rank"})
    assert "under way" in board.error
    board.stop()
    go.set()
    board.wait(60)
    assert len(board.ranking.results) <= 2 and board.ranking.n_requested == 3 and not board.about["busy"]
    assert "not scored yet" in str(board.ranking)


def test_the_short_trial_runs_behind_it(board):
    board.handle_message({"do": "try", "seconds": 1})
    assert "rank at least two backbones" in board.error and board.about["no_trial"]
    board.rank()
    board.wait(120)
    board.handle_message({"do": "try", "seconds": 0})
    assert "at least 1 second" in board.error
    board.handle_message({"do": "try", "seconds": 1})
    board.wait(120)
    assert board.trial is not None and "wins successive halving" in board.board["trial"]


def test_a_short_trial_is_watched_and_stopped_and_what_was_trained_is_judged(board):
    board.rank()
    board.wait(120)
    shares, offs = [], []
    board.observe(lambda change: shares.append(change["new"]["share"]), "about")

    def once(change):
        if change["new"]["share"] > 0 and not board._stop_event.is_set():
            offs.append(change["new"]["no_stop"])
            board.handle_message({"do": "stop"})
            offs.append(board.about["no_stop"])

    board.observe(once, "about")
    board.handle_message({"do": "try", "seconds": 600})
    board.wait(120)
    assert offs == ["", "it ends once all have trained equally far"]
    assert board.trial.stopped and board.trial.seconds < 300 and 0 < max(shares) < 1
    assert board.trial.frame["updates"].nunique() == 1, "those that are compared were trained equally far"
    assert "leads successive halving, which was stopped early" in board.board["trial"] and not board.about["busy"]


def test_without_images_it_says_what_to_do(images):
    board = TransferabilityBoard(None, NETS)
    assert "open some in Data" in board.about["no_rank"]
    board.handle_message({"do": "rank"})
    assert "no images yet" in board.error
    board.images = images
    assert not board.about["no_rank"] and board.about["images"] == images.name


def test_words_are_read_as_people_type_them(images):
    board = TransferabilityBoard(images, NETS)
    board.words = " wb/residual-shape,\nresnet18 random , "
    assert board.parse_backbones() == ["wb/residual-shape", {"name": "resnet18", "params": {"pretrained": False}}]
    names = list_builtin_backbones()
    assert TransferabilityBoard(images).parse_backbones() == names and names[-1]["params"] == {"pretrained": False}
    board.words = "<b>x"
    board.rank()
    board.wait(60)
    assert board.ranking.frame["backbone"][0] == "<b>x", "names are text: the page sets them as such"


def test_the_tab_hands_what_is_clicked_on(images):
    bench = WorkbenchState(images=images)
    tab = TransferabilityTab(bench)
    tab.open()
    tab.wait(60)
    tab.board.words, tab.board._known_backbones, tab.board._options = "small", {"small": NETS[0]}, QUICK
    tab.board.rank()
    tab.board.wait(120)
    tab.board.pick(FIRST)
    assert bench.backbone.name == "test_resnet" and "Next: Layers" in tab.notice.text
    other = images.subset("train")
    bench.images = other
    tab.open()
    assert tab.board.images is other and tab.board.ranking is None
