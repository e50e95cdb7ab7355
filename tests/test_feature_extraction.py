"""Features through the activation cache: right, and computed once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.data.pixels.augmentation import center_crop
from workbench.errors import BadData, UnknownName


def by_hand(net, images):
    pre = net.preprocessing
    x, _ = images.view(32, pre.interpolation, pre.crop_pct).load_batch(np.arange(len(images)))
    with torch.no_grad():
        return net.features(center_crop(x, 32).float() / 255).numpy()


def counted(net):
    seen = []
    net.backbone.register_forward_hook(lambda _, args, __: seen.append(len(args[0])))
    return seen


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_they_are_the_nets_own(tiny, toy, name):
    net = tiny(name)
    found = wb.extract_features(net, toy)
    assert found.array.shape == (len(toy), net.feature_dim) and found.array.dtype == np.float32
    np.testing.assert_allclose(found.array, by_hand(net, toy), atol=1e-5)
    assert found.ids.tolist() == toy.frame["id"].tolist() and (found.labels == toy.labels()).all()


@pytest.mark.parametrize("layer", [None, "layer2"])
def test_the_second_question_costs_no_forward_pass(tiny, toy, layer):
    net = tiny("test_resnet")
    part, whole = wb.extract_features(net, toy, layer, split="valid"), wb.extract_features(net, toy, layer)
    places = [whole.ids.tolist().index(name) for name in part.ids]
    np.testing.assert_allclose(whole.array[places], part.array, atol=1e-6)
    again = tiny("test_resnet")
    seen = counted(again)
    other = wb.extract_features(again, toy, layer)
    assert (other.array == whole.array).all() and sum(seen) <= 30, "a trial of the cut and nothing else"
    with torch.no_grad():
        next(again.parameters()).mul_(2)
    assert np.abs(wb.extract_features(again, toy, layer).array - whole.array).max() > 1e-3


def test_several_stages_cost_one_pass(tiny, toy):
    net = tiny("test_resnet")
    seen = counted(net)
    found = wb.extract_features(net, toy.subset(rows=range(60)), net.stages[:-1])
    assert list(found) == [stage.name for stage in net.stages[:-1]] and sum(seen) <= 60 + 4, "and a look at the shapes"
    for name in ("stem", "layer2"):
        alone = wb.extract_features(tiny("test_resnet"), toy, name)
        np.testing.assert_allclose(alone.array[:60], found[name].array, atol=1e-6)
    both = wb.extract_features(net, toy.subset(rows=range(60)), ["layer2", None])
    assert list(both) == ["layer2", "features"] and both["layer2"].layer == "layer2"
    assert (both["layer2"].array == found["layer2"].array).all()


def test_a_training_and_a_question_share_the_store(tiny_plan, toy):
    from workbench.runs.build import open_training

    training = open_training(tiny_plan(toy, name="test_resnet", tuning="head", epochs=1, batch_size=12))
    list(training)
    seen = counted(training.net)
    wb.extract_features(training.net, toy.subset("train"))
    assert sum(seen) <= 30
    held = wb.activation_cache()
    assert len(held.frame) == 1 and "1 entry" in held.summary and "test_resnet" in str(held)
    assert held.frame["rows"][0] == len(toy.subset("train")) + len(toy.subset("valid"))
    assert any(f.subject == "store" and "1 entry" in f.value for f in wb.system_info().entries)
    assert held.clear() == 1 and not len(wb.activation_cache().frame)


def test_what_cannot_be_asked(tiny, toy):
    net = tiny("test_resnet")
    with pytest.raises(UnknownName, match="layer4"):
        wb.extract_features(net, toy, "layer44")
    with pytest.raises(BadData, match="no such images"):
        wb.extract_features(net, toy.subset(rows=[]) if len(toy.subset("test")) else toy, split="test", domain=None)


def test_without_room_features_are_computed(tiny, toy, monkeypatch):
    net = tiny("test_resnet")
    monkeypatch.setenv("WORKBENCH_STORE_GB", "0")
    monkeypatch.setattr("workbench.data.pixels.cache_limits.DISK_FRACTION", 0.0)
    for layer in (None, "layer2"):
        assert len(wb.extract_features(net, toy, layer)) == len(toy)
    assert not len(wb.activation_cache().frame)
