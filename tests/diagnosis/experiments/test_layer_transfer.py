"""Layer transfer: transplanted stages, frozen stages, and the curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import workbench as wb
from workbench.diagnosis.experiments.layer_transfer import (
    FRESH_SEED_OFFSET,
    LayerTransfer,
    _TransferExperiment,
    layer_transfer_curve,
)
from workbench.errors import BadValue, UnknownName

TINY = {"name": "test_resnet", "params": {"size": 32}}
QUICK = {"epochs": 1, "batch_size": 32, "augment": "none", "lr": 3e-3}


@pytest.fixture(name="tasks")
def tasks_fixture(toy_arrays):
    """Task A has other images and classes than task B."""
    x, y = toy_arrays(64, k=4, seed=1)
    return wb.load_images((x, y)), wb.load_images(toy_arrays(96))


@pytest.fixture(name="study")
def study_fixture(tasks):
    return _TransferExperiment(TINY, *tasks, QUICK)


def test_the_first_stages_come_from_the_donor_and_stay_when_frozen(study, tasks):
    donor = study.train_base(tasks[0], 0)
    kept = {stage.name: donor.state_dict() for stage in donor.stages}
    for frozen in (True, False):
        net = study.train_transplant(donor, 2, 0, frozen)
        state, fresh = net.state_dict(), study._open_fresh_net(FRESH_SEED_OFFSET).state_dict()
        same = {
            stage.name: all(torch.equal(state[n], kept[stage.name][n]) for n in stage.tensor_names if n in state)
            for stage in net.stages[:2]
        }
        assert all(same.values()) if frozen else not any(same.values())
        # above it everything was grown anew, and has learnt since
        above = [n for stage in net.stages[2:-1] for n in stage.tensor_names if "conv" in n and n in state]
        assert above and not any(torch.equal(state[n], donor.state_dict()[n]) for n in above)
        assert not any(torch.equal(state[n], fresh[n]) for n in above)
        assert tuple(net.classes or ()) == ("left", "middle", "right")


def test_what_is_grown_anew_is_not_what_the_donor_began_with(study):
    ours, theirs = study._open_fresh_net(FRESH_SEED_OFFSET).state_dict(), study._open_fresh_net(0).state_dict()
    assert not torch.equal(ours["backbone.layer4.0.conv1.weight"], theirs["backbone.layer4.0.conv1.weight"])


def test_a_whole_study(tasks):
    result = layer_transfer_curve(TINY, *tasks, depths=[5], progress=False, names=("corners", "sides"), **QUICK)
    assert len(result.frame) == 1 + 4 and result.stages == ("stem", "layer1", "layer2", "layer3", "layer4")
    assert list(result.table.columns) == ["B", "AnB", "AnB+", "BnB", "BnB+"] and list(result.table.index) == [0, 5]
    assert result.frame["accuracy"].between(0, 1).all() and result.n_images == len(tasks[1].subset("valid"))
    assert set(result.frame["stage"]) == {"", "layer4"}
    assert str(result).startswith("sides: ")
    assert wb.figures.layer_transfer_curves(result).to_svg()


def test_it_is_seeded_and_repeats(tasks):
    ask = {"depths": [3], "kinds": ["BnB"], "progress": False, **QUICK}
    twice, once = (layer_transfer_curve(TINY, *tasks, seeds=seeds, **ask).frame for seeds in (2, 1))
    assert sorted(twice["seed"]) == [0, 0, 1, 1] and set(twice["kind"]) == {"B", "BnB"}
    assert once.equals(twice[twice["seed"] == 0].reset_index(drop=True))


def known(base, **curves):
    rows = [(0, "", "B", 0, base)]
    rows += [(n + 1, f"s{n + 1}", kind, 0, y) for kind, ys in curves.items() for n, y in enumerate(ys)]
    frame = pd.DataFrame(rows, columns=["n", "stage", "kind", "seed", "accuracy"])
    return LayerTransfer(frame, ("s1", "s2", "s3"), ("A", "B"), 400)


def test_the_marks_by_hand():
    marks = known(0.8, BnB=(0.79, 0.6, 0.8), AnB=(0.78, 0.55, 0.3)).greatest_losses.set_index("name")
    assert marks.loc["dip", ["n", "stage", "kind"]].tolist() == [2, "s2", "BnB"]
    assert marks.loc["dip", "points"] == pytest.approx(20) and marks.loc["dip", "clear"]
    assert marks.loc["drop", ["n", "stage", "kind"]].tolist() == [3, "s3", "AnB"]
    assert (marks.loc["drop", "high"], marks.loc["drop", "low"]) == (0.8, 0.3)


def test_a_loss_within_chance_is_not_clear():
    # 400 images: the standard error of a difference about 0.8 is 2.8 points
    result = known(0.8, BnB=(0.76, 0.8, 0.8), AnB=(0.66, 0.8, 0.8))
    marks = result.greatest_losses.set_index("name")
    assert not marks.loc["dip", "clear"] and marks.loc["drop", "clear"]
    near = 0.8 - 1.96 * np.sqrt(2 * 0.8 * 0.2 / 400) + 0.003
    assert not known(0.8, BnB=(near, 0.8, 0.8)).greatest_losses["clear"].any()
    assert "no significant accuracy" in str(result) and "cost up to 10 points, at s1" in str(result)


def test_only_what_was_measured_is_marked():
    assert known(0.8, AnB=(0.7, 0.7, 0.7)).greatest_losses.empty
    assert known(0.8, BnB=(0.7, 0.7, 0.7)).greatest_losses["name"].tolist() == ["dip"]


@pytest.mark.parametrize(
    ("asked", "kind", "match"),
    [
        ({"depths": [0]}, BadValue, "from 1 to 5"),
        ({"depths": [6]}, BadValue, "from 1 to 5"),
        ({"depths": []}, BadValue, "from 1 to 5"),
        ({"kinds": ["AnC"]}, UnknownName, "did you mean AnB"),
        ({"kinds": "AnB"}, BadValue, "a list"),
        ({"kinds": []}, BadValue, "a list"),
        ({"seeds": 0}, BadValue, "between 1 and 1000"),
        ({"epoch": 3}, UnknownName, "did you mean epochs"),
    ],
)
def test_refusals_come_before_the_first_step(tasks, monkeypatch, asked, kind, match):
    monkeypatch.setattr(_TransferExperiment, "_train_plan", lambda *_: pytest.fail("trained"))
    with pytest.raises(kind, match=match):
        layer_transfer_curve(TINY, *tasks, progress=False, **{**QUICK, **asked})


def test_images_without_validation_are_refused(tasks, toy_arrays):
    with pytest.raises(BadValue, match="no validation images"):
        layer_transfer_curve(TINY, tasks[0], wb.load_images(toy_arrays(96), valid=0.0), progress=False, **QUICK)
