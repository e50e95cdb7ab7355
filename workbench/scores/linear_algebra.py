"""Linear algebra for scores: Gram matrices, quadratic forms and eigendecompositions with a numerical rank."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from workbench.errors import BadData

# smallest pivot for a precise Cholesky solve; below it, the eigendecomposition selects the directions
MIN_PIVOT = 1e-10


def gram_matrix(x: Tensor) -> Tensor:
    """Compute xᵀx; x (n, D) -> (D, D)."""
    if x.device.type == "cpu":
        # numpy detects that both factors are the same matrix and computes one triangle: half of torch's time
        array = x.numpy()
        with np.errstate(over="ignore", invalid="ignore"):  # overflow is reported by `eigendecompose`
            return torch.from_numpy(array.T @ array)
    return x.T @ x


def add_by_class(sums: Tensor, x: Tensor, y: Tensor) -> None:
    """Add each row of x (b, D) to the row of sums (K, D) with its class index in y (b,)."""
    if x.device.type != "cpu":
        sums.index_add_(0, y, x)
        return
    # torch starts and stops its threads once per row here, which dominates the time on a busy machine
    ones, ends = np.ones(len(y)), np.arange(len(y) + 1)
    sums.numpy()[:] += csr_array((ones, y.numpy(), ends), shape=(len(y), len(sums))).T @ x.numpy()


def inverse_quadratic_form(matrix: Tensor, rows: Tensor) -> float:
    """Compute Σ rᵀ M⁺ r over the rows r; M (D, D) positive semi-definite, rows (n, D) in its range.

    Columns are scaled to equal size first, which leaves the form unchanged and preserves small features. A singular M
    is inverted on the directions above rounding error.
    """
    scale = matrix.diagonal().clamp(min=0).sqrt()
    varies = scale > 0
    if not varies.any():
        return 0.0
    scale = scale[varies]
    scaled = matrix[varies][:, varies] / scale / scale[:, None]
    vectors = (rows[:, varies] / scale).T
    factor, failed = torch.linalg.cholesky_ex(scaled)
    if not failed and factor.diagonal().min() ** 2 > MIN_PIVOT:
        return float(torch.linalg.solve_triangular(factor, vectors, upper=False).square().sum())
    values, basis = eigendecompose(scaled)
    is_positive = values > 0
    return float(((basis[:, is_positive].T @ vectors).square() / values[is_positive, None]).sum())


def eigendecompose(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Compute eigenvalues in descending order and eigenvectors as columns; rounding errors become 0. (D,), (D, D)."""
    if not torch.isfinite(matrix).all():
        raise BadData("products of the features overflow: divide the features by their maximum")
    values, vectors = torch.linalg.eigh(matrix)
    values, vectors = values.flip(0), vectors.flip(1)
    return torch.where(values > rounding_threshold(values), values, 0.0), vectors


def rounding_threshold(values: Tensor) -> Tensor:
    """Compute the threshold below which an eigenvalue is a rounding error; values (D,), in descending order."""
    return values[0] * len(values) * torch.finfo(values.dtype).eps * 4


def log_det_one_plus(matrix: Tensor) -> float:
    """Compute log det(I + M), M (n, n) positive semi-definite."""
    eye = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    return 2 * float(torch.linalg.cholesky(eye + matrix).diagonal().log().sum())
