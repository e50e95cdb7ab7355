"""Matrix operations against NumPy, where a matrix has no inverse above all."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.scores.linear_algebra import (
    add_by_class,
    eigendecompose,
    gram_matrix,
    inverse_quadratic_form,
    log_det_one_plus,
)

X = np.random.default_rng(0).standard_normal((30, 6))


def test_rows_are_added_to_their_class():
    sums = torch.ones(4, 6, dtype=torch.float64)
    y = np.random.default_rng(1).permutation(np.arange(30) % 3)
    add_by_class(sums, torch.from_numpy(X), torch.from_numpy(y))
    np.testing.assert_allclose(sums, 1 + np.stack([X[y == c].sum(0) for c in range(4)]), atol=1e-12)


def test_gram_is_the_product():
    np.testing.assert_allclose(gram_matrix(torch.from_numpy(X)), X.T @ X, atol=1e-12)


def test_the_form_of_an_inverse():
    matrix, rows = X.T @ X, X[:4]
    expected = sum(r @ np.linalg.inv(matrix) @ r for r in rows)
    assert inverse_quadratic_form(torch.from_numpy(matrix), torch.from_numpy(rows)) == pytest.approx(
        expected, rel=1e-12
    )


def test_a_matrix_without_an_inverse_is_inverted_where_it_acts():
    wide = np.hstack([X, X[:, :3] @ np.diag([1e-5, 1, 1e5]), np.zeros((30, 1))])
    matrix, rows = wide.T @ wide, wide[:4]
    expected = sum(r @ np.linalg.inv(X.T @ X) @ r for r in X[:4])
    assert inverse_quadratic_form(torch.from_numpy(matrix), torch.from_numpy(rows)) == pytest.approx(expected, rel=1e-9)
    assert inverse_quadratic_form(torch.zeros(3, 3).double(), torch.zeros(1, 3).double()) == 0


def test_rounding_is_no_eigenvalue():
    values, vectors = eigendecompose(gram_matrix(torch.from_numpy(np.hstack([X, X]))))
    assert (values[:6] > 1).all() and (values[6:] == 0).all()
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(12), atol=1e-12)


def test_the_determinant():
    expected = np.linalg.slogdet(np.eye(6) + X.T @ X)[1]
    assert log_det_one_plus(torch.from_numpy(X.T @ X)) == pytest.approx(expected, rel=1e-12)
