"""Every tuning is the picture that its paper draws."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.tunings import find_moving_weights, find_moving_weights_by_epoch, select_moving_weights, tunings

STAGES = 8  # of test_efficientnet: stem, five blocks, conv_head, head


@pytest.fixture(scope="module")
def net():
    return wb.load_net("test_efficientnet", classes=3, pretrained=False, size=32)


def test_head_is_one_lit_row(net):
    grid = wb.lr_grid("head", net, 4)
    assert grid.shape == (STAGES, 4)
    assert (grid[-1] == 1).all() and (grid[:-1] == 0).all()


def test_full_is_a_lit_square(net):
    assert (wb.lr_grid("full", net, 3) == 1).all()


@pytest.mark.parametrize(("k", "lit"), [(0, 1), (1, 2), (3, 4), (100, STAGES)])
def test_last_k_lights_k_rows_and_the_head(net, k, lit):
    grid = wb.lr_grid(wb.tuning("last-k", k=k), net, 2)
    assert grid.sum(axis=0).tolist() == [lit, lit]
    assert (grid[-lit:] == 1).all()


def test_discriminative_rates_fall_by_alpha_per_stage(net):
    grid = wb.lr_grid(wb.tuning("discriminative", decay=0.5), net, 2)
    assert grid[:, 0].tolist() == [0.5 ** (STAGES - 1 - stage) for stage in range(STAGES)]


def test_gradual_is_a_staircase_from_the_head(net):
    grid = wb.lr_grid(wb.tuning("gradual", until=1.0), net, STAGES - 1)
    assert (np.diff((grid > 0).sum(axis=0)) == 1).all(), "one stage more each epoch"
    assert grid[-1].min() == 1 and grid[0].max() == 0
    thawed = (grid > 0).astype(int)
    assert (np.diff(thawed, axis=1) >= 0).all() and (np.diff(thawed, axis=0) >= 0).all()


def test_gradual_moves_everything_after_until(net):
    grid = wb.lr_grid(wb.tuning("gradual", until=0.5), net, 10)
    assert (grid[:, 5:] > 0).all() and (grid[0, :5] == 0).all()


def test_lp_ft_is_a_row_that_becomes_a_square(net):
    grid = wb.lr_grid(wb.tuning("lp-ft", share=0.5, factor=0.1), net, 4)
    assert (grid[:-1, :2] == 0).all() and (grid[-1, :2] == 1).all() and (grid[:, 2:] == 0.1).all()


def test_lp_ft_probes_at_least_one_epoch(net):
    grid = wb.lr_grid(wb.tuning("lp-ft", share=0.0), net, 3)
    assert (grid[:-1, 0] == 0).all() and (grid[:, 1:] > 0).all()


def test_norms_and_biases_leaves_filters(net):
    found = find_moving_weights(net, tunings.create("norms-and-biases"), 0.0).names
    still = {name for name, _ in net.named_parameters()} - found
    assert all(p.ndim == 1 for name, p in net.named_parameters() if name in found and name.startswith("backbone."))
    assert any("bn" in name for name in found) and {"head.weight", "head.bias"} <= found
    assert still and all(dict(net.named_parameters())[name].ndim > 1 for name in still)


def test_norms_and_biases_knows_layer_norm():
    net = wb.load_net("test_vit", classes=3, pretrained=False, size=32)
    found = find_moving_weights(net, tunings.create("norms-and-biases"), 0.0).names
    assert "backbone.blocks.0.norm1.weight" in found and "backbone.blocks.0.attn.qkv.weight" not in found


def test_what_moves_follows_from_the_plan_alone(net):
    marked = copy.deepcopy(net).train().requires_grad_(False)
    for name in ("full", "norms-and-biases", "gradual"):
        made = tunings.create(name)
        assert find_moving_weights_by_epoch(marked, made, 3) == find_moving_weights_by_epoch(net, made, 3)


def test_a_stage_that_a_strategy_never_moves_is_frozen_under_any_tuning(net):
    grid = find_moving_weights_by_epoch(net, tunings.create("full"), 2, frozen=("stem",))
    assert [moving.lr_multipliers for moving in grid] == [(0.0, *[1.0] * (STAGES - 1))] * 2
    assert not set(net.stages[0].tensor_names) & grid[0].names and set(net.stages[1].tensor_names) & grid[0].names
    with pytest.raises(UnknownName, match="did you mean stem"):
        find_moving_weights(net, tunings.create("full"), 0.0, frozen=("stemm",))


def test_a_stage_without_a_weight_that_moves_is_frozen_in_the_picture(net):
    class Heads(tunings["full"]):
        def trains(self, name, parameter):
            return name.startswith("head.")

    assert wb.lr_grid(Heads(), net, 2).tolist() == wb.lr_grid("head", net, 2).tolist()


@pytest.mark.parametrize(
    ("rates", "says"),
    [
        ([1.0] * (STAGES - 1), "one learning-rate multiplier per stage"),
        ([-1.0] * STAGES, "from 0"),
        ([float("nan")] * STAGES, "finite"),
        (["fast"] * STAGES, "number"),
    ],
)
def test_rates_that_are_none_are_refused(net, rates, says):
    with pytest.raises(BadValue, match=says):
        select_moving_weights(net, rates)


def test_a_net_that_was_built_on_is_tuned_as_it_is_now():
    """Stages that somebody looked at before modules were added are not those that are trained."""
    net = wb.load_net("test_efficientnet", classes=3, pretrained=False, size=32)
    before = [stage.n_parameters for stage in net.stages]
    net.backbone.blocks[1].add_module("extra", torch.nn.Linear(4, 4))
    net.head = torch.nn.Sequential(torch.nn.Linear(net.feature_dim, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    after = [stage.n_parameters for stage in net.stages]
    assert after[2] == before[2] + 20 and after[-1] != before[-1]
    found = find_moving_weights(net, tunings.create("full"), 0.0).names
    assert found == {name for name, _ in net.named_parameters()}
    assert {"head.0.weight", "head.2.bias"} <= find_moving_weights(net, tunings.create("head"), 0.0).names
    del net.backbone.blocks[1].extra
    assert [stage.n_parameters for stage in net.stages][2] == before[2]


def test_painted_grid_is_what_was_painted(net):
    rows = {"head": [1.0, 1.0, 1.0, 1.0], "conv_head": [0.0, 0.0, 0.1, 0.1]}
    grid = wb.lr_grid(wb.tuning("grid", rows=rows), net, 4)
    assert grid[-1].tolist() == rows["head"] and grid[-2].tolist() == rows["conv_head"] and not grid[:-2].any()


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 8, 16, 50])
def test_painted_columns_spread_over_any_number_of_epochs(net, epochs):
    row = [0.1 * column for column in range(1, 9)]
    grid = wb.lr_grid(wb.tuning("grid", rows={"head": row}), net, epochs)
    expected = [row[(epoch * 8) // epochs] for epoch in range(epochs)]
    assert np.allclose(grid[-1], expected)


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        ({"hed": [1.0]}, UnknownName, "did you mean head"),
        ({"head": [0.0]}, BadValue, "no stage moves"),
        ({"head": []}, BadValue, "multipliers"),
        ({"head": [-1.0]}, BadValue, "multipliers"),
        ({"head": ["fast"]}, BadValue, "multipliers"),
        ({"head": [float("nan")]}, BadValue, "multipliers"),
        ({}, BadValue, "rows"),
    ],
)
def test_bad_grids_are_refused(net, rows, error, says):
    with pytest.raises(error, match=says):
        tunings.create("grid", rows=rows).apply(net)


def test_table_lists_every_tuning_with_its_paper():
    table = wb.describe_methods("tunings")
    assert {"head", "last-k", "full", "gradual", "discriminative", "lp-ft", "norms-and-biases", "grid"} <= set(
        table.name
    )
    assert table.paper.str.contains("arXiv").all() and table.description.str.len().min() > 20
