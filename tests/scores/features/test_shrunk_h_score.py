"""The shrunk H-score against published code and scikit-learn's Ledoit-Wolf."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from workbench.scores import Moments, scores
from workbench.scores.features._shrunk_h_score import ledoit_wolf_shrinkage

shrunk_h_score = scores["shrunk_h_score"]

# values of the Transfer Learning Library's `regularized_h_score`, float64
PUBLISHED = {10: 1.6185159090229102, 11: 6.040366908301741, 12: 4.218937123590717, 13: 0.7301490632670153}


@pytest.mark.parametrize("seed", PUBLISHED)
def test_it_is_the_published_value(case, seed):
    assert shrunk_h_score(*case(seed).data) == pytest.approx(PUBLISHED[seed], abs=1e-9)


@pytest.mark.parametrize("seed", [10, 12])
def test_the_shrinkage_is_ledoit_and_wolfs(case, seed):
    given = case(seed)
    far = given.features * np.linspace(0.1, 2, given.features.shape[1]) + 50
    estimate = LedoitWolf().fit(far)
    alpha, variance = ledoit_wolf_shrinkage(Moments.from_features(far, given.labels))
    assert alpha == pytest.approx(estimate.shrinkage_, abs=1e-9)
    assert variance == pytest.approx(np.trace(estimate.covariance_) / far.shape[1], rel=1e-9)


def test_more_features_than_images_do_not_saturate_it(case):
    given = case(12)
    shuffled = np.random.default_rng(0).permutation(given.labels)
    assert shrunk_h_score(given.features, shuffled) < 0.8 * shrunk_h_score(*given.data)


def test_one_feature_is_not_shrunk(small):
    one = small.features[:, :1]
    assert shrunk_h_score(one, small.labels) == pytest.approx(scores["h_score"](one, small.labels) * 60 / 59, rel=1e-9)
