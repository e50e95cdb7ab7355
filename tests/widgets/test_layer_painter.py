"""The layer painter at the level of its traits; the page's part is driven in the browser test."""

from __future__ import annotations

import numpy as np
import pytest
import traitlets

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.formatting import format_count
from workbench.widgets.layer_painter import MAX_COLUMNS, LayerPainter


@pytest.fixture(scope="module")
def net():
    return wb.load_net("test_resnet", classes=3, pretrained=False)


@pytest.fixture
def painter(net):
    made = LayerPainter(net, epochs=4, images=100)
    yield made
    made._estimate_task.wait(30)


def say(painter, **message):
    """As the page does."""
    painter._handle_custom_msg(message, [])


def stroke(painter, stage, columns, rate):
    """A stroke as the page saves it at its end."""
    rows = [list(row) for row in painter.rates]
    for column in columns:
        rows[stage][column] = rate
    painter.set_state({"rates": rows})


def test_unpainted_the_product_is_the_presets_own_choice(painter, net):
    assert painter.tuning == wb.tuning("head")
    assert painter.rates == [[0.0] * 4] * (len(net.stages) - 1) + [[1.0] * 4]
    assert painter.lr is None
    assert painter.own_lr == 1e-2
    assert [stage["name"] for stage in painter.stages] == [stage.name for stage in net.stages]


def test_a_stroke_makes_a_grid_that_trains_as_it_looks(painter, net):
    stroke(painter, -2, [2, 3], 0.1)
    name = net.stages[-2].name
    assert painter.tuning == wb.tuning("grid", rows={name: [0.0, 0.0, 0.1, 0.1], "head": [1.0]})
    assert painter.preset == "grid"
    np.testing.assert_allclose(painter.grid, painter.rates)
    np.testing.assert_allclose(painter.grid, wb.lr_grid(painter.tuning, net, 4))


def test_painting_over_a_preset_keeps_the_learning_rate_that_was_shown(painter):
    stroke(painter, -2, [0], 1.0)
    assert painter.lr == 1e-2
    say(painter, do="preset", name="full")
    assert painter.lr is None


def test_a_rate_given_by_hand_outlives_presets(painter):
    say(painter, do="lr", value="3e-4")
    stroke(painter, -2, [0], 1.0)
    say(painter, do="preset", name="full")
    assert painter.lr == 3e-4


def test_undo_takes_back_strokes_and_presets_one_by_one(painter):
    say(painter, do="preset", name="gradual", params={"until": 0.5})
    gradual = [list(row) for row in painter.rates]
    stroke(painter, 0, [0], 3.0)
    stroke(painter, 0, [1], 3.0)
    assert painter.undoable == 3
    say(painter, do="undo")
    assert painter.tuning.params["rows"]["stem"][:2] == [3.0, gradual[0][1]]
    say(painter, do="undo")
    assert painter.tuning == wb.tuning("gradual", until=0.5)
    assert painter.rates == gradual
    assert painter.lr is None
    say(painter, do="undo")
    say(painter, do="undo")
    assert painter.tuning == wb.tuning("head")
    assert painter.undoable == 0


def test_every_tuning_is_a_preset_with_its_form(painter):
    by_name = {preset["name"]: preset for preset in painter.presets}
    assert list(by_name) == list(wb.list_tunings())
    (decay,) = by_name["discriminative"]["fields"]
    assert (decay["name"], decay["type"], decay["default"], decay["low"], decay["high"]) == (
        "decay",
        "float",
        0.7,
        0.01,
        1.0,
    )


@pytest.mark.parametrize("name", [name for name in wb.list_tunings() if name != "grid"])
def test_every_preset_shows_its_own_grid(painter, net, name):
    say(painter, do="preset", name=name)
    assert painter.error == ""
    assert painter.tuning == wb.tuning(name)
    np.testing.assert_allclose(painter.rates, wb.lr_grid(name, net, 4))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"do": "lr", "value": "abc"}, "a number"),
        ({"do": "lr", "value": -1}, "between"),
        ({"do": "epochs", "value": 0}, "between"),
        ({"do": "epochs", "value": 2.5}, "whole number"),
        ({"do": "preset", "name": "no-such"}, "no tuning"),
        ({"do": "preset", "name": "gradual", "params": {"until": 7}}, "between"),
    ],
)
def test_what_the_page_may_not_ask_is_refused_in_a_sentence_and_changes_nothing(painter, message, reason):
    before = painter.tuning, painter.epochs, painter.lr, painter.undoable
    say(painter, **message)
    assert reason in painter.error
    assert (painter.tuning, painter.epochs, painter.lr, painter.undoable) == before


