"""The consensus of scores."""

from __future__ import annotations

import numpy as np

from workbench.ranking.consensus import consensus_ranks, relative_ranks, score_family, to_larger_is_better


def test_places_run_from_0_to_1_and_equals_share_theirs():
    np.testing.assert_allclose(relative_ranks(np.array([5.0, 9, 5, 1])), [0.5, 0, 0.5, 1])
    assert relative_ranks(np.array([3.0])).tolist() == [0]


def test_families_have_one_vote_each():
    a, b = np.array([1.0, 0]), np.array([0, 1.0])
    assert [score_family(s) for s in ("logme", "knn", "leep")] == ["features", "classifiers", "predictions"]
    # four scores of one family against one of another: a draw
    np.testing.assert_allclose(consensus_ranks({"logme": a, "gbc": a, "parc": a, "sfda": a, "knn": b}), [0.5, 0.5])
    np.testing.assert_allclose(consensus_ranks({"logme": a, "gbc": b, "parc": a, "knn": a}), [1 / 6, 5 / 6])


def test_scores_that_are_better_lower_are_turned():
    assert to_larger_is_better("rank_elsewhere", np.array([1.0, 2])).tolist() == [-1, -2]
    assert to_larger_is_better("logme", np.array([1.0, 2])).tolist() == [1, 2]
