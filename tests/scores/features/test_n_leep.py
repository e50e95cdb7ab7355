"""N-LEEP against the authors' release, and what a mixture needs."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadData, BadValue
from workbench.scores import scores

n_leep = scores["n_leep"]

# values of google-research's stable_transfer on components that hold 80 % of the variance, its seed 123
PUBLISHED = {10: -0.4969156279496859, 14: -0.36880123243016777}


@pytest.mark.parametrize("seed", PUBLISHED)
def test_it_is_the_published_value(case, seed):
    assert n_leep(*case(seed).data, seed=123) == pytest.approx(PUBLISHED[seed], abs=1e-6)


def test_clumps_that_are_the_classes_score_zero():
    y = np.arange(90) % 3
    f = np.eye(3)[y] * 50 + np.random.default_rng(0).standard_normal((90, 3))
    assert n_leep(f, y, gaussians=1) == pytest.approx(0, abs=1e-9)


def test_it_reads_no_more_than_its_share_of_the_variance():
    y = np.arange(80) % 2
    rng = np.random.default_rng(0)
    # 90 % of the variance knows nothing of the classes, the rest knows them wholly
    f = np.column_stack([rng.standard_normal(80) * 30, y * 20.0 - 10 + rng.standard_normal(80) * 0.1])
    assert n_leep(f, y, gaussians=2, share=0.5) < -0.3
    assert n_leep(f, y, gaussians=2, share=0.999) > -0.1


def test_fewer_images_than_gaussians_are_refused(small):
    with pytest.raises(BadData, match="12 images are too few for 15 Gaussians"):
        n_leep(small.features[:12], small.labels[:12])


def test_options_out_of_range_are_refused(small):
    with pytest.raises(BadValue, match="gaussians"):
        n_leep(*small.data, gaussians=0)
    with pytest.raises(BadValue, match="share"):
        n_leep(*small.data, share=1.0)
