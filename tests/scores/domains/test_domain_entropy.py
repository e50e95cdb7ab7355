"""The domain classifier's entropy where the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.scores import scores

entropy = scores["domain_entropy"]


def domains(shift, n=300, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 2)), rng.standard_normal((n, 2)) + np.array([shift, 0])


def test_domains_alike_leave_one_bit_and_domains_apart_none():
    assert entropy(*domains(0)) == pytest.approx(1, abs=0.02)
    assert entropy(*domains(20)) < 0.06


def test_between_it_is_the_entropy_of_bayes_rule():
    source, target = domains(1.5)
    at = np.concatenate([source, target])[:, 0]
    p = 1 / (1 + np.exp(-1.5 * (at - 0.75)))
    expected = -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).mean()
    assert entropy(source, target) == pytest.approx(expected, abs=0.04)
