"""Splits decided by a hash of each item: adding a file moves no other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from workbench.images.items import UNDECIDED, Items, Labels

TRAIN, VALID, TEST = 0, 1, 2

WORDS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("valid", "validation", "val", "dev"), VALID),
    **dict.fromkeys(("test", "testing"), TEST),
}


def chances(anchors: Iterable[str], seed: int) -> np.ndarray:
    """A number in [0, 1) for each item, from the seed and its own name alone."""
    salt = seed.to_bytes(8, "little")
    blake = hashlib.blake2b
    joined = b"".join(blake(a.encode("utf-8", "surrogateescape"), digest_size=8, salt=salt).digest() for a in anchors)
    return (np.frombuffer(joined, "<u8") >> np.uint64(11)) / 2.0**53


def decide(items: Items, valid: float, test: float, seed: int) -> np.ndarray:
    """The split of every item: those already decided stay, the training part is divided where one is missing.

    Args:
        valid: share of the training part that becomes validation, unless the source brings its own.
        test: likewise for the test images.

    Returns:
        (N,) int8: 0 train, 1 valid, 2 test.
    """
    splits = items.splits.astype(np.int8).copy()
    given = set(np.unique(splits).tolist()) - {UNDECIDED}
    valid = 0.0 if VALID in given else valid
    test = 0.0 if TEST in given else test
    free = np.flatnonzero((splits == UNDECIDED) | (splits == TRAIN))
    if not len(free):
        return splits
    anchors = items.ids if items.anchors is None else items.anchors
    luck = chances([anchors[r] for r in free], seed)
    drawn = np.where(luck < test, TEST, np.where(luck < test + valid, VALID, TRAIN)).astype(np.int8)
    wanted = [TRAIN, *([VALID] if valid else []), *([TEST] if test else [])]
    for group in _groups(items.labels, items.domains, free):
        _settle(drawn, luck, group, wanted)
    splits[free] = drawn
    return splits


def few(items: Items, splits: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Rows that stay when each class of each domain keeps at most `per_class` training images.

    The kept ones of a smaller number are among those of a larger; validation and test images all stay.
    """
    anchors = items.ids if items.anchors is None else items.anchors
    training = np.flatnonzero(splits == TRAIN)
    luck = chances([anchors[r] for r in training], seed)
    keep = splits != TRAIN
    for group in _groups(items.labels, items.domains, training):
        best = group[np.argsort(-luck[group], kind="stable")[:per_class]]
        keep[training[best]] = True
    return np.flatnonzero(keep)


def _groups(labels: Labels, domains: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Positions within `rows` that share a class (a tag, a task's class) and a domain."""
    values, domains = labels.values[rows], domains[rows].astype(np.int64)
    if labels.kind == "classes":
        return _same(domains * (len(labels.names) + 1) + values)
    groups: list[np.ndarray] = []
    for column in values.T.astype(np.int64):
        same = _same(domains * (int(column.max(initial=0)) + 2) + column)
        groups += [group for group in same if labels.kind == "tasks" or column[group[0]] == 1]
    # rare ones last, so that no common class takes back what a rare one needs
    return sorted(groups, key=len, reverse=True)


def _same(codes: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _settle(drawn: np.ndarray, luck: np.ndarray, group: np.ndarray, wanted: Sequence[int]) -> None:
    """Moves the item with the most extreme number where a group would lack a wanted split."""
    counts = np.bincount(drawn[group], minlength=3)
    if counts[list(wanted)].all():
        return
    ranked = group[np.argsort(luck[group], kind="stable")]
    if len(group) < len(wanted):
        # too few for all: training comes first, then validation
        drawn[ranked] = ([VALID] if len(group) == 2 else []) + [TRAIN]
        return
    lacking = [s for s in wanted if not (drawn[group] == s).any()]
    for split in sorted(lacking, key=lambda s: (s == TRAIN, -s)):
        counts = np.bincount(drawn[group], minlength=3)
        spare = ranked[counts[drawn[ranked]] > 1]
        drawn[spare[-1] if split == TRAIN else spare[0]] = split
