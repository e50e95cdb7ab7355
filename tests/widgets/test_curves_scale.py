"""Geometry of the live curves, run in node."""

from __future__ import annotations

import itertools
import json

import pytest

from workbench.widgets.base import STATIC


@pytest.fixture
def js(run_node):
    """A function that gives what an expression is in node, where `m` is the module."""

    def value_of(expression: str):
        script = f"import * as m from {json.dumps((STATIC / 'curves_scale.mjs').as_uri())}; "
        done = run_node("--input-type=module", "-e", f"{script}console.log(JSON.stringify({expression}))")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return value_of


def test_a_line_keeps_its_beginning_and_takes_the_rest(js):
    assert js("m.grow({x: [1, 2, 3], y: [4, 5, 6]}, {at: 2, x: [9], y: [8]})") == {"x": [1, 2, 9], "y": [4, 5, 8]}
    assert js("m.grow(undefined, {at: 0, x: [1], y: [2]})") == {"x": [1], "y": [2]}


@pytest.mark.parametrize(
    ("low", "high", "wanted"), [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 5, [0, 1, 2, 3, 4, 5]), (0.93, 0.97, None)]
)
def test_ticks_are_round_and_inside(js, low, high, wanted):
    found = js(f"m.ticks({low}, {high}, 5)")
    assert 3 <= len(found) <= 7
    assert low <= found[0] <= found[-1] <= high
    if wanted:
        assert found == wanted


@pytest.mark.parametrize("heights", [[50, 50, 50], [0, 1, 2], [99, 100, 98], [10, 60, 30]])
def test_labels_keep_apart_in_order_and_inside(js, heights):
    placed = js(f"m.apart({heights}, 18, 0, 100)")
    assert all(0 <= h <= 100 for h in placed)
    ordered = [placed[i] for i in sorted(range(3), key=lambda i: heights[i])]
    assert all(b - a >= 18 - 1e-9 for a, b in itertools.pairwise(ordered))


def test_a_wild_loss_does_not_squeeze_the_rest(js):
    _, high = js("m.extent([{y: [...Array(99).fill(1), 1000]}], 'loss')")
    assert high < 2
    assert js("m.extent([{y: [0.5, 0.99]}], 'accuracy')")[1] <= 1


def test_the_nearest_point_is_found(js):
    assert [js(f"m.nearest([0, 1, 2, 5], {at})") for at in (-1, 0.4, 0.6, 4, 9)] == [0, 0, 1, 3, 3]
