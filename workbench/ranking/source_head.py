"""Source probabilities for LEEP and NCE: predictions of a backbone's own pretrained head on the target images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import Unavailable
from workbench.evaluation import to_probabilities

if TYPE_CHECKING:
    from workbench.nets.net import Net


def check_source_head(net: Net) -> None:
    """Check that the net's head was pretrained with it.

    Raises:
        Unavailable: the net has no such head, with the reason.
    """
    if not net.choice.params.get("pretrained", True):
        raise Unavailable("its weights are random, so its predictions are meaningless")
    if net.has_new_head and "classes" in net.choice.params:
        raise Unavailable("its head was replaced for other classes and is not trained")
    if not list(net.head.parameters()):
        raise Unavailable("its weights have no head: it was pretrained without classes, or as a feature extractor")


def to_source_probabilities(net: Net, logits: np.ndarray) -> np.ndarray:
    """Convert the head's logits (N, S) to probabilities (N, S).

    A head that answers several questions, with classes named `question: class`, gives the mean over its questions: the
    probability of each answer to a question chosen at random.
    """
    sizes = count_question_classes(net.classes or ())
    if len(sizes) < 2 or sum(sizes) != logits.shape[1]:
        return to_probabilities(logits, "classes", [logits.shape[1]])
    return to_probabilities(logits, "tasks", sizes) / len(sizes)


def count_question_classes(classes: tuple[str, ...]) -> list[int]:
    """Count the classes of each question, in order; empty if the names are not of the form `question: class`."""
    if not all(": " in name for name in classes):
        return []
    questions = [name.partition(": ")[0] for name in classes]
    sizes = {name: questions.count(name) for name in dict.fromkeys(questions)}
    ordered = questions == [name for name, size in sizes.items() for _ in range(size)]
    return list(sizes.values()) if ordered and min(sizes.values(), default=0) > 1 else []
