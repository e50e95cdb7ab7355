"""What a ranking says, on numbers whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest


def test_a_clear_winner(made):
    verdict = made(a=(1.0, 0.9), b=(0.5, 0.5), c=(0.2, 0.1)).verdict
    assert (verdict.kind, verdict.leader, verdict.contenders) == ("winner", "a", ("a",))
    assert verdict.lead == 1 and verdict.support == 1
    assert str(verdict) == "a clear winner: a leads in 100% of resampled image sets and in 2 of 2 scores"


def test_a_tie_where_the_draws_do_not_agree(made):
    verdict = made(noise=0.2, a=(1.0, 0.9), b=(0.95, 0.85), c=(-3, -3)).verdict
    assert verdict.kind == "tie" and set(verdict.contenders) == {"a", "b"}
    assert "run successive halving" in verdict.sentence and "c" not in verdict.contenders


def test_scores_that_are_sure_of_different_ones_disagree(made):
    verdict = made(a=(1.0, 0.1), b=(0.1, 1.0), c=(0.5, 0.05)).verdict
    assert verdict.kind == "disagree" and set(verdict.contenders) == {"a", "b"}
    assert "logme for a" in verdict.sentence and "knn for b" in verdict.sentence


def test_few_scores_for_the_leader_is_no_clear_winner(made):
    five = ("logme", "gbc", "parc", "sfda", "transrate")
    # b is second by all, and by that first by consensus; two scores each want a and c
    found = made(scores=five, a=(3, 3, 1, 1, 1), b=(2, 2, 2, 2, 3), c=(1, 1, 3, 3, 2))
    assert found.verdict.leader == "b" and found.verdict.kind == "disagree"
    assert set(found.verdict.contenders) == {"a", "b", "c"}


def test_one_learnt_score_that_is_sure_of_another_is_doubt_enough(made):
    four = ("logme", "gbc", "knn", "linear_probe")
    assert made(scores=four, a=(3, 3, 3, 3), b=(1, 1, 1, 1)).verdict.kind == "winner"
    torn = made(scores=four, a=(3, 3, 3, 1), b=(1, 1, 1, 3), c=(0, 0, 0, 0)).verdict
    assert torn.kind == "disagree" and torn.leader == "a" and torn.contenders == ("a", "b")
    # the same from a score that learns nothing is outvoted
    assert made(scores=four, a=(3, 1, 3, 3), b=(1, 3, 1, 1), c=(0, 0, 0, 0)).verdict.kind != "disagree"


@pytest.mark.parametrize(("backbones", "said"), [({}, "no backbone"), ({"a": (1.0, 1.0)}, "only a")])
def test_nothing_to_compare(made, backbones, said):
    verdict = made(**backbones).verdict
    assert verdict.kind == "nothing" and said in verdict.sentence


def test_where_it_says_winner_it_is_right(made):
    """Backbones of known worth, scores that see it through noise: a clear winner is nine times in ten the best."""
    rng = np.random.default_rng(0)
    told = right = 0
    for _ in range(60):
        worth = dict(zip("abcd", rng.normal(size=4), strict=True))
        seen = {name: w + 0.3 * rng.normal(size=2) for name, w in worth.items()}
        verdict = made(noise=0.3, **seen).verdict
        told += verdict.kind == "winner"
        right += verdict.kind == "winner" and verdict.leader == max(worth, key=worth.get)
    assert told >= 10 and right >= 0.9 * told
