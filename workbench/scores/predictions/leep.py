"""LEEP: the log-likelihood of the target's labels under a source model's predictions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from workbench.errors import BadData
from workbench.scores import scores
from workbench.scores.linear import add_by_class
from workbench.scores.rows import BLOCK, Rows, rows

# half precision leaves this much of a sum
SLACK = 2e-2
# what torch still does on one thread: there is no matrix product here, and waiting for threads would cost the most
SMALL = 2**15


@scores.add("leep")
def leep(probabilities: Any, labels: Any) -> float:
    """How likely the labels are, told from what the source model takes the images for; at most 0 nats.

    With θ the source model's probabilities and P(y|z) = Σ_{i: y_i = y} θ_iz / Σ_i θ_iz, the mean over the images of
    log Σ_z P(y_i|z) θ_iz. A source class that no image is taken for has no part in it.

    Args:
        probabilities: (N, S) the source model's softmax on the target's images, each row summing to 1.
        labels: (N,) the target's classes.

    Raises:
        BadValue: shapes that do not fit together.
        BadData: rows that are no probabilities, NaN, or fewer than two classes.

    Needs: probabilities, labels.
    Source: Nguyen et al. 2020, arXiv:2002.12462.
    Cost: N·S operations and K·S numbers, in two passes.
    Breaks: a source model with a head of few or unrelated classes; self-supervised backbones, which have none;
        few images a class, since the same images estimate P(y|z) and are scored by it.
    """
    given = rows(probabilities, labels, "probabilities")
    joint = torch.zeros(len(given.classes), given.dim, dtype=torch.float64, device=given.labels.device)
    for theta, y in given.blocks(size(given)):
        add_by_class(joint, checked(theta), y)
    return log_likelihood(given, joint)


def size(given: Rows) -> int:
    """The numbers in a block: few on a processor, many where each block is a launch."""
    return SMALL if given.labels.device.type == "cpu" else BLOCK


def log_likelihood(given: Rows, joint: Tensor) -> float:
    """The mean of log Σ_z P(y_i|z) θ_iz, where joint (K, S) sums θ over each class."""
    conditional = joint / joint.sum(0).clamp(min=torch.finfo(joint.dtype).tiny)
    total = joint.new_zeros(())
    for theta, y in given.blocks(size(given)):
        total += (conditional.index_select(0, y) * theta).sum(1).log().sum()
    return float(total) / len(given)


def checked(theta: Tensor) -> Tensor:
    """`theta` (b, S) as it came.

    Raises:
        BadData: its rows are no probabilities.
    """
    low, off = float(theta.min()), float((theta.sum(1) - 1).abs().max())
    if low < 0 or off > SLACK:
        wrong = f"one is {low:.3g}" if low < 0 else f"a row's sum is off by {off:.3g}"
        raise BadData(f"probabilities are at least 0 and sum to 1 in each row; {wrong}: logits need a softmax first")
    return theta
