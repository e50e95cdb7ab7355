"""Predictions over images: right rows, modes put back, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadData, BadValue
from workbench.evaluation import predict_logits, to_probabilities


def test_it_agrees_with_a_plain_loop(toy, tiny):
    net = tiny()
    result = wb.evaluate(net, toy, split="train")
    part = toy.subset("train")
    pixels = torch.from_numpy(np.stack([part.pixels(row, 32) for row in range(len(part))])).permute(0, 3, 1, 2)
    view = part.view(32, net.preprocessing.interpolation, net.preprocessing.crop_pct)
    assert view.stored_size >= 32 and len(pixels) == len(result.ids)
    assert result.ids.tolist() == part.frame["id"].tolist()
    assert (result.labels == part.labels()).all()
    assert np.allclose(result.probabilities.sum(1), 1)


def test_modes_are_put_back_even_after_an_error(toy, tiny):
    net = tiny().train()
    net.backbone.bn1.eval()
    modes = [module.training for module in net.modules()]
    predict_logits(net, toy)
    assert [module.training for module in net.modules()] == modes

    def broken(net, x):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        predict_logits(net, toy, predict=broken)
    assert [module.training for module in net.modules()] == modes


def test_probabilities_by_kind():
    logits = np.array([[0.0, np.log(3.0), 0.0, 0.0]])
    assert np.allclose(to_probabilities(logits[:, :2], "classes", [2]), [[0.25, 0.75]])
    assert np.allclose(to_probabilities(logits[:, :2], "tags", [2]), [[0.5, 0.75]])
    assert np.allclose(to_probabilities(logits, "tasks", [2, 2]), [[0.25, 0.75, 0.5, 0.5]])


def test_large_logits_do_not_overflow():
    assert np.allclose(to_probabilities(np.array([[1000.0, 0.0]]), "classes", [2]), [[1.0, 0.0]])


def test_refusals(toy, tiny):
    with pytest.raises(BadValue, match="for a new head"):
        wb.evaluate(tiny(classes=("a", "b")), toy)
    with pytest.raises(BadValue, match="have different classes"):
        wb.evaluate(tiny(classes=("left", "centre", "right")), toy)
    with pytest.raises(BadData, match="test"):
        wb.evaluate(tiny(), toy, split="test")


@pytest.fixture
def judged(toy, tiny):
    """A net, and its evaluation on the toy images."""
    net = tiny()
    return net, wb.evaluate(net, toy, split=None)


def test_images_that_lack_a_class_are_judged(toy, judged, toy_arrays):
    net, whole = judged
    x, y = toy_arrays()
    few = y != "middle"
    for options in ({}, {"classes": net.classes}, {"classes": ["right", "left"]}):
        result = wb.evaluate(net, wb.load_images((x[few], y[few]), **options), split=None)
        assert result.classes == ("left", "middle", "right") and result.absent_classes == ("middle",)
        assert np.array([result.classes[k] for k in result.labels]).tolist() == y[few].tolist()
        assert np.allclose(result.probabilities, whole.probabilities[few], atol=1e-6)
        table = result.per_class.set_index("class")
        assert table["n"].to_dict() == {"left": 32, "middle": 0, "right": 32}
        assert table.loc["middle", ["recall", "f1"]].isna().all() and "middle without images" in repr(result)
        assert result.confusion.shape == (3, 3) and result.confusion.sum() == 64


def test_classes_in_another_order_are_the_same_classes(toy_arrays, judged):
    net, whole = judged
    result = wb.evaluate(net, wb.load_images(toy_arrays(), classes=["right", "left", "middle"]), split=None)
    assert result.accuracy == whole.accuracy and (result.confusion == whole.confusion).all()


def test_a_single_class_of_the_nets_is_judged(toy_arrays, judged):
    net, whole = judged
    x, y = toy_arrays()
    result = wb.evaluate(net, wb.load_images((x[y == "left"], y[y == "left"]), classes=net.classes), split=None)
    assert result.absent_classes == ("middle", "right")
    assert result.accuracy == pytest.approx(whole.per_class.set_index("class")["recall"]["left"])


def test_tags_are_judged_by_name(toy_arrays, tiny):
    x, _ = toy_arrays()
    net = tiny(classes=("c", "a", "b"))
    values = np.stack([np.arange(96) % 2, np.arange(96) % 3 == 0], 1)
    result = wb.evaluate(net, wb.load_images((x, values), classes=["a", "c"], kind="tags"), split=None)
    assert result.classes == ("c", "a") and (result.labels == values[:, ::-1]).all()
    whole = wb.evaluate(net, wb.load_images((x, values), classes=["a", "c"]).subset(), split=None)
    assert np.allclose(whole.probabilities, result.probabilities)


def test_tasks_are_judged_by_name(toy_arrays, tiny):
    x, y = toy_arrays()
    net = tiny(classes=("v: 0", "v: 1", "u: left", "u: middle", "u: right"))
    few = y != "left"
    images = wb.load_images((x[few], {"u": y[few], "v": np.arange(64) // 2 % 2}), kind="tasks")
    result = wb.evaluate(net, images, split=None)
    assert result.classes == ("u: left", "u: middle", "u: right", "v: 0", "v: 1") and result.absent_classes == (
        "u: left",
    )
    assert result.tasks == (("u", 3), ("v", 2)) and (result.labels == images.labels() + np.array([1, 0])).all()
    with pytest.raises(BadValue, match="the net has no class 'w: 0'"):
        wb.evaluate(net, wb.load_images((x[few], {"u": y[few], "w": np.arange(64) // 2 % 2}), kind="tasks"), split=None)
