"""One order out of many scores: the mean of places, family by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.scores import scores

RULE = (
    "mean of the places by each score, 0 for the first and 1 for the last: first within a family of scores "
    "({families}), then over the families; a score that some backbone lacks has no vote, nor has a baseline"
)


def family(score: str) -> str:
    """The family of a score: the folder that it stands in."""
    return scores[score].__module__.split(".")[-2]


def rising(score: str, values: np.ndarray) -> np.ndarray:
    """The values turned so that larger is better."""
    return -values if scores[score].better.startswith("lower") else values


def places(values: np.ndarray) -> np.ndarray:
    """Each one's place from 0, the largest, to 1, the smallest; equals share theirs. values (n,) -> (n,)."""
    if len(values) < 2:
        return np.zeros(len(values))
    above = (values[None, :] > values[:, None]).sum(1)
    equal = (values[None, :] == values[:, None]).sum(1) - 1
    return (above + equal / 2) / (len(values) - 1)


def combined(table: Mapping[str, np.ndarray]) -> np.ndarray:
    """The consensus, (n,), 0 the best: score -> values (n,), larger is better, none missing."""
    by_family = families(list(table))
    means = [np.mean([places(table[s]) for s in members], axis=0) for members in by_family.values()]
    return np.mean(means, axis=0)


def families(names: Sequence[str]) -> dict[str, list[str]]:
    """Family -> those of its scores that are among the names."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(family(name), []).append(name)
    return found
