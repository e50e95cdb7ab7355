"""LogME against the authors' release, and against the marginal likelihood written out and maximised."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from workbench.errors import BadData, BadValue
from workbench.scores import scores

logme = scores["logme"]

# values of the public reference code, float64
PUBLISHED = {10: -0.281240336297533, 11: 0.2218195512543449, 12: 0.15530973385905159, 13: -0.4327085923695283}


def maximised(f, y):
    """The evidence of each class, as a Gaussian of all N labels at once, at its best two precisions."""
    n, best = len(f), []
    for label in np.unique(y):
        target = (y == label).astype(float)

        def loss(logs, target=target):
            alpha, beta = np.exp(logs)
            return -multivariate_normal.logpdf(target, np.zeros(n), f @ f.T / alpha + np.eye(n) / beta) / n

        best.append(-minimize(loss, [0.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12}).fun)
    return np.mean(best)


@pytest.mark.parametrize("seed", PUBLISHED)
def test_it_is_the_published_value(case, seed):
    assert logme(*case(seed).data) == pytest.approx(PUBLISHED[seed], abs=1e-9)


def test_run_to_its_end_it_is_the_maximum_of_the_evidence(small):
    converged = logme(*small.data, tolerance=1e-12, iterations=500)
    assert converged == pytest.approx(maximised(*small.data), abs=1e-7)
    assert logme(*small.data) == pytest.approx(converged, abs=1e-4)


@pytest.mark.parametrize(("n", "d"), [(12, 14), (20, 60)])
def test_more_features_than_images_are_counted_in_full(n, d):
    # the second is fitted without any noise, so its evidence is that of weights alone
    y = np.arange(n) % 3
    wide = np.random.default_rng(1).standard_normal((n, d)) + 0.3 * np.random.default_rng(0).standard_normal((3, d))[y]
    converged = logme(wide, y, tolerance=1e-13, iterations=100_000)
    assert converged == pytest.approx(maximised(wide, y), abs=1e-6)


def test_features_that_hold_the_label_have_no_evidence():
    y = np.arange(60) % 3
    with pytest.raises(BadData, match="exactly"):
        logme(np.eye(3)[y], y, tolerance=1e-9, iterations=1000)


def test_features_that_vary_less_than_rounding_are_refused(small):
    # not centred by the formula: a constant is evidence too, until it drowns the rest
    near = small.features + 1000
    assert logme(near, small.labels, tolerance=1e-12, iterations=500) == pytest.approx(
        maximised(near, small.labels), abs=1e-4
    )
    with pytest.raises(BadData, match="mean of the features is so large"):
        logme(small.features + 1e8, small.labels)


def test_options_out_of_range_are_refused(small):
    with pytest.raises(BadValue, match="iterations"):
        logme(*small.data, iterations=0)
    with pytest.raises(BadValue, match="tolerance"):
        logme(*small.data, tolerance=0)
