"""Features and labels of two domains, checked and split into halves: what every probe of a pair starts from."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.errors import BadData, BadValue
from workbench.markers import to_array

FEWEST = 10  # images of a domain from which on anything is said


def table(x: Any, of: str) -> np.ndarray:
    """Finite features (N, D) in float64.

    Args:
        of: whose they are, for the refusal.

    Raises:
        BadValue: not a table of numbers.
        BadData: numbers that are not finite.
    """
    return finite(numbers(x, of), of)


def numbers(x: Any, of: str) -> np.ndarray:
    """Features (N, D) of any type of number, refused as `table` refuses them."""
    held = to_array(x)
    if held is None:
        raise BadValue(f"the {of} features are numbers (N, D), every row as long as the others")
    if held.ndim != 2 or held.dtype.kind not in "fiub" or not held.shape[1]:
        raise BadValue(f"the {of} features are numbers (N, D), a row an image; got {held.dtype} {held.shape}")
    return held


def finite(held: np.ndarray, of: str) -> np.ndarray:
    """The same in float64, refused as `table` refuses them."""
    held = held.astype(np.float64)
    bad = ~np.isfinite(held).all(axis=1)
    if bad.any():
        raise BadData(
            f"the {of} features of {bad.sum()} of {len(held)} images are not finite, row {bad.argmax()} the first: "
            "leave these images out, or look for a net that diverged"
        )
    return held


def features(x: Any, of: str) -> np.ndarray:
    """Finite features (N, D) of a domain in float64.

    Args:
        of: whose they are, for the refusal: `source` or `target`.

    Raises:
        BadValue: not a table of numbers.
        BadData: fewer than 10 rows, or numbers that are not finite.
    """
    held = numbers(x, of)
    if len(held) < FEWEST:
        raise BadData(f"{len(held)} {of} images are too few to measure a domain by; {FEWEST} are the least")
    return finite(held, of)


def pair(source: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
    """The features of two domains, as wide as each other.

    Raises:
        BadValue: no tables of numbers, or of different widths.
        BadData: too few rows, or numbers that are not finite.
    """
    s, t = features(source, "source"), features(target, "target")
    if s.shape[1] != t.shape[1]:
        raise BadValue(
            f"source and target features come from the same stage of one net; got {s.shape[1]} and {t.shape[1]} wide"
        )
    return s, t


def labels(y: Any, count: int, of: str) -> np.ndarray:
    """Labels (N,), one class an image, of any type that sorts.

    Raises:
        BadValue: not one label an image.
    """
    held = to_array(y)
    if held is None or held.shape != (count,):
        raise BadValue(
            f"the {of} labels are one class an image, ({count},); got {'a ragged list' if held is None else held.shape}"
        )
    missing = held.dtype.kind == "O" and any(label is None or label != label for label in held.tolist())
    if missing:
        raise BadData(f"some of the {of} labels are missing: leave these images out")
    if held.dtype.kind == "f" and not np.isfinite(held).all():
        raise BadData(f"{int((~np.isfinite(held)).sum())} of the {of} labels are not finite: leave these images out")
    return held


def coded(source: Any, target: Any, counts: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of both domains as codes (N,), (M,) of the classes that occur in either, and these classes (K,).

    Raises:
        BadValue: not one label an image.
        BadData: the source has fewer than two classes.
    """
    s, t = labels(source, counts[0], "source"), labels(target, counts[1], "target")
    if (s.dtype.kind in "US") != (t.dtype.kind in "US"):
        raise BadValue(f"source and target labels name the classes alike; got {s.dtype} and {t.dtype}")
    classes, codes = np.unique(np.concatenate([s, t]), return_inverse=True)
    if len(np.unique(s)) < 2:
        raise BadData("the source labels hold one class only; nothing can be learnt from them")
    return codes[: len(s)], codes[len(s) :], classes


def halves(groups: np.ndarray, seed: int, share: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Two disjoint sets of rows that hold `share` and the rest of every group; single rows go to the first.

    Args:
        groups: (N,) what is split evenly, such as the classes.
        share: of the first set, within 0..1.
    """
    random = np.random.default_rng(seed)
    first = np.zeros(len(groups), dtype=bool)
    for group in np.unique(groups):
        rows = random.permutation(np.flatnonzero(groups == group))
        # an odd row falls to either side by chance, so that many small groups do not all lean to one
        cut = max(1, int(np.floor(share * len(rows) + random.random())))
        first[rows[:cut]] = True
    return np.flatnonzero(first), np.flatnonzero(~first)


def folds(groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    """A number from 0 to below `count` for every row (N,), each group spread evenly over them."""
    random = np.random.default_rng(seed)
    out = np.empty(len(groups), dtype=int)
    for group in np.unique(groups):
        rows = random.permutation(np.flatnonzero(groups == group))
        out[rows] = (np.arange(len(rows)) + random.integers(count)) % count
    return out


def held_back(*split: tuple[np.ndarray, np.ndarray]) -> None:
    """Refuses halves of which the second is empty.

    Raises:
        BadData: no image is left to judge by.
    """
    if not all(len(second) for _, second in split):
        raise BadData(
            "every class has a single image, so none can be held back to judge by; several a class are wanted"
        )
