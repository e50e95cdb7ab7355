"""Built-in sets of images: scikit-learn's 1,797 handwritten digits, available offline."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np

from workbench.data.items import UNDECIDED, Items
from workbench.data.labels.label_encoding import encode_classes
from workbench.data.pixels.pixel_sources import ArraySource


def read_digits() -> Items:
    """Read 1,797 handwritten digits of 8 × 8 pixels (Alpaydin and Kaynak, UCI 1998), greys 0..16 scaled to 0..255."""
    flat, written = _read_digits_file()
    grey = np.rint(flat.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    count = len(grey)
    return Items(
        name="digits",
        pixel_source=ArraySource(grey),
        source_index=np.arange(count),
        ids=[f"{i:04d}" for i in range(count)],
        labels=encode_classes([str(v) for v in written]),
        splits=np.full(count, UNDECIDED, np.int8),
        domains=np.full(count, -1, np.int16),
    )


def _read_digits_file() -> tuple[np.ndarray, np.ndarray]:
    """Read the greys (N, 64) and the digits (N,) from scikit-learn's own file."""
    spec = importlib.util.find_spec("sklearn")
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz" if spec and spec.origin else None
    if file is not None and file.is_file():
        # importing scikit-learn takes one to two seconds, reading its file 0.05 s
        table = np.loadtxt(file, delimiter=",")
        return table[:, :-1], table[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits

    flat, written = load_digits(return_X_y=True)
    return np.asarray(flat), np.asarray(written)


BUILTIN_SETS: dict[str, Callable[[], Items]] = {"digits": read_digits}
