"""LEEP: log-likelihood of the target labels given a source model's predictions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadData
from workbench.scores import scores
from workbench.scores.labeled_rows import BLOCK, LabeledRows, to_labeled_rows
from workbench.scores.linear_algebra import add_by_class

# tolerance for a sum of half-precision probabilities
SUM_TOLERANCE = 2e-2
# numbers that torch still processes on one thread: without matrix products, waiting for threads would dominate
CPU_BLOCK = 2**15


@scores.add("leep")
def leep(probabilities: Any, labels: Any) -> float:
    """Compute the mean log-likelihood of the labels given the source model's predictions; at most 0 nats.

    With θ the source model's probabilities and P(y|z) = Σ_{i: y_i = y} θ_iz / Σ_i θ_iz, the mean over the images of
    log Σ_z P(y_i|z) θ_iz. Source classes that are never predicted have no effect.

    Args:
        probabilities: (N, S) the source model's softmax on the target images, each row summing to 1.
        labels: (N,) target classes.

    Raises:
        BadValue: shapes that do not match.
        BadData: rows that are not probabilities, NaN, or fewer than two classes.

    Needs: probabilities, labels.
    Source: Nguyen et al. 2020, arXiv:2002.12462.
    Cost: N·S operations and K·S numbers, in two passes.
    Breaks: a source model with a head of few or unrelated classes; self-supervised backbones, which have none;
        few images per class, since the same images estimate P(y|z) and are scored by it.
    """
    given = to_labeled_rows(probabilities, labels, "probabilities")
    joint = torch.zeros(len(given.classes), given.n_features, dtype=torch.float64, device=given.labels.device)
    for theta, y in given.iter_blocks(block_size(given)):
        add_by_class(joint, check_probabilities(theta), y)
    return mean_log_likelihood(given, joint)


def block_size(given: LabeledRows) -> int:
    """Return the number of values per block: few on a CPU, many on a GPU, where each block is a kernel launch."""
    return CPU_BLOCK if given.labels.device.type == "cpu" else BLOCK


def mean_log_likelihood(given: LabeledRows, joint: Tensor) -> float:
    """Compute the mean of log Σ_z P(y_i|z) θ_iz, where joint (K, S) sums θ over each class."""
    conditional = joint / joint.sum(0).clamp(min=torch.finfo(joint.dtype).tiny)
    total = joint.new_zeros(())
    for theta, y in given.iter_blocks(block_size(given)):
        total += (conditional.index_select(0, y) * theta).sum(1).log().sum()
    return float(total) / len(given)


def check_probabilities(theta: Tensor) -> Tensor:
    """Return `theta` (b, S) unchanged after a check.

    Raises:
        BadData: its rows are not probabilities.
    """
    low, off = float(theta.min()), float((theta.sum(1) - 1).abs().max())
    if low < 0 or off > SUM_TOLERANCE:
        wrong = f"one is {low:.3g}" if low < 0 else f"a row's sum is off by {off:.3g}"
        raise BadData(
            f"expected probabilities of at least 0 that sum to 1 in each row; {wrong}: apply softmax to logits first"
        )
    return theta
