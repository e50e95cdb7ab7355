"""NCE: how much a source model's decisions leave open about the target's labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import BadData, BadValue
from workbench.scores import scores
from workbench.scores.rows import class_indices


@scores.add("nce")
def nce(source_labels: Any, labels: Any) -> float:
    """The negative entropy of the labels once the source model's decisions are known; at most 0 nats.

    −H(Y|Z) = Σ_{y,z} P(y, z) log (P(y, z) / P(z)), P the frequencies among the images.

    Args:
        source_labels: (N,) the source class that each image is taken for: the largest probability, or a label.
        labels: (N,) the target's classes.

    Raises:
        BadValue: not one label an image.
        BadData: labels that are no classes, or fewer than two of them.

    Needs: source_labels, labels.
    Source: Tran et al. 2019, arXiv:1908.08142.
    Cost: N operations, and as many numbers as pairs of classes that occur.
    Breaks: as many source classes as images: each decision then names its image, and the score is 0 whatever
        the backbone.
    """
    sources, z = class_indices(source_labels)
    targets, y = class_indices(labels)
    if len(y) != len(z):
        raise BadValue(f"there are {len(z)} source labels and {len(y)} labels: they must be of the same images")
    if len(targets) < 2:
        raise BadData(f"a score needs at least two classes; all {len(y)} labels are {targets[0]!r}")
    pairs, counts = np.unique(z * len(targets) + y, return_counts=True)
    of_source = np.bincount(z, minlength=len(sources))[pairs // len(targets)]
    return float((counts * np.log(counts / of_source)).sum() / len(y))
