"""The built-in digits."""

from __future__ import annotations

import workbench as wb


def test_digits_are_all_there_and_have_a_recipe():
    images = wb.images("digits", seed=3)
    assert len(images) == 1797 and images.classes == tuple("0123456789") and images.kind == "classes"
    assert not hasattr(images, "store_with")
    assert wb.images(images.choice.name, **images.choice.params).fingerprint == images.fingerprint
    assert wb.images("digits").fingerprint != images.fingerprint


def test_greys_run_from_black_to_white():
    pixels = wb.images("digits").pixels(0)
    assert pixels.shape == (8, 8, 3) and pixels.min() == 0 and pixels.max() > 230
