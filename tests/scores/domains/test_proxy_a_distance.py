"""The A-distance of domains whose distance is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from workbench.errors import BadData, BadValue
from workbench.scores import scores

distance = scores["proxy_a_distance"]


def domains(shift, n=1500, m=1500, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 4)), rng.standard_normal((m, 4)) + np.array([shift, 0, 0, 0])


def test_one_distribution_is_at_no_distance():
    assert distance(*domains(0)) < 0.1


def test_domains_far_apart_are_at_distance_two():
    assert distance(*domains(30, 60, 60)) == 2


def test_between_it_is_the_error_of_the_best_line():
    # two unit Gaussians one apart are confused with probability Φ(-1/2)
    error = math.erfc(0.5 / math.sqrt(2)) / 2
    assert distance(*domains(1)) == pytest.approx(2 * (1 - 2 * error), abs=0.06)


def test_domains_of_unequal_size_count_alike():
    # nothing but the larger domain is ever guessed: half of the errors there are
    assert distance(*domains(0, 400, 40)) == pytest.approx(0, abs=0.05)


def test_arrays_and_tensors_go_together():
    near, far = domains(1, 50, 50)
    assert distance(torch.from_numpy(near), far) == distance(near, far) == distance(*map(torch.from_numpy, (near, far)))


def test_features_of_two_backbones_are_refused():
    with pytest.raises(BadValue, match="4 and 3 features"):
        distance(np.ones((9, 4)), np.ones((9, 3)))
    with pytest.raises(BadData, match="two images per domain"):
        distance(np.ones((9, 4)), np.ones((1, 4)))
