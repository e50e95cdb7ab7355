"""Moments against NumPy: far from zero, in batches, on disk, and projected where features outnumber images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.errors import BadData, BadValue
from workbench.scores import Moments, labeled_rows, scores
from workbench.scores.linear_algebra import gram_matrix

SERVED = ("h_score", "shrunk_h_score", "logme")


def test_they_are_the_sums_written_out(small):
    f, y = small.data
    moments = Moments.from_features(f, y)
    z = f - f.mean(0)
    np.testing.assert_allclose(moments.scatter, z.T @ z, atol=1e-12)
    np.testing.assert_allclose(moments.means, [f[y == c].mean(0) for c in range(3)], atol=1e-12)
    np.testing.assert_allclose(moments.counts, np.bincount(y))
    parts = [f[y == c] - f[y == c].mean(0) for c in range(3)]
    np.testing.assert_allclose(moments.within_scatter, sum(p.T @ p for p in parts), atol=1e-12)
    np.testing.assert_allclose(gram_matrix(moments.class_offsets) + moments.within_scatter, moments.scatter, atol=1e-12)
    np.testing.assert_allclose(moments.raw_spectrum[0], np.linalg.eigvalsh(f.T @ f)[::-1], atol=1e-10)
    assert moments.fourth_moment == pytest.approx(((z**2).sum(1) ** 2).sum(), rel=1e-12)
    assert moments.n_images == 60 and moments.n_features == 5


def test_far_from_zero_nothing_is_lost(small, monkeypatch):
    monkeypatch.setattr(labeled_rows, "BLOCK", 50)
    moments, far = Moments.from_features(*small.data), Moments.from_features(small.features + 1e6, small.labels)
    np.testing.assert_allclose(far.scatter, moments.scatter, atol=1e-7)
    assert far.fourth_moment == pytest.approx(moments.fourth_moment, rel=1e-8)


@pytest.mark.parametrize("name", SERVED)
def test_batches_give_what_the_whole_gives(small, name):
    f, y = small.data
    words = np.array(["cat", "ant", "bee"])[y]
    # the last class is met late
    order = np.argsort(y, kind="stable")
    batches = ((f[order[i : i + 7]], words[order[i : i + 7]]) for i in range(0, 60, 7))
    gathered = Moments.from_batches(batches)
    assert scores[name](gathered) == pytest.approx(scores[name](f, y), abs=1e-12)
    assert set(gathered.classes) == {"ant", "bee", "cat"}


def test_what_reads_images_again_says_so(small):
    gathered = Moments.from_batches([small.data])
    for name in ("transrate", "gbc", "n_leep", "parc", "sfda", "knn", "linear_probe"):
        with pytest.raises(BadValue, match="moments from batches"):
            scores[name](gathered)


def test_batches_that_do_not_fit_are_refused(small):
    f, y = small.data
    with pytest.raises(BadValue, match="batches"):
        Moments.from_batches([(f, y), (f[:, :3], y)])
    with pytest.raises(BadValue, match="batches"):
        Moments.from_batches([(f, y[:-1])])
    with pytest.raises(BadData, match="0 images"):
        Moments.from_batches([])
    with pytest.raises(BadData, match="row 65"):
        Moments.from_batches([(f, y), (np.where(np.arange(60)[:, None] == 5, np.nan, f), y)])


def test_a_file_on_disk_is_read_in_blocks(small, tmp_path, monkeypatch):
    monkeypatch.setattr(labeled_rows, "BLOCK", 35)
    path = tmp_path / "features.npy"
    np.save(path, small.features.astype(np.float32))
    mapped = np.load(path, mmap_mode="r")
    expected = scores["logme"](small.features.astype(np.float32), small.labels)
    assert scores["logme"](mapped, small.labels) == pytest.approx(expected, abs=1e-12)


def test_more_features_than_images_are_turned_not_changed(case):
    f, y = case(12).data
    moments = Moments.from_features(f, y)
    assert moments.scatter.shape == (150, 150) and moments.n_features == 200
    z = f - f.mean(0)
    np.testing.assert_allclose(moments.spectrum[0][:149], np.linalg.svd(z)[1][:149] ** 2, rtol=1e-9)
    principal = moments.principal_components(2).numpy()
    np.testing.assert_allclose(np.abs(principal.T @ principal), np.diag(np.linalg.svd(z)[1][:2] ** 2), atol=1e-6)


def test_components_are_as_many_as_asked_or_as_the_share_needs(small):
    moments = Moments.from_features(*small.data)
    share = (moments.spectrum[0].cumsum(0) / moments.spectrum[0].sum()).numpy()
    assert moments.principal_components(3).shape == (60, 3)
    assert moments.principal_components(99).shape == (60, 5)
    assert moments.principal_components(float(share[1]) - 1e-6).shape == (60, 2)
    assert moments.principal_components(float(share[1]) + 1e-6).shape == (60, 3)


def test_moments_know_their_labels(small):
    with pytest.raises(BadValue, match="pass no labels with them"):
        scores["h_score"](Moments.from_features(*small.data), small.labels)
    with pytest.raises(BadValue, match="labels are missing"):
        scores["h_score"](small.features)


def test_one_eigendecomposition_serves_all(small, monkeypatch):
    moments, seen = Moments.from_features(*small.data), []
    eigh = torch.linalg.eigh
    monkeypatch.setattr(torch.linalg, "eigh", lambda m: seen.append(1) or eigh(m))
    for name in ("logme", "logme", "h_score", "shrunk_h_score", "gbc", "n_leep", "gbc"):
        scores[name](moments)
    # of the features as they are, and of their scatter
    assert len(seen) == 2
