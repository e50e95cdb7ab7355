"""H-score: share of the features' variance between the classes."""

from __future__ import annotations

from typing import Any

from workbench.scores import scores
from workbench.scores.linear_algebra import inverse_quadratic_form
from workbench.scores.moments import Moments


@scores.add("h_score")
def h_score(features: Any, labels: Any = None) -> float:
    """Compute the variance of the class means relative to the features' covariance; between 0 and min(K - 1, D).

    H = tr(cov(f)⁺ cov(E[f|y])), invariant to invertible linear maps of the features. Directions without variance are
    left out.

    Args:
        features: (N, D), or `Moments`.
        labels: (N,) target classes; None with moments.

    Raises:
        BadValue: shapes that do not match.
        BadData: NaN, constant features, or fewer than two classes.

    Needs: features, labels.
    Source: Bao et al. 2019, ICIP, doi:10.1109/ICIP.2019.8803726.
    Cost: N·D² + D³ operations and 3·D² numbers; with moments, D³.
    Breaks: D not far below N: at D >= N - 1 it is K - 1 for any backbone; use `shrunk_h_score` there.
    Default: no, since `shrunk_h_score` takes its place.
    """
    moments = Moments.from_features(features, labels)
    return inverse_quadratic_form(moments.scatter, moments.class_offsets)
