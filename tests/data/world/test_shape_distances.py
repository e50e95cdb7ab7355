"""Shapes as signed distances."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.world import shape_distances
from workbench.data.world.factors import OCCLUSIONS


def test_distances_of_simple_shapes_are_exact():
    cell = 2 * shape_distances.REACH / (shape_distances.CELLS - 1)
    x, y = shape_distances.X, shape_distances.Y
    assert np.allclose(shape_distances.disc_sdf(0.2, -0.1, 0.5), np.hypot(x - 0.2, y + 0.1) - 0.5)
    square = shape_distances.polygon_sdf((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    assert np.allclose(square, shape_distances.box_sdf(0, 0, 0.5, 0.5))
    # the distance of a true distance field grows by one a unit
    slope = np.hypot(*np.gradient(shape_distances.regular_polygon_sdf(5, 1.0, 0.45), cell))
    assert np.median(slope) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", shape_distances.SHAPES)
def test_a_shape_has_an_inside_that_the_table_holds(name: str):
    field = shape_distances.SHAPES[name]()
    inside = field < 0
    assert 0.05 < inside.mean() < 0.6
    border = np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]])
    assert not border.any()


def test_no_two_shapes_are_alike():
    inside = (shape_distances.distance_table() < 0).reshape(len(shape_distances.SHAPES), -1).astype(float)
    common = inside @ inside.T
    union = inside.sum(1)[:, None] + inside.sum(1)[None] - common
    overlap = common / union - np.eye(len(inside))
    assert overlap.max() < 0.93


def test_a_cut_hides_the_share_that_it_names():
    cuts = shape_distances.occlusion_cuts(16, OCCLUSIONS)
    for shape, way, share in ((0, 0, 3), (5, 4, 5), (17, 9, 7), (31, 15, 1)):
        inside = shape_distances.distance_table()[shape] < 0
        angle = 2 * np.pi * way / 16
        along = np.cos(angle) * shape_distances.X - np.sin(angle) * shape_distances.Y
        hidden = (along[inside] > cuts[shape, way, share]).mean()
        assert hidden == pytest.approx(OCCLUSIONS[share], abs=0.02)
