"""Small folders of real image files, made for one test each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def picture(seed: int, width: int = 24, height: int = 18) -> Image.Image:
    """A smooth picture that differs from seed to seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def make_tree(tmp_path: Path) -> Callable[..., Path]:
    """Writes `{"cat": 3, "train/dog": 5}` as folders with so many pictures; returns the root."""

    def make(folders: dict[str, int], root: str = "pets", kind: str = "png") -> Path:
        top = tmp_path / root
        seed = 0
        for folder, count in folders.items():
            (top / folder).mkdir(parents=True, exist_ok=True)
            for i in range(count):
                seed += 1
                picture(seed).save(top / folder / f"{i:03d}.{kind}")
        return top

    return make
