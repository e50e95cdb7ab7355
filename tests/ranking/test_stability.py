"""Intervals, leave-one-out, the sample-size curve, and agreement, on numbers whose answer is known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.ranking.conftest import scored
from workbench.ranking.result import Ranking

THREE = {"a": (1.0, 0.9), "b": (0.5, 0.5), "c": (0.2, 0.1)}


def test_intervals_hold_the_value_and_are_as_wide_as_the_halves_scatter(made):
    wide, narrow = made(noise=0.1, **THREE).intervals, made(noise=0.001, **THREE).intervals
    for found, noise in ((wide, 0.1), (narrow, 0.001)):
        own = found[found["score"] != "consensus"]
        assert ((own["low"] <= own["value"]) & (own["value"] <= own["high"])).all()
        assert (own["high"] - own["low"]).mean() == pytest.approx(3.29 * noise, rel=0.2)
    assert set(wide["score"]) == {"logme", "knn", "consensus"} and len(wide) == 9


def test_one_backbone_that_the_order_hangs_on(made):
    # with c, whom one score puts between them, b is two places ahead of a there; without c, only one
    found = made(scores=("logme", "gbc", "knn"), a=(4, 4, 2), b=(3, 2, 4), c=(2, 1, 3), d=(1, 3, 1))
    flips = found.leave_one_out.set_index("left_out")
    assert found.frame["backbone"][0] == "b" and found.frame["consensus"][0] == pytest.approx(0.25)
    assert flips.loc["c", "leader"] == "a" and flips["leader_changes"].to_dict() == {
        "a": False,
        "b": False,
        "c": True,
        "d": False,
    }
    assert flips.loc["c", "tau"] < 1 and "without c, a leads" in found.warnings[0]
    steady = made(**THREE)
    assert not steady.leave_one_out["leader_changes"].any() and (steady.leave_one_out["tau"] == 1).all()
    assert made(a=(1, 1), b=(0, 0)).leave_one_out.empty


def test_the_curve_says_how_the_order_settles(made):
    steady, shaky = made(noise=1e-4, **THREE).sample_size_curve, made(noise=2.0, **THREE).sample_size_curve
    assert (steady["tau"] == 1).all() and (steady["leads"] == 1).all()
    assert shaky["tau"].mean() < 0.8 and (shaky["low"] <= shaky["tau"]).all()
    assert set(steady["score"]) == {"logme", "knn", "consensus"} and set(steady["images"]) == {50}


def test_agreement_is_the_tau_between_two_orders(made):
    found = made(a=(3, 1), b=(2, 2), c=(1, 3)).agreement
    assert found.loc["logme", "knn"] == pytest.approx(-1) and found.loc["logme", "logme"] == pytest.approx(1)
    assert (found.to_numpy() == found.to_numpy().T)[np.isfinite(found.to_numpy())].all()


def test_what_a_baseline_would_choose_is_said():
    rows = (scored("a", {"knn": 0.9}, parameters=1.0), scored("b", {"knn": 0.1}, parameters=9.0))
    found = Ranking("toy", rows, ("knn",), 2)
    assert found.baselines == ("parameters",)
    assert found.warnings == ("parameters alone would choose b",)


def test_a_score_that_one_backbone_lacks_has_no_vote():
    rows = (scored("a", {"logme": 0.1, "knn": 0.9}), scored("b", {"logme": 0.2}), scored("c", {}, failure="no file"))
    found = Ranking("toy", rows, ("logme", "knn"), 4)
    assert found.voting_scores == ("logme",) and found.frame["backbone"].tolist() == ["b", "a", "c"]
    assert found.frame["reason"].tolist() == ["", "", "no file"] and found.frame["place"].isna().tolist()[-1]
    assert "1 backbones not scored yet" in str(found)


def test_it_is_plain_data(made):
    told = json.loads(json.dumps(made(**THREE).to_dict()))
    assert told["verdict"]["leader"] == "a" and [row["backbone"] for row in told["frame"]] == ["a", "b", "c"]
    assert told["agreement"]["logme"]["knn"] == 1 and "mean of the relative ranks" in told["consensus_rule"]


def test_names_are_text(made):
    found = made(**{"<b>x</b>": (1, 1), "y": (0, 0)})
    assert "<b>x" not in found._repr_html_() and "&lt;b&gt;x" in found._repr_html_()
