"""N-LEEP: LEEP with a Gaussian mixture in place of the source model's head."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import torch

from workbench.annotated_types import Seed
from workbench.errors import BadData, BadValue
from workbench.forms import Range
from workbench.scores import scores
from workbench.scores.moments import Moments
from workbench.scores.predictions._leep import leep


@scores.add("n_leep")
def n_leep(
    features: Any,
    labels: Any = None,
    *,
    gaussians: Annotated[int, Range(1, 50)] = 5,
    share: Annotated[float, Range(0.0, 1.0)] = 0.8,
    seed: Seed = 0,
) -> float:
    """Compute the mean log-likelihood of the labels given each image's mixture components; at most 0 nats.

    LEEP whose source classes are the components of a Gaussian mixture, fitted to the principal components of the
    features.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) target classes; None with moments.
        gaussians: number of Gaussians per target class; 5 in the paper, at least 1.
        share: share of the variance kept by the principal components, above 0 and below 1; 0.8 in the paper.
        seed: seed of the mixture's initialization.

    Raises:
        BadValue: shapes that do not match, or an option out of range.
        BadData: NaN, constant features, fewer than two classes, or fewer images than Gaussians.

    Needs: features, labels.
    Source: Li et al. 2021, arXiv:2011.11200.
    Cost: N·K·d² operations, some tens of times, d the components: minutes at N 50,000, K 100. The mixture is
        fitted on the CPU by scikit-learn.
    Breaks: fewer than some hundred images per Gaussian: the mixture fits noise; the value varies with the seed.
    Default: no, since its mixture takes longer than all other scores together.
    """
    # imported here: it takes a second, which listing the scores does not need
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    if gaussians < 1 or not 0 < share < 1:
        raise BadValue(f"expected gaussians of at least 1 and share between 0 and 1; got {gaussians} and {share}")
    moments = Moments.from_features(features, labels)
    n_gaussians = gaussians * len(moments.classes)
    if n_gaussians >= moments.n_images:
        raise BadData(
            f"{moments.n_images} images are too few for {n_gaussians} Gaussians ({gaussians} per class): "
            "pass more images, or use fewer Gaussians"
        )
    x = moments.principal_components(share).cpu().numpy()
    with warnings.catch_warnings():
        # the score needs no converged mixture; and k-means warns if duplicate images leave fewer distinct points
        # than Gaussians
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture = GaussianMixture(n_gaussians, random_state=seed).fit(x)
    return leep(torch.from_numpy(mixture.predict_proba(x)), moments.get_rows("mixtures").labels.cpu())
