"""Built-in images: scikit-learn's 1,797 handwritten digits, real and offline."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np

from workbench.images.items import UNDECIDED, Items
from workbench.images.labels import classes_of
from workbench.images.origins import Pixels


def digits() -> Items:
    """1,797 handwritten digits of 8 × 8 pixels (Alpaydin and Kaynak, UCI 1998), greys 0 to 16 scaled to 0 to 255."""
    flat, written = _read()
    grey = np.rint(flat.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    count = len(grey)
    return Items(
        name="digits",
        origin=Pixels(grey),
        at=np.arange(count),
        ids=[f"{i:04d}" for i in range(count)],
        labels=classes_of([str(v) for v in written]),
        splits=np.full(count, UNDECIDED, np.int8),
        domains=np.full(count, -1, np.int16),
    )


def _read() -> tuple[np.ndarray, np.ndarray]:
    """Greys (N, 64) and what is written (N,), from scikit-learn's own file."""
    spec = importlib.util.find_spec("sklearn")
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz" if spec and spec.origin else None
    if file is not None and file.is_file():
        # importing scikit-learn takes a second or two, reading its file a twentieth of one
        table = np.loadtxt(file, delimiter=",")
        return table[:, :-1], table[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits

    flat, written = load_digits(return_X_y=True)
    return np.asarray(flat), np.asarray(written)


BUILT_IN: dict[str, Callable[[], Items]] = {"digits": digits}
