"""H-score: how much of the features' spread lies between the classes."""

from __future__ import annotations

from typing import Any

from workbench.scores import scores
from workbench.scores.linear import inverse_form
from workbench.scores.moments import Moments


@scores.add("h_score")
def h_score(features: Any, labels: Any = None) -> float:
    """The spread of the class means, in units of the features' own covariance; between 0 and min(K - 1, D).

    H = tr(cov(f)⁺ cov(E[f|y])), which any invertible linear map of the features leaves as it is. Directions in which
    the features do not vary are left out.

    Args:
        features: (N, D), or `Moments`.
        labels: (N,) the target's classes; None beside moments.

    Raises:
        BadValue: shapes that do not fit together.
        BadData: NaN, constant features, or fewer than two classes.

    Needs: features, labels.
    Source: Bao et al. 2019, ICIP, doi:10.1109/ICIP.2019.8803726.
    Cost: N·D² + D³ operations and 3·D² numbers; with moments, D³.
    Breaks: D not far below N: at D >= N - 1 it is K - 1 whatever the backbone; use `shrunk_h_score` there.
    """
    moments = Moments.of(features, labels)
    return inverse_form(moments.scatter, moments.offsets)
