"""Textures and backgrounds."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.data.world import patterns


def test_every_map_is_within_0_and_1():
    for maps in (patterns.texture_tiles(), patterns.background_maps()):
        assert np.isfinite(maps).all() and maps.min() >= 0 and maps.max() <= 1


@pytest.mark.parametrize("place", range(len(patterns.TEXTURES)), ids=list(patterns.TEXTURES))
def test_tiles_repeat_without_a_seam(place: int):
    tile = patterns.texture_tiles()[place, 0, 1:-1, 1:-1]
    inner = np.abs(np.diff(tile, axis=1)).mean(), np.abs(np.diff(tile, axis=0)).mean()
    seam = np.abs(tile[:, 0] - tile[:, -1]).mean(), np.abs(tile[0] - tile[-1]).mean()
    # a step over the seam is no larger than the largest step that the tile itself takes
    steps = np.abs(np.diff(tile, axis=1)).mean(0).max(), np.abs(np.diff(tile, axis=0)).mean(1).max()
    assert all(s <= max(4 * i, 1.5 * most, 0.02) for s, i, most in zip(seam, inner, steps, strict=True))


def test_textures_are_told_apart_by_their_spectra():
    spectra = np.abs(np.fft.fft2(patterns.texture_tiles()[:, :, 1:-1, 1:-1]))[..., :24, :24]
    spectra[..., 0, 0] = 0
    flat = spectra.reshape(len(spectra), patterns.VARIANTS, -1)
    flat = flat / np.linalg.norm(flat, axis=2, keepdims=True)
    means = flat[:, : patterns.VARIANTS - 1].mean(1)
    right = [(flat[k, -1] @ means.T).argmax() == k for k in range(len(flat))]
    assert np.mean(right) >= 0.8
