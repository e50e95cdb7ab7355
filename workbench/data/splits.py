"""Splits decided by a hash of each item: adding a file moves no other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from workbench.data.items import UNDECIDED, Items, Labels

TRAIN, VALID, TEST = 0, 1, 2

SPLIT_SYNONYMS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("valid", "validation", "val", "dev"), VALID),
    **dict.fromkeys(("test", "testing"), TEST),
}


def hash_to_uniform(keys: Iterable[str], seed: int) -> np.ndarray:
    """Hash each key with the seed to a number in [0, 1)."""
    salt = seed.to_bytes(8, "little")
    blake = hashlib.blake2b
    joined = b"".join(blake(a.encode("utf-8", "surrogateescape"), digest_size=8, salt=salt).digest() for a in keys)
    return (np.frombuffer(joined, "<u8") >> np.uint64(11)) / 2.0**53


def assign_splits(items: Items, valid: float, test: float, seed: int) -> np.ndarray:
    """Assign a split to every item: existing ones are kept, the training part is divided if one is missing.

    Args:
        valid: fraction of the training part used for validation, unless the source defines validation images.
        test: fraction of the training part used for testing, unless the source defines test images.

    Returns:
        (N,) int8: 0 train, 1 valid, 2 test.
    """
    splits = items.splits.astype(np.int8).copy()
    existing = set(np.unique(splits).tolist()) - {UNDECIDED}
    valid = 0.0 if VALID in existing else valid
    test = 0.0 if TEST in existing else test
    free = np.flatnonzero((splits == UNDECIDED) | (splits == TRAIN))
    if not len(free):
        return splits
    keys = items.ids if items.hash_keys is None else items.hash_keys
    uniforms = hash_to_uniform([keys[r] for r in free], seed)
    assigned = np.where(uniforms < test, TEST, np.where(uniforms < test + valid, VALID, TRAIN)).astype(np.int8)
    required = [TRAIN, *([VALID] if valid else []), *([TEST] if test else [])]
    for group in _group_rows(items.labels, items.domains, free):
        _fill_missing_splits(assigned, uniforms, group, required)
    splits[free] = assigned
    return splits


def select_few_shot(items: Items, splits: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Select rows such that each class of each domain has at most `per_class` training images.

    The selection for a smaller number is a subset of that for a larger one; all validation and test images are kept.
    """
    keys = items.ids if items.hash_keys is None else items.hash_keys
    training = np.flatnonzero(splits == TRAIN)
    uniforms = hash_to_uniform([keys[r] for r in training], seed)
    keep = splits != TRAIN
    for group in _group_rows(items.labels, items.domains, training):
        best = group[np.argsort(-uniforms[group], kind="stable")[:per_class]]
        keep[training[best]] = True
    return np.flatnonzero(keep)


def _group_rows(labels: Labels, domains: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Group positions within `rows` by class (tag, task's class) and domain."""
    values, domains = labels.values[rows], domains[rows].astype(np.int64)
    if labels.kind == "classes":
        return _group_equal(domains * (len(labels.names) + 1) + values)
    groups: list[np.ndarray] = []
    for column in values.T.astype(np.int64):
        same = _group_equal(domains * (int(column.max(initial=0)) + 2) + column)
        groups += [group for group in same if labels.kind == "tasks" or column[group[0]] == 1]
    # rare classes last, so that no common class undoes an assignment to a rare one
    return sorted(groups, key=len, reverse=True)


def _group_equal(codes: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _fill_missing_splits(
    assigned: np.ndarray, uniforms: np.ndarray, group: np.ndarray, required: Sequence[int]
) -> None:
    """Reassign the item with the most extreme number if a group would lack a required split."""
    counts = np.bincount(assigned[group], minlength=3)
    if counts[list(required)].all():
        return
    ranked = group[np.argsort(uniforms[group], kind="stable")]
    if len(group) < len(required):
        # too few for all splits: training has priority, then validation
        assigned[ranked] = ([VALID] if len(group) == 2 else []) + [TRAIN]
        return
    lacking = [s for s in required if not (assigned[group] == s).any()]
    for split in sorted(lacking, key=lambda s: (s == TRAIN, -s)):
        counts = np.bincount(assigned[group], minlength=3)
        spare = ranked[counts[assigned[ranked]] > 1]
        assigned[spare[-1] if split == TRAIN else spare[0]] = split
