"""Shapes as signed distances."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.images.world import outlines
from workbench.images.world.factors import HIDDEN


def test_distances_of_simple_shapes_are_exact():
    cell = 2 * outlines.REACH / (outlines.CELLS - 1)
    x, y = outlines.X, outlines.Y
    assert np.allclose(outlines.disc(0.2, -0.1, 0.5), np.hypot(x - 0.2, y + 0.1) - 0.5)
    square = outlines.polygon((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    assert np.allclose(square, outlines.box(0, 0, 0.5, 0.5))
    # the distance of a true distance field grows by one a unit
    slope = np.hypot(*np.gradient(outlines.regular(5, 1.0, 0.45), cell))
    assert np.median(slope) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", outlines.SHAPES)
def test_a_shape_has_an_inside_that_the_table_holds(name: str):
    field = outlines.SHAPES[name]()
    inside = field < 0
    assert 0.05 < inside.mean() < 0.6
    border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    assert not border.any()


def test_no_two_shapes_are_alike():
    inside = (outlines.table() < 0).reshape(len(outlines.SHAPES), -1).astype(float)
    common = inside @ inside.T
    union = inside.sum(1)[:, None] + inside.sum(1)[None] - common
    overlap = common / union - np.eye(len(inside))
    assert overlap.max() < 0.93


def test_a_cut_hides_the_share_that_it_names():
    cuts = outlines.cuts(16, HIDDEN)
    for shape, way, share in ((0, 0, 3), (5, 4, 5), (17, 9, 7), (31, 15, 1)):
        inside = outlines.table()[shape] < 0
        angle = 2 * np.pi * way / 16
        along = np.cos(angle) * outlines.X - np.sin(angle) * outlines.Y
        hidden = (along[inside] > cuts[shape, way, share]).mean()
        assert hidden == pytest.approx(HIDDEN[share], abs=0.02)
