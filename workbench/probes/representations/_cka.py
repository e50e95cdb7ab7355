"""Debiased linear CKA of two sets of features, from full tables or batch by batch with the same result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue
from workbench.formatting import format_quantity
from workbench.probes.validation import to_feature_table

__all__ = ["CKA", "cka"]

MIN_IMAGES = 4  # images that the debiased estimate needs at least
CONSTANT_TOLERANCE = (
    1e-6  # features that vary by less than this share of their norm count as constant: the precision of float32
)
BLOCK_SIZE = 2**20  # entries of a Gram matrix in memory at a time, per stage


class CKA:
    """Linear CKA of two nets' features that come in batches: call `add` per batch, then read `value`.

    The value is that of all rows together, not a mean over batches: the debiased estimate of HSIC needs only sums over
    rows, and these are accumulated. Memory is that of the features' cross products, (D, D) and (D, E).

    Source: Kornblith et al. 2019, arXiv:1905.00414; debiased: Song et al. 2012, "Feature selection via dependence
    maximization"; Nguyen et al. 2021, arXiv:2010.15327.
    """

    @check_arguments
    def __init__(self) -> None:
        self._sums: dict[str, _HsicSums] | None = None
        self._centers: tuple[np.ndarray, np.ndarray] | None = None

    @check_arguments
    def add(self, x: Any, y: Any) -> CKA:
        """Add a batch of features of the same images from two stages.

        Args:
            x: features (B, D) of the first stage.
            y: features (B, E) of the second stage, row by row of the same images.

        Raises:
            BadValue: not tables of numbers, or lengths or widths that differ from earlier batches.
            BadData: numbers that are not finite.
        """
        x, y = to_feature_table(x, "first"), to_feature_table(y, "second")
        if len(x) != len(y):
            raise BadValue(f"expected features of the same images, row by row; got {len(x)} and {len(y)} rows")
        if self._sums is None or self._centers is None:
            self._centers = x.mean(0), y.mean(0)  # far from zero, sums of products lose their digits
            self._sums = {"xx": _HsicSums(), "yy": _HsicSums(), "xy": _HsicSums()}
        if (x.shape[1], y.shape[1]) != tuple(len(m) for m in self._centers):
            raise BadValue(
                f"expected batches of equal widths; this one has {x.shape[1]} and {y.shape[1]} columns, unlike earlier "
                "ones"
            )
        x, y = x - self._centers[0], y - self._centers[1]
        for name, (u, v) in {"xx": (x, x), "yy": (y, y), "xy": (x, y)}.items():
            self._sums[name].add(u, v)
        return self

    @property
    def value(self) -> float:
        """CKA of all rows so far: at most 1; near 0, at times below, for unrelated features; 0 if either is constant.

        Raises:
            BadData: fewer than 4 images so far.
        """
        if self._sums is None or self._centers is None:
            raise BadData("no features were added yet: add(x, y) first")
        check_n_images(self._sums["xy"].n)
        x, y = (
            np.sqrt(max(s.compute_hsic(), 0.0)) if s.total_std > CONSTANT_TOLERANCE * np.linalg.norm(m) else 0.0
            for s, m in zip((self._sums["xx"], self._sums["yy"]), self._centers, strict=True)
        )
        return float(np.clip(self._sums["xy"].compute_hsic() / (x * y), -1, 1)) if x and y else 0.0


class _HsicSums:
    """Sums over the rows of x (B, D) and y (B, E) from which the debiased HSIC of their linear kernels is computed."""

    def __init__(self) -> None:
        self.n = 0
        self.cross: Any = 0.0
        self.x: Any = 0.0
        self.y: Any = 0.0
        self.x_by_l: Any = 0.0
        self.y_by_k: Any = 0.0
        self.k = self.l = self.kl = 0.0

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        k, ell = (x**2).sum(1), (y**2).sum(1)  # the kernels' diagonals
        self.n += len(x)
        self.cross = self.cross + x.T @ y
        self.x, self.y = self.x + x.sum(0), self.y + y.sum(0)
        self.x_by_l, self.y_by_k = self.x_by_l + ell @ x, self.y_by_k + k @ y
        self.k, self.l, self.kl = self.k + k.sum(), self.l + ell.sum(), self.kl + k @ ell

    @property
    def total_std(self) -> float:
        """Square root of the total variance of x."""
        return float(np.sqrt(max(self.k / self.n - ((self.x / self.n) ** 2).sum(), 0.0)))

    def compute_hsic(self) -> float:
        """Compute debiased HSIC (Song et al. 2012, equation 5), with the kernels' off-diagonal sums as row sums."""
        n = self.n
        trace = (self.cross**2).sum() - self.kl
        whole = ((self.x**2).sum() - self.k) * ((self.y**2).sum() - self.l)
        middle = self.x @ self.cross @ self.y - self.x @ self.x_by_l - self.y @ self.y_by_k + self.kl
        return float((trace + whole / ((n - 1) * (n - 2)) - 2 * middle / (n - 2)) / (n * (n - 3)))


