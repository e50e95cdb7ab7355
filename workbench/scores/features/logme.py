"""LogME: the evidence that a linear model on the features explains the labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.scores import scores
from workbench.scores.linear import rounding
from workbench.scores.moments import Moments

# a residual this small beside the labels is rounding: the fit is exact and the evidence has no bound
EXACT = 1e-12
# the share of a feature's mean variance that may be lost to rounding
FAR = 1e-3


@scores.add("logme")
def logme(features: Any, labels: Any = None, *, tolerance: float = 0.01, iterations: int = 11) -> float:
    """The log evidence, an image and class, of Bayesian linear regression from the features to the one-hot labels.

    The mean over the classes of max_{α,β} log p(y_c | F, α, β) / N: weights of precision α, noise of precision β, both
    found by MacKay's fixed point α = γ / |m|², β = (N - γ) / |F m - y_c|², on one eigendecomposition of FᵀF for all.
    Where features outnumber images and the noise vanishes, the evidence is that of weights alone.

    Args:
        features: (N, D), or `Moments`.
        labels: (N,) the target's classes; None beside moments.
        tolerance: the relative change of α/β, above 0, at which a class has converged; the paper's release stops at
            0.01, within about 1e-5 of the maximum.
        iterations: the most of them, at least 1.

    Raises:
        BadValue: shapes that do not fit together, or an option out of range.
        BadData: NaN, constant features, fewer than two classes, or fewer features than images that fit a class exactly.

    Needs: features, labels.
    Source: You et al. 2021, arXiv:2102.11005 and arXiv:2110.10545.
    Cost: N·D² + D³ operations and 4·D² numbers; with moments, D³ + K·D.
    Breaks: features on another scale give another value, so backbones that normalise and those that do not are hard
        to compare; D near N, where the evidence stops telling backbones apart.
    """
    if not tolerance > 0 or iterations < 1:
        raise BadValue(f"tolerance is above 0 and iterations at least 1; they are {tolerance} and {iterations}")
    problem = Problem.of(Moments.of(features, labels))
    evidence = problem.evidence(tolerance, iterations)
    if not torch.isfinite(evidence).all():
        raise BadData("the evidence is not finite: the features do not carry the labels at all, or are too large")
    return float(evidence.mean())


@dataclass(frozen=True, eq=False)
class Problem:
    """K regressions in the eigenbasis of FᵀF.

    Attributes:
        n: N.
        dim: D, the directions without variance counted.
        sigma: (D, 1) the eigenvalues.
        fitted: (D, K) the squared length of each one-hot column along each direction of the images.
        left: (K,) the squared length that no weights can fit.
    """

    n: int
    dim: int
    sigma: Tensor
    fitted: Tensor
    left: Tensor

    @classmethod
    def of(cls, moments: Moments) -> Problem:
        """The regressions on the features that `moments` were computed from.

        Raises:
            BadData: the mean of the features outweighs their variation by what double precision holds.
        """
        sigma, basis = moments.raw_spectrum
        if rounding(sigma) > FAR * moments.scatter.trace() / len(sigma):
            raise BadData(
                "the features lie so far from zero that how they vary is lost beside it: subtract a constant from them"
            )
        sums = (moments.means * moments.counts[:, None]).T
        clear = sigma > 0
        # as many directions as images fit any labels: what is left then is rounding
        leftover = 0.0 if int(clear.sum()) == moments.n else 1.0
        along = torch.where(clear, sigma, 1.0)[:, None]
        fitted = torch.where(clear[:, None], (basis.T @ sums).square() / along, 0.0)
        return cls(
            moments.n, moments.dim, sigma[:, None], fitted, leftover * (moments.counts - fitted.sum(0)).clamp(min=0)
        )

    def evidence(self, tolerance: float, iterations: int) -> Tensor:
        """The log evidence of each class over N, (K,).

        Raises:
            BadData: a class is fitted exactly, which so few features cannot do by chance.
        """
        alpha, beta = torch.ones_like(self.left), torch.ones_like(self.left)
        going = torch.ones_like(self.left, dtype=torch.bool)
        weights, misfit, exact = torch.zeros_like(alpha), torch.zeros_like(alpha), torch.zeros_like(going)
        for _ in range(iterations):
            ratio = alpha / beta
            freedom = (self.sigma / (self.sigma + ratio)).sum(0)
            weights = torch.where(going, (self.sigma * self.fitted / (self.sigma + ratio).square()).sum(0), weights)
            misfit = torch.where(going, (self.fitted / (1 + self.sigma / ratio).square()).sum(0) + self.left, misfit)
            exact = misfit <= EXACT * (self.fitted.sum(0) + self.left)
            going = going & ~exact
            alpha = torch.where(going, freedom / weights, alpha)
            beta = torch.where(going, (self.n - freedom) / misfit, beta)
            going = going & ((alpha / beta - ratio).abs() / ratio > tolerance)
            if not going.any():
                break
        precision = (alpha + beta * self.sigma).log().sum(0) + (self.dim - len(self.sigma)) * alpha.log()
        value = self.dim * alpha.log() + self.n * (beta.log() - math.log(2 * math.pi)) - precision
        value = (value - beta * misfit - alpha * weights) / (2 * self.n)
        return torch.where(exact, self.noiseless(), value) if exact.any() else value

    def noiseless(self) -> Tensor:
        """The log evidence of each class over N where the weights fit it without noise, (K,).

        Raises:
            BadData: there are more images than directions in the features: such a fit has no bound.
        """
        clear = self.sigma[:, 0] > 0
        if int(clear.sum()) < self.n:
            raise BadData("the features fit a class exactly, so its evidence has no bound: do they hold the label?")
        sigma = self.sigma[clear]
        alpha = self.n / (self.fitted[clear] / sigma).sum(0)
        return ((alpha / (2 * math.pi)).log() - 1) / 2 - sigma.log().sum() / (2 * self.n)
