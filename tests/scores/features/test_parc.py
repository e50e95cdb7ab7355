"""PARC against the authors' release and SciPy's Spearman correlation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr

from workbench.errors import BadData, BadValue
from workbench.scores import scores
from workbench.scores.features._parc import average_ranks

parc = scores["parc"]

# values of the authors' code (dbolya/parc) on all features, in percent; labels' likenesses that differ by rounding
# alone, which breaks ties at 6 and 10 classes, are taken for equal
PUBLISHED = {10: 35.5186351694, 11: 44.63541306573, 12: 61.80784236966, 14: 46.966619718000004}


@pytest.mark.parametrize("seed", PUBLISHED)
def test_it_is_the_published_value(case, seed):
    assert 100 * parc(*case(seed).data, components=None) == pytest.approx(PUBLISHED[seed], abs=1e-6)


def test_components_are_kept_before_images_are_compared(small):
    f, y = small.data
    centred = f - f.mean(0)
    z = centred @ np.linalg.svd(centred)[2][:3].T
    rows, columns = np.triu_indices(60, 1)
    # the image farthest along a component is on its positive side
    z *= np.sign(z[np.abs(z).argmax(0), range(3)])
    unlike = 1 - np.corrcoef(z / z.std(0))[rows, columns]
    expected = spearmanr(unlike, y[rows] != y[columns])[0]
    assert parc(f, y, components=3) == pytest.approx(expected, abs=1e-9)


def test_equal_values_share_their_rank():
    values = [0.5, 0.1, 0.5, 0.9, 0.1, 0.5]
    assert average_ranks(torch.tensor(values)).tolist() == rankdata(values).tolist()


def test_of_many_images_some_are_drawn_again_the_same(case):
    given = case(10)
    once, again, other = (parc(*given.data, max_images=200, seed=seed) for seed in (0, 0, 1))
    assert once == again != other
    assert once == pytest.approx(parc(*given.data), abs=0.05)


def test_one_varying_feature_has_no_correlation(small):
    with pytest.raises(BadData, match="two features"):
        parc(small.features[:, :1], small.labels)


def test_options_out_of_range_are_refused(small):
    with pytest.raises(BadValue, match="max_images"):
        parc(*small.data, max_images=2)
    with pytest.raises(BadValue, match="components"):
        parc(*small.data, components=1)
