"""Linear CKA against its definition, worked out with whole Gram matrices."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadData, BadValue
from workbench.probes import CKA, cka
from workbench.probes.representations._cka import cka_matrix


def by_definition(x, y):
    """Song et al. 2012, equation 5, as it stands there."""

    def hsic(k, l):  # noqa: E741
        n = len(k)
        k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))  # noqa: E741
        one = np.ones(n)
        middle = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
        return (np.trace(k @ l) + middle - 2 / (n - 2) * one @ k @ l @ one) / (n * (n - 3))

    k, l = x @ x.T, y @ y.T  # noqa: E741
    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


def related(n=60, d=12, e=7, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) + 5
    return x, x[:, :e] @ rng.normal(size=(e, e)) + rng.normal(size=(n, e)) - 3


def test_it_is_the_definition():
    x, y = related()
    assert cka(x, y) == pytest.approx(by_definition(x, y), abs=1e-10)
    assert 0.1 < cka(x, y) < 0.9


@pytest.mark.parametrize("cuts", [[1], [30], [1, 2, 3, 50], list(range(1, 60))])
def test_batches_give_the_value_of_all_at_once(cuts):
    x, y = related()
    streamed = CKA()
    for rows in np.split(np.arange(60), cuts):
        streamed.add(x[rows], y[rows])
    assert streamed.value == pytest.approx(by_definition(x, y), abs=1e-10)


def test_float32_far_from_zero_keeps_its_digits():
    x, y = related()
    far = (x + 1000).astype(np.float32)
    assert cka(far, y) == pytest.approx(by_definition(x, y), abs=1e-4)


def test_a_rotation_and_a_scale_change_nothing_and_unrelated_features_give_nothing():
    rng = np.random.default_rng(1)
    x, _ = related()
    turn, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    assert cka(x, 3 * x @ turn + 7) == pytest.approx(1)
    # wide and unrelated: without the debiasing this would be far above zero
    found = [cka(rng.normal(size=(40, 200)), rng.normal(size=(40, 200))) for _ in range(20)]
    assert abs(np.mean(found)) < 0.02


@pytest.mark.parametrize("n", [20, 200])
def test_both_ways_of_all_pairs_are_the_same_numbers(n, monkeypatch):
    x, y = related(n, 40, 30)
    monkeypatch.setattr("workbench.probes.representations._cka.BLOCK_SIZE", 7 * n)
    found = cka_matrix([x, y, x[:, :3]], [y, x])
    expected = [[by_definition(a, b) for b in (y, x)] for a in (x, y, x[:, :3])]
    assert np.allclose(found, expected, atol=1e-10)
    alone = cka_matrix([x, y])
    assert np.allclose(alone, alone.T) and np.allclose(np.diag(alone), 1) and alone[0, 1] == pytest.approx(found[0, 0])


def test_constant_features_are_like_nothing():
    x, _ = related()
    for constant in (np.zeros((60, 4)), np.full((60, 4), 0.1, np.float32)):
        assert cka(x, constant) == cka(constant, constant) == 0
        assert (cka_matrix([x, constant], [constant]) == 0).all()
        assert (cka_matrix([x, constant, np.tile(x, 40)], [constant, np.tile(x, 40)])[:, 0] == 0).all()
    half = CKA().add(np.zeros((20, 3)), x[:20])
    assert half.value == 0
    assert half.add(x[20:, :3], x[20:]).value > 0


def test_refusals():
    x, y = related()
    with pytest.raises(BadData, match="1 image given to compare"):
        cka(x[:1], y[:1])
    with pytest.raises(BadData, match="row 3 the first"):
        cka(np.where(np.arange(60)[:, None] == 3, np.nan, x), y)
    with pytest.raises(BadValue, match="60 and 59 rows"):
        cka(x, y[1:])
    with pytest.raises(BadValue, match="numbers"):
        cka(x[0], y)
    with pytest.raises(BadValue, match="earlier one"):
        CKA().add(x, y).add(x[:, 1:], y)
    with pytest.raises(BadData, match="add"):
        CKA().value  # noqa: B018
