"""Rotation: four turns of each image with the right names, and a judge that learns them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.strategies.self_supervised.rotation import rotate_by_quarters


def test_every_image_is_seen_at_all_four_turns():
    x = torch.rand(3, 3, 8, 8)
    turned, quarters = rotate_by_quarters(x)
    assert quarters.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    for row, quarter in enumerate(quarters.tolist()):
        wanted = np.rot90(x[row % 3].permute(1, 2, 0).numpy(), quarter)
        np.testing.assert_array_equal(turned[row].permute(1, 2, 0).numpy(), wanted)


def test_turns_that_can_be_told_are_learnt(tiny_plan, toy_arrays):
    """A bar on the left lies below after one turn to the left."""
    x, y = toy_arrays(k=3)
    x[:, :5] //= 3  # darker above: upright is known for every class
    run = wb.fit(tiny_plan(wb.load_images((x, y)), strategy="rotation", epochs=8, lr=3e-3), progress=False)
    losses = run.points["loss/rotation"].dropna()
    assert losses.iloc[0] == pytest.approx(np.log(4), abs=0.4) and losses.iloc[-1] < 0.3
    assert {"loss/rotation", "loss/probe"} <= set(run.points.columns)
