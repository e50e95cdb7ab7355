"""One call for every saliency method: images, arrays, targets, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadData, BadValue, UnknownName


@pytest.fixture(scope="module")
def net():
    return wb.load_net("test_resnet", classes=["left", "<b>middle</b>", "right 🐈"], pretrained=False, size=32)


def test_images_arrays_and_tensors_say_the_same(net, toy):
    part = toy.subset(rows=range(4))
    shown = wb.probes.grad_cam(net, part)
    assert shown.images.shape == (4, 32, 32, 3) and shown.images.dtype == np.uint8
    as_array = wb.probes.grad_cam(net, shown.images)
    as_tensor = wb.probes.grad_cam(net, torch.from_numpy(shown.images).permute(0, 3, 1, 2))
    as_list = wb.probes.grad_cam(net, [picture / 255 for picture in shown.images])
    for other in (as_array, as_tensor, as_list):
        assert np.allclose(other.maps, shown.maps, atol=1e-6)
    assert shown.frame["true"].tolist() == [toy.classes[k] for k in toy.labels()[:4]]
    assert shown.frame["id"].tolist() == part.frame["id"].tolist() and "true" not in as_array.frame


def test_one_image_and_many_batches(net):
    x = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    many, one = wb.probes.grad_cam(net, x), wb.probes.grad_cam(net, x[39])
    assert len(many) == 40 and len(one) == 1
    assert np.allclose(many.maps[39], one.maps[0], atol=1e-6)


def test_targets_by_name_number_and_one_a_picture(net):
    x = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    named = wb.probes.grad_cam(net, x, target="right 🐈")
    assert named.target.tolist() == [2, 2, 2] and set(named.frame["target"]) == {"right 🐈"}
    mixed = wb.probes.grad_cam(net, x, target=["right 🐈", 0, "<b>middle</b>"])
    assert mixed.target.tolist() == [2, 0, 1]
    assert np.array_equal(mixed.maps[0], named.maps[0]) and not np.array_equal(mixed.maps[1], named.maps[1])
    own = wb.probes.grad_cam(net, x)
    with torch.no_grad():
        said = net(x).softmax(1)
    assert own.target.tolist() == said.argmax(1).tolist()
    assert own.frame["probability"].to_numpy() == pytest.approx(said.amax(1).numpy(), abs=1e-6)


def test_an_image_of_another_size_is_shown_as_the_net_wants_it(net):
    wide = np.zeros((48, 96, 3), np.uint8)
    wide[:, 24:72] = 200  # the centre square
    shown = wb.probes.grad_cam(net, wide)
    assert shown.images.shape == (1, 32, 32, 3) and (shown.images == 200).all()


def test_a_black_picture_and_a_dead_map_are_no_nan(net):
    shown = wb.probes.saliency(net, np.zeros((32, 32, 3), np.uint8), "layer-cam")
    assert np.isfinite(shown.normalized_maps).all()


@pytest.mark.parametrize(
    ("pixels", "kind", "says"),
    [
        (np.full((1, 32, 32, 3), 128.0), BadValue, "from 0 to 1, before any normalisation"),
        (np.full((1, 32, 32, 3), -2.0), BadValue, "these go from -2"),
        (np.full((1, 32, 32, 3), np.nan), BadData, "NaN"),
        (torch.zeros(2, 1, 32, 32), BadValue, r"\(N, 3, H, W\); got the shape \(2, 1, 32, 32\)"),
        (torch.zeros(2, 3, 32, 32, dtype=torch.int64), BadValue, "uint8 from 0 to 255 or floats"),
        (np.zeros((32, 32)), BadValue, r"arrays \(N, H, W, 3\)"),
        ([], BadData, "at least one image; got none"),
        (torch.zeros(0, 3, 32, 32), BadData, "at least one image; got none"),
        ("photo.jpg", BadValue, "images are an Images, arrays"),
    ],
)
def test_what_is_no_image_is_refused(net, pixels, kind, says):
    with pytest.raises(kind, match=says):
        wb.probes.grad_cam(net, pixels)


@pytest.mark.parametrize(
    ("options", "kind", "says"),
    [
        ({"method": "gradcam"}, UnknownName, "did you mean grad-cam"),
        ({"method": "occlusion", "windw": 3}, UnknownName, "window"),
        ({"method": "occlusion", "steps": 1}, BadValue, "steps"),
        ({"layer": "layer9"}, UnknownName, "did you mean layer"),
        ({"target": 3}, BadValue, "3 classes, numbered 0 to 2; got 3"),
        ({"target": -1}, BadValue, "got -1"),
        ({"target": "rihgt 🐈"}, UnknownName, "did you mean right"),
        ({"target": [0, 1]}, BadValue, "3 images and 2 targets"),
        ({"target": 1.5}, BadValue, "target of saliency wants a whole number, a string, .*; got 1.5"),
    ],
)
def test_what_cannot_be_asked_is_refused(net, options, kind, says):
    with pytest.raises(kind, match=says):
        wb.probes.saliency(net, torch.rand(3, 3, 32, 32), **options)


def test_a_net_without_class_names_wants_numbers():
    net = wb.load_net("test_resnet", classes=3, pretrained=False, size=32)
    with pytest.raises(BadValue, match="name the class 'left' by its number"):
        wb.probes.grad_cam(net, torch.rand(1, 3, 32, 32), target="left")


def test_two_threads_may_look_into_one_net(toy):
    from concurrent.futures import ThreadPoolExecutor

    net = wb.load_net("test_resnet", classes=3, pretrained=False, size=64).train()
    alone = {n: wb.probes.grad_cam(net, toy.subset(rows=range(n)), target=0).maps for n in (3, 5)}
    net._shapes = None  # measured anew, by whichever thread comes first
    with ThreadPoolExecutor(4) as pool:
        asked = [n for _ in range(6) for n in alone]
        found = list(pool.map(lambda n: wb.probes.grad_cam(net, toy.subset(rows=range(n)), target=0).maps, asked))
    for n, maps in zip(asked, found, strict=True):
        assert np.allclose(maps, alone[n], atol=1e-6)
    assert net.training and all(module.training for module in net.modules())


def test_a_net_that_answers_in_other_words_is_not_called_mistaken(tiny, toy):
    words = ("goose", "crane", "heron")
    assert "true" in wb.probes.grad_cam(tiny(), toy.subset(rows=[0, 1])).frame
    assert "true" not in wb.probes.grad_cam(tiny(classes=words), toy.subset(rows=[0, 1])).frame
