"""Preprocessing: its bounds, and a deliberate mismatch."""

from __future__ import annotations

import pytest

from workbench.errors import BadValue, UnknownName
from workbench.nets.preprocessing import Preprocessing, parse_image_size, resolve_preprocessing

OWN = Preprocessing(224)


@pytest.mark.parametrize(
    "fields",
    [
        {"size": 0},
        {"size": True},
        {"size": "224"},
        {"mean": 0.5},
        {"mean": "abc"},
        {"mean": (0, 0, "x")},
        {"std": (1, 1, -1)},
        {"interpolation": "cubic"},
        {"crop_pct": 0},
        {"crop_pct": 1.2},
        {"crop_pct": None},
    ],
)
def test_values_out_of_range(fields):
    with pytest.raises(BadValue):
        OWN.replace(**fields)


def test_fields_over_the_backbones_own():
    assert resolve_preprocessing(OWN, None) is OWN
    assert resolve_preprocessing(OWN, {"std": [1, 1, 1]}) == OWN.replace(std=(1.0, 1.0, 1.0))
    assert resolve_preprocessing(OWN, Preprocessing(64)).size == 64
    with pytest.raises(UnknownName, match="crop_pct"):
        resolve_preprocessing(OWN, {"crop": 1.0})


def test_sizes_of_any_whole_kind():
    assert parse_image_size(224.0) == 224 and isinstance(parse_image_size(224.0), int)
