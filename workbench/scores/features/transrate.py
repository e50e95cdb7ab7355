"""TransRate: the mutual information of features and labels, by coding rates."""

from __future__ import annotations

from typing import Any

from workbench.errors import BadValue
from workbench.scores import scores
from workbench.scores.linear import gram, log_det_one_plus
from workbench.scores.moments import Moments


@scores.add("transrate")
def transrate(features: Any, labels: Any = None, *, distortion: float = 1e-4) -> float:
    """How many nats cheaper the features are to code once the class is known; at least 0, but for rounding.

    R(Z) - Σ_c n_c/N R(Z_c), R(Z) = ½ log det(I + ZᵀZ / (n ε)), Z the features less the mean of all images.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) the target's classes; None beside moments.
        distortion: ε above 0, the squared error that a code may make.

    Raises:
        BadValue: shapes that do not fit together, or a distortion that is not above 0.
        BadData: NaN, constant features, or fewer than two classes.

    Needs: features, labels.
    Source: Huang et al. 2022, arXiv:2106.09362; each class counted by its images, as in their release.
    Cost: N·D² + K·min(D, N/K)³ operations and D² numbers.
    Breaks: D near the images of a class or above: it then measures their number; features on another scale give
        another value, so backbones of unlike width or scale are hard to compare.
    """
    if not distortion > 0:
        raise BadValue(f"distortion is a squared error above 0, such as 1e-4; it is {distortion}")
    moments = Moments.of(features, labels)
    images = moments.own("coding rates")
    rate = log_det_one_plus(moments.scatter / (moments.n * distortion))
    for index, count in enumerate(moments.counts.tolist()):
        z = images.take((images.labels == index).nonzero()[:, 0]) - moments.mean
        # ZᵀZ and ZZᵀ have one determinant here: the smaller is computed
        square = gram(z if z.shape[0] > z.shape[1] else z.T.contiguous())
        rate -= count / moments.n * log_det_one_plus(square / (count * distortion))
    return rate / 2
