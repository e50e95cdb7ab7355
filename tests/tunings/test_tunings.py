"""Every tuning is the picture that its paper draws."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.tunings import tunings

STAGES = 8  # of test_efficientnet: stem, five blocks, conv_head, head


@pytest.fixture(scope="module")
def net():
    return wb.load("test_efficientnet", classes=3, pretrained=False, size=32)


def test_head_is_one_lit_row(net):
    grid = wb.grid("head", net, 4)
    assert grid.shape == (STAGES, 4)
    assert (grid[-1] == 1).all() and (grid[:-1] == 0).all()


def test_full_is_a_lit_square(net):
    assert (wb.grid("full", net, 3) == 1).all()


@pytest.mark.parametrize(("k", "lit"), [(0, 1), (1, 2), (3, 4), (100, STAGES)])
def test_last_k_lights_k_rows_and_the_head(net, k, lit):
    grid = wb.grid(wb.tuning("last-k", k=k), net, 2)
    assert grid.sum(axis=0).tolist() == [lit, lit]
    assert (grid[-lit:] == 1).all()


def test_discriminative_rates_fall_by_alpha_per_stage(net):
    grid = wb.grid(wb.tuning("discriminative", decay=0.5), net, 2)
    assert grid[:, 0].tolist() == [0.5 ** (STAGES - 1 - stage) for stage in range(STAGES)]


def test_gradual_is_a_staircase_from_the_head(net):
    grid = wb.grid(wb.tuning("gradual", until=1.0), net, STAGES - 1)
    assert (np.diff((grid > 0).sum(axis=0)) == 1).all(), "one stage more each epoch"
    assert grid[-1].min() == 1 and grid[0].max() == 0
    thawed = (grid > 0).astype(int)
    assert (np.diff(thawed, axis=1) >= 0).all() and (np.diff(thawed, axis=0) >= 0).all()


def test_gradual_moves_everything_after_until(net):
    grid = wb.grid(wb.tuning("gradual", until=0.5), net, 10)
    assert (grid[:, 5:] > 0).all() and (grid[0, :5] == 0).all()


def test_lp_ft_is_a_row_that_becomes_a_square(net):
    grid = wb.grid(wb.tuning("lp-ft", share=0.5, factor=0.1), net, 4)
    assert (grid[:-1, :2] == 0).all() and (grid[-1, :2] == 1).all() and (grid[:, 2:] == 0.1).all()


def test_lp_ft_probes_at_least_one_epoch(net):
    grid = wb.grid(wb.tuning("lp-ft", share=0.0), net, 3)
    assert (grid[:-1, 0] == 0).all() and (grid[:, 1:] > 0).all()


def test_norms_and_biases_leaves_filters(net):
    wb_net = wb.load("test_efficientnet", classes=3, pretrained=False, size=32)
    tunings.make("norms-and-biases").apply(wb_net)
    moving = {name for name, p in wb_net.named_parameters() if p.requires_grad}
    still = {name for name, p in wb_net.named_parameters() if not p.requires_grad}
    assert all(p.ndim == 1 for n, p in wb_net.backbone.named_parameters() if f"backbone.{n}" in moving)
    assert any("bn" in name for name in moving) and {"head.weight", "head.bias"} <= moving
    assert still and all(dict(wb_net.named_parameters())[name].ndim > 1 for name in still)


def test_norms_and_biases_knows_layer_norm():
    net = wb.load("test_vit", classes=3, pretrained=False, size=32)
    tunings.make("norms-and-biases").apply(net)
    moving = {name for name, p in net.named_parameters() if p.requires_grad}
    assert "backbone.blocks.0.norm1.weight" in moving and "backbone.blocks.0.attn.qkv.weight" not in moving


def test_painted_grid_is_what_was_painted(net):
    rows = {"head": [1.0, 1.0, 1.0, 1.0], "conv_head": [0.0, 0.0, 0.1, 0.1]}
    grid = wb.grid(wb.tuning("grid", rows=rows), net, 4)
    assert grid[-1].tolist() == rows["head"] and grid[-2].tolist() == rows["conv_head"] and not grid[:-2].any()


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 8, 16, 50])
def test_painted_columns_spread_over_any_number_of_epochs(net, epochs):
    row = [0.1 * column for column in range(1, 9)]
    grid = wb.grid(wb.tuning("grid", rows={"head": row}), net, epochs)
    expected = [row[(epoch * 8) // epochs] for epoch in range(epochs)]
    assert np.allclose(grid[-1], expected)


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        ({"hed": [1.0]}, UnknownName, "did you mean head"),
        ({"head": [0.0]}, BadValue, "nothing moves"),
        ({"head": []}, BadValue, "multipliers"),
        ({"head": [-1.0]}, BadValue, "multipliers"),
        ({"head": ["fast"]}, BadValue, "multipliers"),
        ({"head": [float("nan")]}, BadValue, "multipliers"),
        ({}, BadValue, "rows"),
    ],
)
def test_bad_grids_are_refused(net, rows, error, says):
    with pytest.raises(error, match=says):
        tunings.make("grid", rows=rows).apply(net)


def test_table_lists_every_tuning_with_its_paper():
    table = wb.tunings()
    assert {"head", "last-k", "full", "gradual", "discriminative", "lp-ft", "norms-and-biases", "grid"} <= set(
        table.name
    )
    assert table.source.str.contains("arXiv").all() and table.what.str.len().min() > 20
