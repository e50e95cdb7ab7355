"""The few matrix operations that scores share: products, inverses and spectra that know their own rank."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from workbench.errors import BadData

# a pivot this small leaves no digits to a Cholesky solve: the spectrum decides then which directions count
PIVOT = 1e-10


def gram(x: Tensor) -> Tensor:
    """xᵀx; x (n, D) -> (D, D)."""
    if x.device.type == "cpu":
        # numpy sees that both factors are one matrix and computes one triangle: half of torch's time
        array = x.numpy()
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused where its spectrum is asked for
            return torch.from_numpy(array.T @ array)
    return x.T @ x


def add_by_class(sums: Tensor, x: Tensor, y: Tensor) -> None:
    """Adds each row of x (b, D) to the row of sums (K, D) that its class index in y (b,) names."""
    if x.device.type != "cpu":
        sums.index_add_(0, y, x)
        return
    # torch opens and closes its threads once a row here, which on a busy machine is most of the time
    ones, ends = np.ones(len(y)), np.arange(len(y) + 1)
    sums.numpy()[:] += csr_array((ones, y.numpy(), ends), shape=(len(y), len(sums))).T @ x.numpy()


def inverse_form(matrix: Tensor, rows: Tensor) -> float:
    """Σ rᵀ M⁺ r over the rows r; M (D, D) positive semi-definite, rows (n, D) in its range.

    Columns are brought to one scale first, which changes no such form and keeps small features in play. A
    singular M is inverted on the directions that stand clear of rounding.
    """
    scale = matrix.diagonal().clamp(min=0).sqrt()
    kept = scale > 0
    if not kept.any():
        return 0.0
    scale = scale[kept]
    scaled = matrix[kept][:, kept] / scale / scale[:, None]
    vectors = (rows[:, kept] / scale).T
    factor, failed = torch.linalg.cholesky_ex(scaled)
    if not failed and factor.diagonal().min() ** 2 > PIVOT:
        return float(torch.linalg.solve_triangular(factor, vectors, upper=False).square().sum())
    values, basis = spectrum(scaled)
    clear = values > 0
    return float(((basis[:, clear].T @ vectors).square() / values[clear, None]).sum())


def spectrum(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues, largest first, and eigenvectors as columns; what is only rounding is zero. (D,), (D, D)."""
    if not torch.isfinite(matrix).all():
        raise BadData("the products of the features are too large to be held: divide the features by their largest")
    values, vectors = torch.linalg.eigh(matrix)
    values, vectors = values.flip(0), vectors.flip(1)
    return torch.where(values > rounding(values), values, 0.0), vectors


def rounding(values: Tensor) -> Tensor:
    """What an eigenvalue must exceed to be more than rounding; values (D,), largest first."""
    return values[0] * len(values) * torch.finfo(values.dtype).eps * 4


def log_det_one_plus(matrix: Tensor) -> float:
    """log det(I + M), M (n, n) positive semi-definite."""
    eye = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    return 2 * float(torch.linalg.cholesky(eye + matrix).diagonal().log().sum())
