"""Small transfers, to plant faults in."""

from __future__ import annotations

import pytest

import workbench as wb

SHAPES = ("square", "triangle", "moon", "gear")
QUICK = {"batch_size": 16, "augment": "none", "precision": "fp32", "threads": 1, "epochs": 12}


@pytest.fixture
def world():
    """Return a function that makes small images of the world, half of them for validation."""

    def make(n=120, **options):
        return wb.load_images(
            "world", n=n, label="shape", only={"shape": SHAPES}, **{"seed": 41, "valid": 0.5, **options}
        )

    return make


@pytest.fixture
def sound(world):
    """Return a function that makes a sound plan of a few seconds, or one with changes."""

    def make(images=None, backbone="wb/residual-shape", **changes):
        return wb.Plan(backbone, world() if images is None else images, **{"tuning": "head", **QUICK, **changes})

    return make
