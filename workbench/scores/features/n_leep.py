"""N-LEEP: LEEP with a mixture of Gaussians in place of the source model's head."""

from __future__ import annotations

import warnings
from typing import Annotated, Any

import torch

from workbench.errors import BadData, BadValue
from workbench.forms import Range
from workbench.markers import Seed
from workbench.scores import scores
from workbench.scores.moments import Moments
from workbench.scores.predictions.leep import leep


@scores.add("n_leep")
def n_leep(
    features: Any,
    labels: Any = None,
    *,
    gaussians: Annotated[int, Range(1, 50)] = 5,
    share: Annotated[float, Range(0.0, 1.0)] = 0.8,
    seed: Seed = 0,
) -> float:
    """How likely the labels are, told from which clump of the features an image falls into; at most 0 nats.

    LEEP, where the source classes are the Gaussians of a mixture fitted to the principal components of the features.

    Args:
        features: (N, D), or `Moments` of an array.
        labels: (N,) the target's classes; None beside moments.
        gaussians: of the mixture, a class of the target; 5 in the paper, at least 1.
        share: of the variance that the principal components hold, above 0 and below 1; 0.8 in the paper.
        seed: where the mixture starts from.

    Raises:
        BadValue: shapes that do not fit together, or an option out of range.
        BadData: NaN, constant features, fewer than two classes, or fewer images than Gaussians.

    Needs: features, labels.
    Source: Li et al. 2021, arXiv:2011.11200.
    Cost: N·K·d² operations, some tens of times, d the components: minutes at N 50,000, K 100. The mixture is
        fitted on the processor, by scikit-learn.
    Breaks: fewer than some hundred images a Gaussian: the mixture fits noise; another seed, another value.
    """
    # a second of imports that listing the scores need not pay
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    if gaussians < 1 or not 0 < share < 1:
        raise BadValue(f"gaussians is at least 1 and share between 0 and 1; they are {gaussians} and {share}")
    moments = Moments.of(features, labels)
    wanted = gaussians * len(moments.classes)
    if wanted >= moments.n:
        raise BadData(
            f"{moments.n} images are too few for {wanted} Gaussians ({gaussians} a class): "
            "hand in more images, or take fewer Gaussians"
        )
    x = moments.principal(share).cpu().numpy()
    with warnings.catch_warnings():
        # a mixture that still moves is a mixture: its likelihood is what is scored; and k-means warns where
        # images are equal and there are fewer places than Gaussians
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture = GaussianMixture(wanted, random_state=seed).fit(x)
    return leep(torch.from_numpy(mixture.predict_proba(x)), moments.own("mixtures").labels.cpu())
