"""Successive halving."""

from __future__ import annotations

import time

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadData, BadValue, UnknownName
from workbench.ranking._successive_halving import HalvingResult

RANDOM = [{"name": n, "params": {"pretrained": False, "size": 32}} for n in ("test_resnet", "test_vit")]
QUICK = {"augment": "none", "precision": "fp32", "batch_size": 16}


def test_the_one_that_knows_the_classes_wins_and_the_others_leave_early(taught, toy):
    began = time.perf_counter()
    others = [RANDOM[0], {"name": "test_efficientnet", "params": {"pretrained": False, "size": 32}}]
    found = wb.successive_halving([*others, taught], toy, seconds=2, lr=1e-4, progress=False, **QUICK)
    took = time.perf_counter() - began
    assert found.winner == taught and len(set(found.order)) == 3
    rounds = found.frame.groupby("round")
    assert rounds.size().tolist() == [3, 2] and rounds["advances"].sum().tolist() == [2, 1]
    # equal chances: about as many updates each in a round, and those who stay go on from where they were
    assert all((part["updates"].max() - part["updates"].min()) <= 5 for _, part in rounds), "an epoch has five"
    mine = found.frame[found.frame["backbone"] == taught]
    assert mine["updates"].is_monotonic_increasing and mine["accuracy"].iloc[-1] > 0.9
    assert 0 < found.seconds <= took and f"it took {found.seconds:.0f} s of 2 s" in str(found)


def test_a_longer_budget_buys_more_updates(toy):
    short, long = (wb.successive_halving(RANDOM, toy, seconds=s, progress=False, **QUICK) for s in (1, 2.5))
    assert long.frame["updates"].min() > short.frame["updates"].max()


def test_it_takes_a_ranking_and_tries_those_that_it_lies_among(made, toy, monkeypatch):
    names = []
    monkeypatch.setattr(
        "workbench.ranking._successive_halving._Contender", lambda one, *_: names.append(one.name) or 1 / 0
    )
    for backbones in ({"a": (1, 0.1), "b": (0.1, 1), "c": (0.5, 0.05)}, {"a": (3, 3), "c": (1, 1), "b": (2, 2)}):
        with pytest.raises(ZeroDivisionError):
            wb.successive_halving(made(**backbones), toy)
    assert names == ["a", "a"]
    monkeypatch.setattr("workbench.ranking._successive_halving._Contender", lambda one, *_: names.append(one.name))
    with pytest.raises(AttributeError):
        wb.successive_halving(made(a=(3, 3), c=(1, 1), b=(2, 2)), toy, progress=False)
    assert names[2:] == ["a", "b"], "the leader and the second, where there is a clear winner"


def test_what_chance_could_have_done_is_said():
    columns = ["round", "backbone", "updates", "epochs", "accuracy", "seconds", "advances"]

    def trial(first, second):
        rows = [(1, "a", 9, 2.0, first, 1.0, True), (1, "b", 9, 2.0, second, 1.0, False)]
        return HalvingResult(pd.DataFrame(rows, columns=columns), ("a", "b"), 2.0, 2.0, 100)

    assert trial(0.9, 0.6).lead == (pytest.approx(30), True) and "significant" not in str(trial(0.9, 0.6))
    assert not trial(0.9, 0.88).lead[1] and "not significant" in str(trial(0.9, 0.88))


def test_what_cannot_be_tried_is_refused(toy):
    with pytest.raises(BadValue, match="two backbones"):
        wb.successive_halving(RANDOM[0], toy)
    with pytest.raises(BadValue, match="sets epochs itself"):
        wb.successive_halving(RANDOM, toy, epochs=3)
    with pytest.raises(UnknownName, match="did you mean lr"):
        wb.successive_halving(RANDOM, toy, lrr=3)
    with pytest.raises(BadValue, match="at least 1 second"):
        wb.successive_halving(RANDOM, toy, seconds=0.5)
    with pytest.raises(BadData, match="no validation images"):
        wb.successive_halving(RANDOM, toy.subset("train"))
