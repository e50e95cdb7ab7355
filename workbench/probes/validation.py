"""Validation and splitting of features and labels of two domains."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.annotated_types import to_array
from workbench.errors import BadData, BadValue

MIN_IMAGES = 10  # images that a domain needs at least


def to_feature_table(x: Any, name: str) -> np.ndarray:
    """Return features (N, D) as finite float64.

    Args:
        name: of the features, for the error message.

    Raises:
        BadValue: not a table of numbers.
        BadData: numbers that are not finite.
    """
    return to_finite_table(to_numeric_table(x, name), name)


def to_numeric_table(x: Any, name: str) -> np.ndarray:
    """Return features (N, D) of any numeric type, with the errors of `to_feature_table`."""
    values = to_array(x)
    if values is None:
        raise BadValue(f"the {name} features must be numbers (N, D), with rows of equal length")
    if values.ndim != 2 or values.dtype.kind not in "fiub" or not values.shape[1]:
        raise BadValue(
            f"the {name} features must be numbers (N, D), one row per image; got {values.dtype} {values.shape}"
        )
    return values


def to_finite_table(values: np.ndarray, name: str) -> np.ndarray:
    """Return the values as float64, with the errors of `to_feature_table`."""
    values = values.astype(np.float64)
    is_bad = ~np.isfinite(values).all(axis=1)
    if is_bad.any():
        raise BadData(
            f"the {name} features of {is_bad.sum()} of {len(values)} images are not finite, row {is_bad.argmax()} the "
            "first: leave these images out, or check whether the net diverged"
        )
    return values


def to_domain_features(x: Any, name: str) -> np.ndarray:
    """Return features (N, D) of a domain as finite float64.

    Args:
        name: of the features, for the error message: `source` or `target`.

    Raises:
        BadValue: not a table of numbers.
        BadData: fewer than 10 rows, or numbers that are not finite.
    """
    values = to_numeric_table(x, name)
    if len(values) < MIN_IMAGES:
        raise BadData(f"{len(values)} {name} images are too few to measure a domain; at least {MIN_IMAGES} are needed")
    return to_finite_table(values, name)


def to_domain_pair(source: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of two domains, of equal width.

    Raises:
        BadValue: not tables of numbers, or tables of different widths.
        BadData: too few rows, or numbers that are not finite.
    """
    s, t = to_domain_features(source, "source"), to_domain_features(target, "target")
    if s.shape[1] != t.shape[1]:
        raise BadValue(
            f"expected source and target features of equal width, from the same stage; got {s.shape[1]} and "
            f"{t.shape[1]} wide"
        )
    return s, t


def to_labels(y: Any, n_images: int, name: str) -> np.ndarray:
    """Return labels (N,), one class per image, of any type that can be sorted.

    Raises:
        BadValue: not one label per image.
    """
    labels = to_array(y)
    if labels is None or labels.shape != (n_images,):
        received = "a ragged list" if labels is None else labels.shape
        raise BadValue(f"the {name} labels must be one class per image, ({n_images},); got {received}")
    missing = labels.dtype.kind == "O" and any(label is None or label != label for label in labels.tolist())
    if missing:
        raise BadData(f"some of the {name} labels are missing: leave these images out")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise BadData(
            f"{int((~np.isfinite(labels)).sum())} of the {name} labels are not finite: leave these images out"
        )
    return labels


def encode_labels(source: Any, target: Any, n_images: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Encode the labels of both domains: codes (N,), (M,) of the classes in either domain, and these classes (K,).

    Raises:
        BadValue: not one label per image.
        BadData: the source has fewer than two classes.
    """
    s, t = to_labels(source, n_images[0], "source"), to_labels(target, n_images[1], "target")
    if (s.dtype.kind in "US") != (t.dtype.kind in "US"):
        raise BadValue(
            f"expected source and target labels of the same kind, names or codes; got {s.dtype} and {t.dtype}"
        )
    classes, codes = np.unique(np.concatenate([s, t]), return_inverse=True)
    if len(np.unique(s)) < 2:
        raise BadData("expected source labels of at least two classes; got one")
    return codes[: len(s)], codes[len(s) :], classes


def split_halves(groups: np.ndarray, seed: int, fraction: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into two disjoint sets with `fraction` and the rest of every group; single rows go to the first.

    Args:
        groups: (N,) what is split evenly, such as the classes.
        fraction: of the first set, within 0..1.
    """
    rng = np.random.default_rng(seed)
    is_first = np.zeros(len(groups), dtype=bool)
    for group in np.unique(groups):
        rows = rng.permutation(np.flatnonzero(groups == group))
        # an odd row goes to a random side, so that many small groups do not all enlarge the same set
        n_first = max(1, int(np.floor(fraction * len(rows) + rng.random())))
        is_first[rows[:n_first]] = True
    return np.flatnonzero(is_first), np.flatnonzero(~is_first)


def assign_folds(groups: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Assign every row (N,) a fold from 0 to `n_folds` - 1, with each group spread evenly."""
    rng = np.random.default_rng(seed)
    folds = np.empty(len(groups), dtype=int)
    for group in np.unique(groups):
        rows = rng.permutation(np.flatnonzero(groups == group))
        folds[rows] = (np.arange(len(rows)) + rng.integers(n_folds)) % n_folds
    return folds


def check_holdout(*splits: tuple[np.ndarray, np.ndarray]) -> None:
    """Raise an error if the second set of a split is empty.

    Raises:
        BadData: no image is left for evaluation.
    """
    if not all(len(second) for _, second in splits):
        raise BadData(
            "every class has a single image, so that none can be held out for evaluation; several per class are needed"
        )
