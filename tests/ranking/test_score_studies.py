"""The published comparison, recomputed from its own rows."""

from __future__ import annotations

import pytest

import workbench as wb


def test_naive_orders_beat_the_scores_on_it():
    table = wb.published_score_study()
    assert len(table) == 80 and table["model"].nunique() == 10 and table["dataset"].nunique() == 8

    def mean(name, left_out=""):
        parts = [part for key, part in table.groupby("dataset") if key != left_out]
        return sum(wb.scores.weighted_tau(part["accuracy"], part[name]) for part in parts) / len(parts)

    found = {name: round(mean(name), 3) for name in ("parameters", "top1", "logme", "h_score", "leep")}
    assert found == {"parameters": 0.740, "top1": 0.724, "logme": 0.670, "h_score": 0.650, "leep": 0.419}
    # NCE has no values of its own on DTD
    assert round(mean("nce", left_out="DTD"), 3) == 0.708
    dtd = table[table["dataset"] == "DTD"]
    assert (dtd["nce"] == dtd["logme"]).all()


def test_one_net_decides_on_aircraft():
    part = wb.published_score_study().query("dataset == 'Aircraft'")
    rest = part[part["model"] != "Inception V3"]
    assert wb.scores.weighted_tau(part["accuracy"], part["logme"]) == pytest.approx(0.530, abs=5e-4)
    assert wb.scores.weighted_tau(rest["accuracy"], rest["logme"]) == pytest.approx(0.200, abs=5e-4)


def test_the_own_study_orders_better_than_size_does():
    table = wb.measured_score_study()
    assert len(table) == 96 and table["backbone"].nunique() == 12 and table["target"].nunique() == 8

    def mean(name, sign=1):
        parts = [part for _, part in table.groupby("target")]
        return sum(wb.scores.weighted_tau(part["accuracy"], sign * part[name]) for part in parts) / len(parts)

    assert mean("consensus", -1) > 0.7 > 0.5 > mean("multiply_adds") > mean("parameters")
    winners = table[table["verdict"] == "winner"]
    for _, part in winners.groupby("target"):
        assert part["accuracy"].idxmax() == part["consensus"].idxmin()
