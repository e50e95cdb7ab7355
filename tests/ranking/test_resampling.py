"""Resampling of images."""

from __future__ import annotations

import numpy as np

from workbench.ranking.resampling import Resamples, draw_fraction, draw_subset

LABELS = np.repeat([0, 1, 5], [101, 50, 9])


def test_a_half_holds_no_image_twice_and_every_class_in_its_share():
    draws = Resamples.from_labels(LABELS, 200, 0)
    assert len(draws.halves) == 200 and all(len(set(h)) == len(h) for h in draws.halves)
    counts = np.array([np.bincount(LABELS[h], minlength=6) for h in draws.halves])
    assert (abs(counts[:, [0, 1, 5]] - [50.5, 25, 4.5]) <= 0.5).all()
    np.testing.assert_allclose(counts[:, [0, 1, 5]].mean(0), [50.5, 25, 4.5], atol=0.15)


def test_the_spread_of_a_mean_over_halves_is_its_standard_error():
    x = np.random.default_rng(1).normal(size=400)
    means = [x[h].mean() for h in Resamples.from_labels(np.zeros(400, int), 2000, 0).halves]
    assert abs(np.std(means) / (x.std() / np.sqrt(400)) - 1) < 0.05


def test_every_class_stays_and_shares_that_leave_one_image_are_not_tried():
    assert set(LABELS[draw_fraction(LABELS, 0.01, np.random.default_rng(0))]) == {0, 1, 5}
    assert sorted(Resamples.from_labels(LABELS, 10, 0).subsets) == [0.25, 0.5]
    assert Resamples.from_labels(np.arange(6) % 3, 10, 0).subsets == {}


def test_a_limit_takes_about_so_many():
    assert abs(len(draw_subset(LABELS, 80, 0)) - 80) <= 2 and len(draw_subset(LABELS, 160, 0)) == 160
    assert (draw_subset(LABELS, 80, 0) == draw_subset(LABELS, 80, 0)).all()
