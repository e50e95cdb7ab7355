"""What a backbone's own pretrained head takes the target's images for: the source probabilities of LEEP and NCE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import Unavailable
from workbench.evaluation import to_probabilities

if TYPE_CHECKING:
    from workbench.nets import Net


def needs_answers(net: Net) -> None:
    """Nothing, where the net's head was trained with it.

    Raises:
        Unavailable: the net has no such head; the reason in a sentence.
    """
    if not net.choice.params.get("pretrained", True):
        raise Unavailable("its weights are random, so what its head says means nothing")
    if net.fresh and "classes" in net.choice.params:
        raise Unavailable("its head was made anew for other classes and is not trained")
    if not list(net.head.parameters()):
        raise Unavailable("its weights came without a head: it was pretrained without classes, or only for features")


def probabilities(net: Net, logits: np.ndarray) -> np.ndarray:
    """The head's logits (N, S) as probabilities (N, S).

    A head that answers several questions, with classes named `question: class`, gives the mean over its questions:
    the probability that a question drawn by lot is answered so.
    """
    sizes = questions(net.classes or ())
    if len(sizes) < 2 or sum(sizes) != logits.shape[1]:
        return to_probabilities(logits, "classes", [logits.shape[1]])
    return to_probabilities(logits, "tasks", sizes) / len(sizes)


def questions(classes: tuple[str, ...]) -> list[int]:
    """How many classes each question has, in order; empty where the names are not of the form `question: class`."""
    if not all(": " in name for name in classes):
        return []
    asked = [name.partition(": ")[0] for name in classes]
    sizes = {name: asked.count(name) for name in dict.fromkeys(asked)}
    ordered = asked == [name for name, size in sizes.items() for _ in range(size)]
    return list(sizes.values()) if ordered and min(sizes.values(), default=0) > 1 else []
