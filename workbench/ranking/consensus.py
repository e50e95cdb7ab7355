"""Consensus of several scores: mean of relative ranks, first within each family of scores, then over the families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.scores import scores

CONSENSUS_RULE = (
    "mean of the relative ranks by each score, 0 for the first and 1 for the last: first within a family of scores "
    "({families}), then over the families; scores that are missing for some backbone, and baselines, are left out"
)


def score_family(score: str) -> str:
    """Return the family of a score: the name of its folder."""
    return scores[score].__module__.split(".")[-2]


def to_larger_is_better(score: str, values: np.ndarray) -> np.ndarray:
    """Negate the values of a score where lower is better, so that larger is better."""
    return -values if scores[score].better.startswith("lower") else values


def relative_ranks(values: np.ndarray) -> np.ndarray:
    """Compute relative ranks from 0 (largest) to 1 (smallest); ties share their mean rank. values (n,) -> (n,)."""
    from scipy.stats import rankdata

    if len(values) < 2:
        return np.zeros(len(values))
    return (rankdata(-values) - 1) / (len(values) - 1)


def consensus_ranks(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Compute the consensus (n,), 0 best to 1 worst, from score -> values (n,), larger is better, without NaN."""
    by_family = group_by_family(list(values))
    means = [np.mean([relative_ranks(values[s]) for s in members], axis=0) for members in by_family.values()]
    return np.mean(means, axis=0)


def group_by_family(names: Sequence[str]) -> dict[str, list[str]]:
    """Group score names by family."""
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(score_family(name), []).append(name)
    return families
