"""TransRate: mutual information of features and labels, by coding rates."""

from __future__ import annotations

from typing import Any

from workbench.errors import BadValue
from workbench.scores import scores
from workbench.scores.linear_algebra import gram_matrix, log_det_one_plus
from workbench.scores.moments import Moments


@scores.add("transrate")
def transrate(features: Any, labels: Any = None, *, distortion: float = 1e-4) -> float:
    """Compute the reduction of the features' coding rate by the class, in nats; at least 0, up to rounding.

    R(Z) - Σ_c n_c/N R(Z_c), R(Z) = ½ log det(I + ZᵀZ / (n ε)), Z the features minus the mean of all images.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) target classes; None with moments.
        distortion: ε above 0, the squared error allowed for a code.

    Raises:
        BadValue: shapes that do not match, or a distortion that is not above 0.
        BadData: NaN, constant features, or fewer than two classes.

    Needs: features, labels.
    Source: Huang et al. 2022, arXiv:2106.09362; each class weighted by its images, as in their release.
    Cost: N·D² + K·min(D, N/K)³ operations and D² numbers.
    Breaks: D near the number of images of a class or above: it then measures that number; the value depends on the
        scale of the features, so backbones of different width or scale are hard to compare.
    """
    if not distortion > 0:
        raise BadValue(f"expected a distortion above 0, such as 1e-4; got {distortion}")
    moments = Moments.from_features(features, labels)
    images = moments.get_rows("coding rates")
    rate = log_det_one_plus(moments.scatter / (moments.n_images * distortion))
    for index, count in enumerate(moments.counts.tolist()):
        z = images.take((images.labels == index).nonzero()[:, 0]) - moments.mean
        # ZᵀZ and ZZᵀ give the same determinant here: use the smaller one
        square = gram_matrix(z if z.shape[0] > z.shape[1] else z.T.contiguous())
        rate -= count / moments.n_images * log_det_one_plus(square / (count * distortion))
    return rate / 2
