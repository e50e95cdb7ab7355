"""NCE: negative conditional entropy of the target labels given a source model's decisions."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import BadData, BadValue
from workbench.scores import scores
from workbench.scores.labeled_rows import encode_classes


@scores.add("nce")
def nce(source_labels: Any, labels: Any) -> float:
    """Compute the negative conditional entropy of the labels given the source model's decisions; at most 0 nats.

    −H(Y|Z) = Σ_{y,z} P(y, z) log (P(y, z) / P(z)), P the frequencies among the images.

    Args:
        source_labels: (N,) predicted source class of each image: the most probable one, or a label.
        labels: (N,) target classes.

    Raises:
        BadValue: not one label per image.
        BadData: invalid labels, or fewer than two classes.

    Needs: source_labels, labels.
    Source: Tran et al. 2019, arXiv:1908.08142.
    Cost: N operations, and as many numbers as pairs of classes that occur.
    Breaks: as many source classes as images: each decision then identifies its image, and the score is 0 for any
        backbone.
    """
    sources, z = encode_classes(source_labels)
    targets, y = encode_classes(labels)
    if len(y) != len(z):
        raise BadValue(f"expected source labels and labels of the same images; got {len(z)} and {len(y)}")
    if len(targets) < 2:
        raise BadData(f"expected at least two classes; all {len(y)} labels are {targets[0]!r}")
    pairs, counts = np.unique(z * len(targets) + y, return_counts=True)
    of_source = np.bincount(z, minlength=len(sources))[pairs // len(targets)]
    return float((counts * np.log(counts / of_source)).sum() / len(y))
