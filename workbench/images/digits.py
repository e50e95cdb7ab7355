"""Built-in images: scikit-learn's 1,797 handwritten digits, real and offline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.images.items import UNDECIDED, Items
from workbench.images.labels import classes_of
from workbench.images.origins import Pixels


def digits() -> Items:
    """1,797 handwritten digits of 8 × 8 pixels (Alpaydin and Kaynak, UCI 1998), greys 0 to 16 scaled to 0 to 255."""
    from sklearn.datasets import load_digits

    flat, written = load_digits(return_X_y=True)
    grey = np.rint(np.asarray(flat).reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    count = len(grey)
    return Items(
        name="digits",
        origin=Pixels(grey),
        at=np.arange(count),
        ids=[f"{i:04d}" for i in range(count)],
        labels=classes_of([str(v) for v in np.asarray(written)]),
        splits=np.full(count, UNDECIDED, np.int8),
        domains=np.full(count, -1, np.int16),
    )


BUILT_IN: dict[str, Callable[[], Items]] = {"digits": digits}
