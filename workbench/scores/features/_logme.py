"""LogME: log marginal evidence of a linear model from features to labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.scores import scores
from workbench.scores.linear_algebra import rounding_threshold
from workbench.scores.moments import Moments

# relative residual that counts as rounding: the fit is exact and the evidence unbounded
EXACT_RESIDUAL = 1e-12
# share of a feature's mean variance that may be lost to rounding
MAX_ROUNDING = 1e-3


@scores.add("logme")
def logme(features: Any, labels: Any = None, *, tolerance: float = 0.01, iterations: int = 11) -> float:
    """Compute the log evidence, per image and class, of Bayesian linear regression from features to one-hot labels.

    The mean over the classes of max_{α,β} log p(y_c | F, α, β) / N, α the precision of the weights and β that of the
    noise. Both are found by MacKay's fixed point α = γ / |m|², β = (N - γ) / |F m - y_c|², with one eigendecomposition
    of FᵀF for all classes. If features outnumber images and the noise vanishes, the evidence is that of the weights.

    Args:
        features: (N, D), or `Moments`.
        labels: (N,) target classes; None with moments.
        tolerance: relative change of α/β, above 0, at which a class has converged; the paper's release stops at
            0.01, within about 1e-5 of the maximum.
        iterations: maximum number of iterations, at least 1.

    Raises:
        BadValue: shapes that do not match, or an option out of range.
        BadData: NaN, constant features, fewer than two classes, or fewer features than images that fit a class exactly.

    Needs: features, labels.
    Source: You et al. 2021, arXiv:2102.11005 and arXiv:2110.10545.
    Cost: N·D² + D³ operations and 4·D² numbers; with moments, D³ + K·D.
    Breaks: the value depends on the scale of the features, so backbones with and without normalized features are hard
        to compare; D near N, where the evidence no longer separates backbones.
    """
    if not tolerance > 0 or iterations < 1:
        raise BadValue(f"expected tolerance above 0 and iterations of at least 1; got {tolerance} and {iterations}")
    problem = BayesianRegressions.from_moments(Moments.from_features(features, labels))
    evidence = problem.log_evidence(tolerance, iterations)
    if not torch.isfinite(evidence).all():
        raise BadData("the evidence is not finite: the features are unrelated to the labels, or too large")
    return float(evidence.mean())


@dataclass(frozen=True, eq=False)
class BayesianRegressions:
    """K Bayesian linear regressions in the eigenbasis of FᵀF.

    Attributes:
        n_images: N.
        n_features: D, including directions without variance.
        eigenvalues: (D, 1) of FᵀF.
        squared_projections: (D, K) squared length of each one-hot column along each direction of the images.
        squared_residuals: (K,) squared length that no weights can fit.
    """

    n_images: int
    n_features: int
    eigenvalues: Tensor
    squared_projections: Tensor
    squared_residuals: Tensor

    @classmethod
    def from_moments(cls, moments: Moments) -> BayesianRegressions:
        """Build the regressions on the features that `moments` were computed from.

        Raises:
            BadData: the mean of the features exceeds their variation by more than double precision resolves.
        """
        eigenvalues, basis = moments.raw_spectrum
        if rounding_threshold(eigenvalues) > MAX_ROUNDING * moments.scatter.trace() / len(eigenvalues):
            raise BadData(
                "the mean of the features is so large that their variation is lost to rounding: subtract a "
                "constant from them"
            )
        sums = (moments.means * moments.counts[:, None]).T
        is_positive = eigenvalues > 0
        # with as many directions as images, any labels are fitted: the residual is rounding
        leftover = 0.0 if int(is_positive.sum()) == moments.n_images else 1.0
        along = torch.where(is_positive, eigenvalues, 1.0)[:, None]
        fitted = torch.where(is_positive[:, None], (basis.T @ sums).square() / along, 0.0)
        return cls(
            moments.n_images,
            moments.n_features,
            eigenvalues[:, None],
            fitted,
            leftover * (moments.counts - fitted.sum(0)).clamp(min=0),
        )

    def log_evidence(self, tolerance: float, iterations: int) -> Tensor:
        """Compute the log evidence of each class divided by N, (K,).

        Raises:
            BadData: a class is fitted exactly, which is impossible by chance with so few features.
        """
        alpha, beta = torch.ones_like(self.squared_residuals), torch.ones_like(self.squared_residuals)
        going = torch.ones_like(self.squared_residuals, dtype=torch.bool)
        weights, misfit, exact = torch.zeros_like(alpha), torch.zeros_like(alpha), torch.zeros_like(going)
        for _ in range(iterations):
            ratio = alpha / beta
            freedom = (self.eigenvalues / (self.eigenvalues + ratio)).sum(0)
            weights = torch.where(
                going,
                (self.eigenvalues * self.squared_projections / (self.eigenvalues + ratio).square()).sum(0),
                weights,
            )
            misfit = torch.where(
                going,
                (self.squared_projections / (1 + self.eigenvalues / ratio).square()).sum(0) + self.squared_residuals,
                misfit,
            )
            exact = misfit <= EXACT_RESIDUAL * (self.squared_projections.sum(0) + self.squared_residuals)
            going = going & ~exact
            alpha = torch.where(going, freedom / weights, alpha)
            beta = torch.where(going, (self.n_images - freedom) / misfit, beta)
            going = going & ((alpha / beta - ratio).abs() / ratio > tolerance)
            if not going.any():
                break
        precision = (alpha + beta * self.eigenvalues).log().sum(0) + (
            self.n_features - len(self.eigenvalues)
        ) * alpha.log()
        value = self.n_features * alpha.log() + self.n_images * (beta.log() - math.log(2 * math.pi)) - precision
        value = (value - beta * misfit - alpha * weights) / (2 * self.n_images)
        return torch.where(exact, self.noiseless_log_evidence(), value) if exact.any() else value

    def noiseless_log_evidence(self) -> Tensor:
        """Compute the log evidence of each class divided by N for a fit without noise, (K,).

        Raises:
            BadData: there are more images than directions in the features, where such a fit is unbounded.
        """
        is_positive = self.eigenvalues[:, 0] > 0
        if int(is_positive.sum()) < self.n_images:
            raise BadData("the features fit a class exactly, so its evidence is unbounded: do they contain the label?")
        eigenvalues = self.eigenvalues[is_positive]
        alpha = self.n_images / (self.squared_projections[is_positive] / eigenvalues).sum(0)
        return ((alpha / (2 * math.pi)).log() - 1) / 2 - eigenvalues.log().sum() / (2 * self.n_images)
