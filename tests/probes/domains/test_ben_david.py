"""The bound, term by term: against counting by hand and where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadData
from workbench.probes import ben_david_bound
from workbench.probes.domains.ben_david import fit_hypotheses
from workbench.probes.validation import split_halves


def domains(shift=0.0, swapped=0.0, n=400, m=300, seed=0):
    """Two classes two deviations to either side of 0; the target lies `shift` off, a share of its labels swapped."""
    rng = np.random.default_rng(seed)
    ys, yt = np.arange(n) % 2, np.arange(m) % 2
    s, t = rng.normal(size=(n, 3)), rng.normal(size=(m, 3))
    s[:, 0] += 4 * ys - 2
    t[:, 0] += 4 * yt - 2
    t[:, 1] += shift
    swap = rng.random(m) < swapped
    return s, ys, t, np.where(swap, 1 - yt, yt)


def test_its_terms_are_counts_on_the_second_halves():
    s, ys, t, yt = domains(1.0, 0.1)
    found = ben_david_bound(s, ys, t, yt, seed=5)
    s_half, t_half = split_halves(ys, 5), split_halves(yt, 6)
    own, joint = fit_hypotheses(s, ys, t, yt, s_half[0], t_half[0], 5)

    def wrong(h, x, y, rows):
        return (h.predict(x[rows]) != y[rows]).mean()

    assert found.source_error == pytest.approx(wrong(own, s, ys, s_half[1]))
    assert found.target_error == pytest.approx(wrong(own, t, yt, t_half[1]))
    assert found.joint_error == pytest.approx(wrong(joint, s, ys, s_half[1]) + wrong(joint, t, yt, t_half[1]))
    assert found.total == pytest.approx(found.source_error + found.half_distance + found.joint_error)
    assert found.is_satisfied


def test_the_disagreement_bounds_on_any_data():
    for seed, (shift, swapped) in enumerate([(0, 0), (3, 0), (0, 1.0), (2, 0.4), (0, 0.5)]):
        found = ben_david_bound(*domains(shift, swapped, 60, 50, seed), seed=seed)
        assert found.target_error <= found.source_error + abs(found.disagreement) + found.joint_error + 1e-12


def test_equal_domains():
    found = ben_david_bound(*domains())
    assert found.half_distance < 0.15 and found.joint_error < 0.12 and found.total < 0.3


def test_other_images_are_the_distance_other_labels_the_joint_error():
    far, odd = ben_david_bound(*domains(shift=6.0)), ben_david_bound(*domains(swapped=0.5))
    assert far.half_distance > 0.95 and far.joint_error < 0.15 and far.target_error < 0.1
    assert odd.half_distance < 0.2 and odd.joint_error > 0.4 and odd.target_error > 0.4


def test_labels_swapped_outright_cost_what_no_joint_hypothesis_can_save():
    found = ben_david_bound(*domains(swapped=1.0))
    assert found.target_error > 0.9 and found.joint_error == pytest.approx(1.0, abs=0.1)
    assert abs(found.disagreement) < 0.2


def test_a_sum_above_one_is_said_to_say_nothing():
    assert "no restriction by the bound" in str(ben_david_bound(*domains(shift=6.0, swapped=0.3)))
    assert str(ben_david_bound(*domains())).endswith("within it")


def test_the_frame_is_a_row_for_the_figure():
    found = ben_david_bound(*domains(1.0), confidence_level=0.8)
    row = found.frame.iloc[0]
    assert len(found.frame) == 1 and row["total"] == found.total and row["level"] == 0.8
    for at, name in enumerate(("source_error", "half_distance", "joint_error", "target_error")):
        assert row[f"{name}_low"] == found.low[at] <= row[name] <= row[f"{name}_high"] == found.high[at]


def test_words_or_numbers_as_labels():
    s, ys, t, yt = domains(1.0)
    words = np.array(["cat", "dog"])
    assert ben_david_bound(s, words[ys], t, words[yt]).total == ben_david_bound(s, ys, t, yt).total


def test_a_class_of_its_own_in_the_target_is_an_error_not_a_crash():
    s, ys, t, yt = domains()
    found = ben_david_bound(s, ys, t, np.where(yt == 1, 2, yt))
    assert found.target_error == pytest.approx(0.5, abs=0.06)


def test_refusals():
    s, _, t, yt = domains()
    with pytest.raises(BadData, match="at least two classes"):
        ben_david_bound(s, np.zeros(400), t, yt)
    with pytest.raises(BadData, match="single image"):
        ben_david_bound(s[:12], np.arange(12), t, yt)
