"""NCE against the authors' release and a sum by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.errors import BadValue
from workbench.scores import scores

nce = scores["nce"]

# values of the public reference code, float64
PUBLISHED = {10: -0.7542922207107954, 11: -0.26929817160131775, 12: -0.6129368076136538, 13: -0.44618121734042604}


@pytest.mark.parametrize("seed", PUBLISHED)
def test_it_is_the_published_value(case, seed):
    given = case(seed)
    assert nce(given.probabilities.argmax(1), given.labels) == pytest.approx(PUBLISHED[seed], abs=1e-9)


def test_it_is_the_sum_by_hand():
    # of four images taken for a cat one is a dog; both taken for a car are trucks
    z, y = ["cat"] * 4 + ["car"] * 2, ["cat"] * 3 + ["dog"] + ["truck"] * 2
    assert nce(z, y) == pytest.approx((3 * math.log(3 / 4) + math.log(1 / 4)) / 6, abs=1e-12)


def test_decisions_that_say_nothing_leave_the_entropy_of_the_classes():
    assert nce(np.zeros(40), np.arange(40) % 4) == pytest.approx(-math.log(4), abs=1e-12)


def test_unequal_lengths_are_refused():
    with pytest.raises(BadValue, match="same images"):
        nce([0, 1, 2], [0, 1])