@check_arguments
def cka(x: Any, y: Any) -> float:
    """Compute the debiased linear CKA of two tables of features of the same images; `CKA` takes them in batches.

    Args:
        x: features (N, D), N at least 4.
        y: features (N, E) of the same images, row by row.

    Raises:
        BadValue: not tables of numbers, or tables of different lengths.
        BadData: fewer than 4 images, or numbers that are not finite.
    """
    return CKA().add(x, y).value


def cka_matrix(first: Sequence[np.ndarray], second: Sequence[np.ndarray] | None = None) -> np.ndarray:
    """Compute debiased linear CKA between all tables of two lists: R and C tables (N, D) -> (R, C).

    Args:
        first: tables of features of the same N images.
        second: tables of the same images; `first` again if None.
    """
    others = first if second is None else second
    n, wide, other = len(first[0]), *(sum(x.shape[1] for x in xs) for xs in (first, others))
    # Gram matrices of images cost N²·(ΣD + ΣE), cross products of features N·ΣD·ΣE, with the same result
    if n * (wide + other) > wide * other:
        return np.array([[cka(x, y) for y in others] for x in first])
    features = [*first, *(() if second is None else second)]
    tables = [x - x.mean(0) for x in features]
    sums = np.zeros((len(features), len(features)))
    rows = max(1, BLOCK_SIZE // n)
    for start in range(0, n, rows):
        block = np.stack([_center_gram_rows(x, start, start + rows).ravel() for x in tables])
        sums += block @ block.T
    size = np.sqrt(np.diag(sums)) * [not is_constant(x) for x in features]
    columns = slice(0, None) if second is None else slice(len(first), None)
    between, scale = sums[: len(first), columns], np.outer(size[: len(first)], size[columns])
    return np.clip(np.divide(between, scale, out=np.zeros_like(between), where=scale > 0), -1, 1)


def _center_gram_rows(x: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return rows of the Gram matrix of x (N, D), centred without its diagonal (Székely & Rizzo 2014's U-centring)."""
    n = len(x)
    diagonal = (x**2).sum(1)
    sums = x @ x.sum(0) - diagonal
    part = x[start:stop] @ x.T - sums[start:stop, None] / (n - 2) - sums / (n - 2) + sums.sum() / ((n - 1) * (n - 2))
    index = np.arange(len(part))
    part[index, start + index] = 0
    return part


def is_constant(x: np.ndarray) -> bool:
    """Return whether features (N, D) are the same for every image, to rounding."""
    middle = x.mean(0)
    return bool(np.sqrt(((x - middle) ** 2).sum(1).mean()) <= CONSTANT_TOLERANCE * np.linalg.norm(middle))


def check_n_images(n_images: int) -> None:
    """Raise an error for fewer images than a comparison of features needs.

    Raises:
        BadData: fewer than 4 images.
    """
    if n_images < MIN_IMAGES:
        raise BadData(
            f"{format_quantity(n_images, 'image')} given to compare features; at least {MIN_IMAGES} are needed, "
            "100 recommended"
        )
