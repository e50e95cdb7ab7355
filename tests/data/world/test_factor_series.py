"""One factor turned while all others stand still."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName


def test_only_that_factor_changes():
    pictures, names = wb.world.vary_factor("hue", size=48, texture="plain", style="flat")
    assert names == wb.world.FACTORS["hue"] and pictures.shape == (10, 48, 48, 3)
    border = pictures[:, 0]
    assert (border == border[0]).all() and len({p.tobytes() for p in pictures}) == 10


def test_other_factors_can_be_fixed():
    drawn, _ = wb.world.vary_factor("shape", size=32, style="sketch")
    assert np.ptp(drawn.astype(int), axis=3).mean() < 12


def test_mistakes_are_refused():
    with pytest.raises(UnknownName, match="shape"):
        wb.world.vary_factor("shap")
    with pytest.raises(BadValue, match="between 32 and 224"):
        wb.world.vary_factor("shape", size=8)
