"""Grad-CAM of 64 images by a ResNet-18 at 128 px: ours against captum's, batched, and against the package grad-cam.

All explain the same class of the same images at the same stage, with random weights and on one machine. Runs alternate,
and the ratio of the best times counts; the seconds of the processor tell more of a busy machine. The package is given
one image at a time, as its users do; it is not part of this project: name a Python that has torch, timm and grad-cam.

    OMP_NUM_THREADS=2 python benchmarks/saliency_speed.py [--images 64] [--rounds 5] [--peer PYTHON]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from captum.attr import LayerAttribution, LayerGradCam
from data import machine

import workbench as wb

TARGET = 3
PEER = """
import json, sys, time
import numpy as np, timm, torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
folder, rounds = sys.argv[1], int(sys.argv[2])
model = timm.create_model("resnet18", num_classes=10).eval()
model.load_state_dict(torch.load(folder + "/weights.pt"))
x = torch.load(folder + "/x.pt")
best, busy = float("inf"), float("inf")
for _ in range(rounds):
    clock, work = time.perf_counter(), time.process_time()
    with GradCAM(model=model, target_layers=[model.layer4]) as cam:
        maps = np.concatenate([cam(x[i : i + 1], targets=[ClassifierOutputTarget(%d)]) for i in range(len(x))])
    best, busy = min(best, time.perf_counter() - clock), min(busy, time.process_time() - work)
np.save(folder + "/maps.npy", maps)
print(json.dumps({"seconds": best, "busy": busy}))
"""


def timed(call: Callable[[], np.ndarray], best: tuple[float, float]) -> tuple[np.ndarray, tuple[float, float]]:
    """What a call gives, and the least seconds by the clock and of the processor so far."""
    clock, busy = time.perf_counter(), time.process_time()
    result = call()
    took = time.perf_counter() - clock, time.process_time() - busy
    return result, (min(best[0], took[0]), min(best[1], took[1]))


def scaled(maps: np.ndarray) -> np.ndarray:
    """Each map from 0 to 1, as the package gives them."""
    maps = maps - maps.min(axis=(1, 2), keepdims=True)
    return maps / (maps.max(axis=(1, 2), keepdims=True) + 1e-7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", help="a Python with torch, timm and the package grad-cam")
    given = parser.parse_args()
    net = wb.load_net("resnet18", classes=10, pretrained=False, size=128)
    with torch.no_grad():
        net.head.weight.mul_(100)  # the package adds 1e-7 to every map before it divides
    x = torch.rand(given.images, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    theirs = LayerGradCam(net, net.backbone.layer4)

    def captums() -> np.ndarray:
        maps = theirs.attribute(x, target=TARGET, relu_attributions=True)
        return LayerAttribution.interpolate(maps, (128, 128), "bilinear")[:, 0].detach().numpy()

    def ours() -> np.ndarray:
        return wb.probes.grad_cam(net, x, target=TARGET, layer="layer4").maps

    ours(), captums()  # the first pass of either measures shapes and warms caches
    own, other = (float("inf"),) * 2, (float("inf"),) * 2
    for _ in range(given.rounds):
        mine, own = timed(ours, own)
        captum_maps, other = timed(captums, other)
    gap = np.abs(mine - captum_maps).max() / np.abs(captum_maps).max()
    print(machine())
    print(f"{given.images} images, ResNet-18, 128 px, best of {given.rounds}")
    print(f"ours              {own[0]:6.2f} s  {own[1]:6.2f} s of processor")
    print(
        f"captum, batched   {other[0]:6.2f} s  {other[1]:6.2f} s of processor; ours takes {own[0] / other[0]:.2f} of it"
    )
    print(f"largest difference from captum: {gap:.1e} of the largest value")
    if given.peer:
        against(given.peer, net, x, mine, own, given.rounds)


def against(
    peer: str, net: torch.nn.Module, x: torch.Tensor, mine: np.ndarray, own: tuple[float, float], rounds: int
) -> None:
    """The same by the package grad-cam, in its own Python."""
    with tempfile.TemporaryDirectory() as folder:
        state = {**net.backbone.state_dict(), "fc.weight": net.head.weight, "fc.bias": net.head.bias}
        torch.save({name: value.detach() for name, value in state.items()}, f"{folder}/weights.pt")
        torch.save(net.normalize(x), f"{folder}/x.pt")
        script = Path(folder, "peer.py")
        script.write_text(PEER % TARGET)
        done = subprocess.run(
            [peer, str(script), folder, str(rounds)], capture_output=True, text=True, check=True, timeout=3600
        )
        took = json.loads(done.stdout.strip().splitlines()[-1])
        gap = np.abs(scaled(mine) - scaled(np.load(f"{folder}/maps.npy"))).max()
    ratio = took["seconds"] / own[0]
    print(
        f"grad-cam, singly  {took['seconds']:6.2f} s  {took['busy']:6.2f} s of processor; "
        f"ours is {ratio:.1f} times faster"
    )
    print(f"largest difference from grad-cam, both from 0 to 1: {gap:.1e}")


if __name__ == "__main__":
    main()
