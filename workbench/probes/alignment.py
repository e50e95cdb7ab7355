"""Linear CKA without the bias of few images, of rows that come all at once or batch by batch: the same number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue
from workbench.probes.samples import table

FEWEST = 4  # images from which on the debiased form exists
ROUNDING = 1e-6  # features that vary by less than this share of their size are constant: float32 says no more
BLOCK = 2**20  # numbers of a Gram matrix held at a time, for each stage


class CKA:
    """Linear CKA of two nets' features that come in batches: `add` them, then read `value`.

    It is the value over all rows at once, not a mean over batches: the debiased estimate of HSIC needs sums over rows
    alone, and these are kept. Memory is that of the features' cross products, (D, D) and (D, E).

    Kornblith et al. 2019, arXiv:1905.00414; debiased: Song et al. 2012, "Feature selection via dependence
    maximization"; Nguyen et al. 2021, arXiv:2010.15327.
    """

    @check_arguments
    def __init__(self) -> None:
        self._sums: dict[str, _Sums] | None = None
        self._middles: tuple[np.ndarray, np.ndarray] | None = None

    @check_arguments
    def add(self, x: Any, y: Any) -> CKA:
        """Adds a batch: `x (B, D)` and `y (B, E)`, what two stages say of the same images, row by row.

        Raises:
            BadValue: no tables of numbers, or of different lengths or widths than before.
            BadData: numbers that are not finite.
        """
        x, y = table(x, "first"), table(y, "second")
        if len(x) != len(y):
            raise BadValue(f"both stages speak of the same images, row by row; got {len(x)} and {len(y)} rows")
        if self._sums is None or self._middles is None:
            self._middles = x.mean(0), y.mean(0)  # far from zero, sums of products lose their digits
            self._sums = {"xx": _Sums(), "yy": _Sums(), "xy": _Sums()}
        if (x.shape[1], y.shape[1]) != tuple(len(m) for m in self._middles):
            raise BadValue(f"this batch is {x.shape[1]} and {y.shape[1]} wide, an earlier one was not")
        x, y = x - self._middles[0], y - self._middles[1]
        for name, (u, v) in {"xx": (x, x), "yy": (y, y), "xy": (x, y)}.items():
            self._sums[name].add(u, v)
        return self

    @property
    def value(self) -> float:
        """At most 1; near 0, at times below, for unrelated features; 0 where either is constant.

        Raises:
            BadData: fewer than 4 images so far.
        """
        if self._sums is None or self._middles is None:
            raise BadData("no features were added yet: add(x, y) first")
        enough(self._sums["xy"].n)
        x, y = (
            np.sqrt(max(s.hsic(), 0.0)) if s.spread > ROUNDING * np.linalg.norm(m) else 0.0
            for s, m in zip((self._sums["xx"], self._sums["yy"]), self._middles, strict=True)
        )
        return float(np.clip(self._sums["xy"].hsic() / (x * y), -1, 1)) if x and y else 0.0


class _Sums:
    """Over rows of x (B, D) and y (B, E): what debiased HSIC of their linear kernels follows from."""

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
    def spread(self) -> float:
        """Root of the total variance of x."""
        return float(np.sqrt(max(self.k / self.n - ((self.x / self.n) ** 2).sum(), 0.0)))

    def hsic(self) -> float:
        """Song et al. 2012, equation 5, with the kernels' off-diagonal sums written as sums over rows."""
        n = self.n
        trace = (self.cross**2).sum() - self.kl
        whole = ((self.x**2).sum() - self.k) * ((self.y**2).sum() - self.l)
        middle = self.x @ self.cross @ self.y - self.x @ self.x_by_l - self.y @ self.y_by_k + self.kl
        return float((trace + whole / ((n - 1) * (n - 2)) - 2 * middle / (n - 2)) / (n * (n - 3)))


@check_arguments
def cka(x: Any, y: Any) -> float:
    """Debiased linear CKA of two tables of features of the same images; see `CKA`, which takes them in batches.

    Args:
        x: features (N, D), N at least 4.
        y: features (N, E) of the same images, row by row.

    Raises:
        BadValue: no tables of numbers, or of different lengths.
        BadData: fewer than 4 images, or numbers that are not finite.
    """
    return CKA().add(x, y).value


def all_pairs(first: Sequence[np.ndarray], second: Sequence[np.ndarray] | None = None) -> np.ndarray:
    """Debiased linear CKA (R, C) of every table (N, D) of `first` with every one of `second`, or of `first` again."""
    others = first if second is None else second
    n, wide, other = len(first[0]), *(sum(x.shape[1] for x in xs) for xs in (first, others))
    # products of images with images cost N²·(ΣD + ΣE), those of features with features N·ΣD·ΣE: the same numbers
    if n * (wide + other) > wide * other:
        return np.array([[cka(x, y) for y in others] for x in first])
    held = [*first, *(() if second is None else second)]
    tables = [x - x.mean(0) for x in held]
    sums = np.zeros((len(held), len(held)))
    rows = max(1, BLOCK // n)
    for start in range(0, n, rows):
        block = np.stack([_doubly_centred(x, start, start + rows).ravel() for x in tables])
        sums += block @ block.T
    size = np.sqrt(np.diag(sums)) * [not is_constant(x) for x in held]
    at = slice(0, None) if second is None else slice(len(first), None)
    between, scale = sums[: len(first), at], np.outer(size[: len(first)], size[at])
    return np.clip(np.divide(between, scale, out=np.zeros_like(between), where=scale > 0), -1, 1)


def _doubly_centred(x: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Rows of the Gram matrix of x (N, D), centred without its diagonal (Székely & Rizzo 2014's U-centring)."""
    n = len(x)
    diagonal = (x**2).sum(1)
    sums = x @ x.sum(0) - diagonal
    part = x[start:stop] @ x.T - sums[start:stop, None] / (n - 2) - sums / (n - 2) + sums.sum() / ((n - 1) * (n - 2))
    held = np.arange(len(part))
    part[held, start + held] = 0
    return part


def is_constant(x: np.ndarray) -> bool:
    """Whether features (N, D) say the same of every image, to rounding."""
    middle = x.mean(0)
    return bool(np.sqrt(((x - middle) ** 2).sum(1).mean()) <= ROUNDING * np.linalg.norm(middle))


def enough(n: int) -> None:
    """Refuses fewer images than any comparison of features takes.

    Raises:
        BadData: fewer than 4.
    """
    if n < FEWEST:
        raise BadData(f"{n} image{'s' * (n != 1)} cannot tell how alike features are; {FEWEST} are the least, 100 good")
