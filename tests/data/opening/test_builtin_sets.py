"""The built-in digits."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

import workbench as wb
from workbench.data.opening import builtin_sets


def test_digits_are_all_there_and_have_a_recipe():
    images = wb.load_images("digits", seed=3)
    assert len(images) == 1797 and images.classes == tuple("0123456789") and images.kind == "classes"
    assert not images.is_in_memory
    assert wb.load_images(images.choice.name, **images.choice.params).fingerprint == images.fingerprint
    assert wb.load_images("digits").fingerprint != images.fingerprint


def test_greys_run_from_black_to_white():
    pixels = wb.load_images("digits").pixels(0)
    assert pixels.shape == (8, 8, 3) and pixels.min() == 0 and pixels.max() > 230


def test_they_are_the_same_with_and_without_importing_scikit_learn(monkeypatch):
    flat, written = builtin_sets._read_digits_file()
    reference = load_digits(return_X_y=True)
    assert np.array_equal(flat, reference[0]) and np.array_equal(written, reference[1])
    monkeypatch.setattr("pathlib.Path.is_file", lambda self: False)
    assert np.array_equal(builtin_sets._read_digits_file()[0], flat)