@pytest.mark.parametrize("rates", [[[1.0]], [[1.0] * 3] * 99, "no grid", [[-1.0] * 4]])
def test_a_grid_of_another_shape_is_refused_and_the_picture_stays(painter, net, rates):
    before = painter.rates
    if rates == [[-1.0] * 4]:
        rates = rates * len(net.stages)
    try:
        painter.set_state({"rates": rates})
    except traitlets.TraitError:
        pass  # no list at all
    else:
        assert painter.error
    assert painter.rates == before
    assert painter.tuning == wb.tuning("head")


def test_python_sets_the_same_traits_and_is_told_at_once_what_is_wrong(painter, net):
    painter.tuning = wb.tuning("last-k", k=2)
    assert painter.params == {"k": 2}
    painter.epochs = 6
    assert painter.grid.shape == (len(net.stages), 6)
    assert len(painter.rates[0]) == 6
    with pytest.raises((BadValue, traitlets.TraitError)):
        painter.lr = -1.0
    with pytest.raises(UnknownName):
        LayerPainter(net, tuning="no-such")


def test_a_painted_picture_stretches_with_the_epochs(painter):
    stroke(painter, -2, [2, 3], 0.1)
    painter.epochs = 8
    assert painter.rates[-2] == [0.0] * 4 + [0.1] * 4


@pytest.mark.parametrize(("epochs", "columns"), [(1, 1), (40, 40), (41, 21), (60, 30), (97, 33), (10_000, 40)])
def test_a_long_run_has_a_picture_that_can_be_painted(painter, epochs, columns):
    painter.epochs = epochs
    assert len(painter.rates[0]) == columns <= MAX_COLUMNS
    stroke(painter, -2, [columns - 1], 0.1)
    assert painter.grid.shape[1] == epochs
    assert painter.grid[-2][-1] == 0.1


def test_costs_say_what_moves_in_each_phase(painter, net):
    stroke(painter, -2, [2, 3], 0.1)
    painter._estimate_task.wait(60)
    head, upper = net.stages[-1].n_parameters, net.stages[-2].n_parameters
    assert painter.costs["epochs"] == [(1, 2), (3, 4)]
    assert painter.costs["weights"] == [format_count(head), format_count(head + upper)]
    assert painter.costs["memory"]
    assert "per epoch" in painter.costs["time"]
    assert painter.costs["warning"] == ""


def test_a_grid_that_moves_nothing_says_so(painter, net):
    stroke(painter, -1, range(4), 0.0)
    painter._estimate_task.wait(60)
    assert painter.costs["warning"].startswith("All stages are frozen")


def test_norms_and_biases_count_only_what_moves_and_leave_the_net_alone(painter, net):
    flags = [parameter.requires_grad for parameter in net.parameters()]
    say(painter, do="preset", name="norms-and-biases")
    painter._estimate_task.wait(60)
    total = sum(stage.n_parameters for stage in net.stages)
    assert painter.costs["weights"] != [format_count(total)]
    assert [parameter.requires_grad for parameter in net.parameters()] == flags


def test_a_name_is_read_on_a_thread_without_pretrained_weights():
    painter = LayerPainter("test_resnet", tuning="full")
    assert painter.net.choice.params.get("pretrained") is False
    assert painter.stages[-1]["name"] == "head"
    painter._estimate_task.wait(60)


def test_a_name_that_nothing_bears_is_said_in_the_widget():
    painter = LayerPainter("no_such_backbone_anywhere")
    with pytest.raises(BadValue, match="no_such_backbone_anywhere"):
        _ = painter.net
    assert "no_such_backbone_anywhere" in painter.error


def test_another_net_keeps_the_preset_and_drops_a_picture_of_other_stages(painter, net):
    other = wb.load_net("test_vit", classes=3, pretrained=False)
    painter.tuning = wb.tuning("full")
    painter.show_net(other)
    assert painter.tuning == wb.tuning("full")
    stroke(painter, 0, [0], 0.1)
    painter.show_net(net)
    assert painter.tuning == wb.tuning("head")


def test_the_plain_figure_shows_the_grid(painter):
    assert painter.figure().layout.title.text
