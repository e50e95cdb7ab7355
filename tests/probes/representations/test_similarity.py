"""Stages compared: one net, two nets, before and after."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadData, BadValue, UnknownName
from workbench.probes import cka, extract_features_by_stage, similarity


def test_what_was_changed_is_what_moved(tiny, toy):
    before, after = tiny("test_resnet"), tiny("test_resnet", classes=("a", "b"))
    drawn = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in after.backbone.layer3.parameters():
            p.copy_(torch.randn(p.shape, generator=drawn))
    found = similarity(before, after, toy, names=("before", "after"))
    stages = found.frame.set_index("stage")
    assert np.allclose(stages.loc[["stem", "layer1", "layer2"], "similarity"], 1)
    assert (stages.loc[["stem", "layer1", "layer2"], "drift"] == 0).all()
    assert stages.loc["layer3", "similarity"] < 0.95 and stages.loc["layer3", "drift"] > 0.1
    assert found.stages_by_change["stage"][0] in ("layer3", "layer4") and "differs most" in str(found)
    x, y = extract_features_by_stage(before, toy), extract_features_by_stage(after, toy)
    assert found.matrix[1, 3] == pytest.approx(cka(x["layer1"].x, y["layer3"].x))
    assert found.rows[0] == "stem" and found.n_images == len(toy)


def test_one_net_with_itself_and_the_store(tiny, toy):
    net = tiny("test_vit")
    found = similarity(net, images=toy)
    # a class token has read nothing of the image yet when it is embedded: the first stage is constant
    assert np.allclose(np.diag(found.matrix), [0, *[1] * (len(found.rows) - 1)]) and found.constant_stages == (
        "the net: embed",
    )
    assert not len(found.frame) and found.rows == found.columns
    assert "embed" not in similarity(net, net, toy).frame["stage"].tolist()
    stored = similarity(wb.extract_features(net, toy, found.rows), names=("a", "a"))
    assert np.allclose(stored.matrix, found.matrix, atol=1e-6) and "stages" in str(stored)


def test_two_nets_of_other_shapes_over_the_images_that_both_read(tiny, toy):
    one, other = tiny("test_resnet"), tiny("test_vit", size=48, classes=("a", "b"))
    a = wb.extract_features(one, toy, ["layer2", None])
    b = wb.extract_features(other, toy.subset(rows=range(40, 10, -1)), ["blocks.0"])
    found = similarity(a, b, method="cka")
    assert found.matrix.shape == (2, 1) and found.n_images == 30
    rows = [toy.frame["id"].tolist().index(i) for i in b["blocks.0"].ids]
    assert found.matrix[0, 0] == pytest.approx(cka(a["layer2"].array[rows], b["blocks.0"].array))
    assert not len(found.frame)


@pytest.mark.parametrize("method", ["svcca", "pwcca"])
def test_other_measures(method):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 5))
    found = similarity(
        {"a": x, "b": x[:, :2]}, {"a": x @ rng.normal(size=(5, 5)), "b": rng.normal(size=(200, 2))}, method=method
    )
    assert found.matrix[0, 0] == pytest.approx(1, abs=0.05) and found.matrix[1, 1] < 0.3


def test_constant_stages_are_named():
    x = np.random.default_rng(0).normal(size=(20, 5))
    found = similarity({"a": x, "dead": np.ones((20, 3))}, {"a": x, "dead": np.zeros((20, 3))}, names=("old", "new"))
    assert found.constant_stages == ("old: dead", "new: dead")
    assert np.isfinite(found.matrix).all() and np.isfinite(found.frame["drift"]).all()
    assert found.matrix[1].tolist() == [0, 0] and found.frame["stage"].tolist() == ["a"]
    collapsed = similarity({"a": x}, {"a": np.ones((20, 5))})
    assert collapsed.frame["similarity"].tolist() == [0.0] and np.isfinite(collapsed.frame["drift"]).all()


def test_refusals(tiny, toy):
    net, x = tiny("test_resnet"), np.ones((20, 3))
    with pytest.raises(UnknownName, match="did you mean cka"):
        similarity(x, x, method="ckka")
    with pytest.raises(UnknownName, match="did you mean layer"):
        similarity(net, net, toy, stages=["layer9"])
    with pytest.raises(BadValue, match="a net, which needs images"):
        similarity(net, net)
    with pytest.raises(BadData, match="at least 4 are needed"):
        similarity(net, net, toy.subset(rows=[0]))
    with pytest.raises(BadValue, match=r"\[19, 20\] rows"):
        similarity({"a": x}, {"a": x[1:]})
    with pytest.raises(BadData, match="the first's a features of 1 of 20"):
        similarity({"a": np.where(np.eye(20, 3) > 0, [np.nan, 1, 1], x)}, {"a": x})
    with pytest.raises(BadValue, match="no stage"):
        similarity({})
    with pytest.raises(BadData, match="no image in common"):
        similarity(*(wb.extract_features(net, toy.subset(rows=rows), [None]) for rows in (range(5), range(5, 10))))
