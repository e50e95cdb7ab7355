"""Made shifts: seeded by the image, stronger with severity."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.data.domain_shifts import SHIFTS, Shift, parse_shift

X = np.asarray(wb.load_images("digits").pixels(3, size=32))


@pytest.mark.parametrize("name", SHIFTS)
def test_every_shift_changes_the_picture_the_same_way_each_time(name: str):
    made = Shift(name, 3)
    once = made(X, "0003")
    assert once.shape == X.shape and once.dtype == np.uint8
    assert (once == made(X, "0003")).all() and (once != X).mean() > 0.02


@pytest.mark.parametrize("name", ["noise", "rotate", "tint", "background", "low-light"])
def test_two_images_are_not_shifted_alike(name: str):
    assert (Shift(name)(X, "a") != Shift(name)(X, "b")).any()


@pytest.mark.parametrize("name", sorted(set(SHIFTS) - {"invert"}))
def test_severity_takes_the_picture_further_away(name: str):
    def away(severity: int) -> float:
        return np.mean([np.abs(Shift(name, severity)(X, str(i)).astype(int) - X).mean() for i in range(12)])

    assert away(1) < away(3) < away(5)


def test_a_shift_can_be_said_in_several_ways():
    assert parse_shift("noise:5") == parse_shift({"name": "noise", "severity": 5}) == Shift("noise", 5)
    assert parse_shift("noise") == Shift("noise", 3) and parse_shift(None) is None


def test_a_shifted_set_has_its_own_stored_pixels():
    plain, noisy = wb.load_images("digits").view(16), wb.load_images("digits", shift="noise:2").view(16)
    first = noisy.load_batch([4])[0]
    assert (plain.load_batch([4])[0] != first).any()
    noisy.pixel_cache.flush()
    again = wb.load_images("digits", shift="noise:2").view(16)
    assert (again.load_batch([4])[0] == first).all()
    assert (wb.load_images("digits", shift="noise:4").view(16).load_batch([4])[0] != first).any()
