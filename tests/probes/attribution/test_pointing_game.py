"""The pointing game, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.errors import BadData, BadValue
from workbench.probes import pointing_game
from workbench.probes.attribution._saliency import Saliency


def shown(maps):
    frame = pd.DataFrame({"id": [f"image {i}" for i in range(len(maps))]})
    return Saliency(
        np.asarray(maps, np.float32), np.zeros((*np.shape(maps), 3), np.uint8), np.zeros(0), frame, "m", "", True
    )


def test_hits_chance_and_energy_by_hand():
    maps, masks = np.zeros((3, 4, 4)), np.zeros((3, 4, 4), bool)
    masks[:, :2, :2] = True
    maps[0, 1, 1], maps[0, 3, 3], maps[0, 2, 2] = 3, 1, -9  # a hit, three quarters of what speaks for it inside
    maps[1, 3, 0] = 1  # a miss
    found = pointing_game(shown(maps), masks)  # the third map is empty: a miss
    assert found.frame["hit"].tolist() == [True, False, False]
    assert found.hit_rate == pytest.approx(1 / 3) and found.chance_rate == 0.25
    assert found.frame["energy"].tolist()[:2] == [0.75, 0.0] and np.isnan(found.frame["energy"][2])
    assert "33% hits" in str(found)


def test_tolerance_widens_what_counts_and_chance_with_it():
    maps, masks = np.zeros((1, 8, 8)), np.zeros((1, 8, 8), bool)
    masks[0, 4, 4], maps[0, 4, 6] = True, 1
    assert pointing_game(shown(maps), masks).hit_rate == 0
    near = pointing_game(shown(maps), masks, tolerance=0.25)
    assert near.hit_rate == 1 and near.chance_rate == 13 / 64


def test_refusals():
    maps = np.ones((2, 4, 4))
    with pytest.raises(BadValue, match="must be the same"):
        pointing_game(shown(maps), np.ones((2, 5, 5), bool))
    with pytest.raises(BadData, match="1 masks are empty, the first that of image 1"):
        pointing_game(shown(maps), np.stack([np.ones((4, 4), bool), np.zeros((4, 4), bool)]))
    with pytest.raises(BadValue, match="share of the image's edge"):
        pointing_game(shown(maps), np.ones((2, 4, 4), bool), tolerance=15)
