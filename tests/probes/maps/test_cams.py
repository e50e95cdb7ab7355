"""Class activation maps against captum and against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from captum.attr import LayerAttribution, LayerGradCam

import workbench as wb


@pytest.fixture(scope="module")
def net():
    return wb.load_net("test_resnet", classes=4, pretrained=False, size=64)


@pytest.fixture(scope="module")
def x():
    return torch.rand(5, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def parts(net, x):
    """What layer3 says and the gradients of class 3 to it, by autograd alone."""
    kept = []
    handle = net.backbone.layer3.register_forward_hook(lambda _m, _i, out: kept.append(out))
    score = net(x)[:, 3].sum()
    handle.remove()
    return kept[0].detach(), torch.autograd.grad(score, kept[0])[0]


def enlarged(small):
    return LayerAttribution.interpolate(small, (64, 64), "bilinear")[:, 0].detach().numpy()


@pytest.mark.parametrize("layer", ["stem", "layer2", "layer3"])
def test_grad_cam_is_captums(net, x, layer):
    module = {"stem": net.backbone.maxpool, "layer2": net.backbone.layer2, "layer3": net.backbone.layer3}[layer]
    theirs = LayerGradCam(net, module).attribute(x, target=3, relu_attributions=True)
    ours = wb.probes.grad_cam(net, x, target=3, layer=layer)
    assert np.abs(ours.maps - enlarged(theirs)).max() <= 1e-4 * max(np.abs(ours.maps).max(), 1e-9)
    assert ours.maps.any() and ours.layer == layer and ours.method == "grad-cam"


def test_hires_cam_by_hand(net, x, parts):
    a, g = parts
    found = wb.probes.saliency(net, x, "hires-cam", 3, "layer3").maps
    assert np.allclose(found, enlarged((a * g).sum(1, keepdim=True).relu()), atol=1e-6)


def test_layer_cam_by_hand(net, x, parts):
    a, g = parts
    found = wb.probes.saliency(net, x, "layer-cam", 3, "layer3").maps
    assert np.allclose(found, enlarged((a * g.relu()).sum(1, keepdim=True)), atol=1e-6)


def test_grad_cam_plus_plus_weighs_objects_alike():
    # the paper's own case: two objects of different size; Grad-CAM shows the small one fainter, Grad-CAM++ does not
    from workbench.probes.maps.grad_cam import GradCam
    from workbench.probes.maps.grad_cam_pp import GradCamPlusPlus

    a, g = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 4)
    a[0, 0, :2, :4], a[0, 1, 3, 3] = 1.0, 1.0
    g[0, 0], g[0, 1] = a[0, 0] * 0.1, a[0, 1] * 0.1
    plain, plus = (kind().weigh(a, g)[0] for kind in (GradCam, GradCamPlusPlus))
    assert plain[3, 3] / plain[0, 0] == pytest.approx(1 / 8)
    alpha = [0.01 / (0.02 + 8 * 0.001), 0.01 / (0.02 + 1 * 0.001)]
    assert plus[0, 0] == pytest.approx(8 * alpha[0] * 0.1) and plus[3, 3] == pytest.approx(alpha[1] * 0.1)
    assert plus[3, 3] / plus[0, 0] > plain[3, 3] / plain[0, 0]


def test_eigen_cam_is_the_first_component_and_knows_no_target(net, x, parts):
    a = parts[0][0].flatten(1).T.double().numpy()
    _, _, vectors = np.linalg.svd(a, full_matrices=False)
    shown = a @ vectors[0]
    expected = np.maximum(shown * np.sign(shown.sum()), 0).reshape(4, 4)
    found = wb.probes.saliency(net, x[0], "eigen-cam", 3, "layer3").maps
    assert np.allclose(found[0], enlarged(torch.from_numpy(expected)[None, None].float())[0], atol=1e-4)
    assert np.array_equal(found, wb.probes.saliency(net, x[0], "eigen-cam", 0, "layer3").maps)


def test_score_cam_by_hand(net, x, parts):
    a = parts[0][:1]
    with torch.no_grad():
        masks = a[0] - a[0].amin((1, 2), keepdim=True)
        masks = masks / a[0].amax((1, 2), keepdim=True).sub(a[0].amin((1, 2), keepdim=True)).clamp(min=1e-12)
        masks = torch.nn.functional.interpolate(masks[:, None], (64, 64), mode="bilinear")
        weights = net(net.mean + (x[:1] - net.mean) * masks)[:, 3].softmax(0)
        expected = (weights[:, None, None] * a[0]).sum(0).relu()
    found = wb.probes.saliency(net, x[0], "score-cam", 3, "layer3", channels=a.shape[1]).maps
    assert np.allclose(found[0], enlarged(expected[None, None])[0], atol=1e-5)
