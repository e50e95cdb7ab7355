import time

import numpy as np
import pytest

from workbench.figures.style import label_layout


def test_spread_keeps_what_is_already_apart():
    assert label_layout.spread_labels([1, 5, 9], 2, 0, 10) == [1, 5, 9]


def test_spread_pushes_apart_around_the_middle_and_keeps_order():
    placed = label_layout.spread_labels([5.0, 5.1, 5.05], 1, 0, 10)
    assert placed[0] < placed[2] < placed[1]
    assert np.diff(sorted(placed)) == pytest.approx([1, 1])
    assert np.mean(placed) == pytest.approx(5.05)


def test_spread_stays_within_the_range_even_when_crowded():
    placed = label_layout.spread_labels([9.9] * 30, 1, 0, 10)
    assert min(placed) >= -1e-9 and max(placed) <= 10 + 1e-9 and len(set(placed)) == 30


def test_spread_of_many_random_labels_never_overlaps():
    wished = np.random.default_rng(0).uniform(0, 100, 25)
    placed = label_layout.spread_labels(wished, 3, 0, 100)
    assert min(np.diff(sorted(placed))) >= 3 - 1e-9
    assert list(np.argsort(placed)) == list(np.argsort(wished))


def test_alike_together_finds_hidden_blocks():
    rng = np.random.default_rng(1)
    kind = rng.permutation([0] * 4 + [1] * 4 + [2] * 4)
    matrix = 100 * np.eye(12) + 20 * (kind[:, None] == kind)
    order = label_layout.cluster_order(matrix)
    assert sorted(order) == list(range(12))
    assert (np.diff(kind[order]) != 0).sum() == 2


def test_classes_that_are_confused_become_neighbours():
    rng = np.random.default_rng(0)
    matrix = np.eye(8) * 50
    pairs = [(0, 5), (1, 7), (2, 4), (3, 6)]
    for i, j in pairs:
        matrix[i, j] = matrix[j, i] = rng.integers(5, 20)
    order = label_layout.cluster_order(matrix)
    assert sorted(order) == list(range(8))
    place = np.argsort(order)
    assert all(abs(place[i] - place[j]) == 1 for i, j in pairs)


def test_alike_together_takes_one_class():
    assert label_layout.cluster_order(np.array([[3]])).tolist() == [0]


def test_alike_together_takes_classes_without_images():
    assert sorted(label_layout.cluster_order(np.zeros((5, 5)))) == list(range(5))


def test_hundreds_of_classes_are_ordered_in_seconds():
    begun = time.perf_counter()
    assert len(label_layout.cluster_order(np.eye(300))) == 300
    assert time.perf_counter() - begun < 5


def test_padded_is_never_empty():
    for values in ([], [2.0], [0.0, 0.0], [np.nan]):
        low, high = label_layout.pad_range(values)
        assert low < high


def test_decades_are_round_and_few():
    assert label_layout.log_ticks(1e-6, 1) == [pytest.approx(10.0**e) for e in range(-6, 1)]
    assert label_layout.log_ticks(9, 110) == pytest.approx([10, 20, 50, 100])


def test_percent_axis_writes_the_unit():
    axis = label_layout.percent_axis(0, 1)
    assert axis["ticktext"] == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
    assert len(label_layout.percent_axis(0.801, 0.807)["tickvals"]) <= 6
