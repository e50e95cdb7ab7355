"""The parts of `gpu_check.py`: each yields lines as it measures, and says of what must hold whether it does."""

from __future__ import annotations

import argparse
import functools
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import device_rate
import numpy as np
import torch
from score_speed import made

import workbench as wb
from workbench.data.pixels.augmentation import augment_images
from workbench.runs.processes.launching import create_run_folder, worker_environment
from workbench.scores import scores

ROOT = Path(__file__).resolve().parents[1]
CLOSE = 1e-3  # of the largest value, in fp32: far above rounding, far below what another algorithm would give
DISTINCT = 512  # JPEGs that are made; more are copies


def device() -> torch.device:
    """What is checked: the first GPU, or in a trial the CPU against itself."""
    return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


def holds(fact: str, right: bool) -> str:
    """A line of what must hold."""
    return f"{'ok  ' if right else 'FAIL'}  {fact}"


def backbones(small: bool) -> tuple[tuple[str, ...], int]:
    """The nets, and the size of their images."""
    return (("test_resnet", "test_vit"), 32) if small else (("resnet50", "vit_small_patch16_224"), 224)


def apart(a: np.ndarray | torch.Tensor, b: np.ndarray | torch.Tensor) -> float:
    """The largest difference of two arrays, as a share of the largest value."""
    x, y = (np.asarray(v.detach().cpu() if isinstance(v, torch.Tensor) else v, np.float64) for v in (a, b))
    return float(np.abs(x - y).max() / max(np.abs(x).max(), 1e-30))


def exact() -> None:
    """Full fp32 in matrices and convolutions, without TF32."""
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False


def tests(small: bool) -> Iterator[str]:
    """The tests marked `gpu`, with their counts."""
    found = sorted(path for path in (ROOT / "tests").rglob("test_*.py") if "mark.gpu" in path.read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider", *map(str, found)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr.strip()[-200:]
    passed = int(match[1]) if (match := re.search(r"(\d+) passed", last)) else 0
    skipped = int(match[1]) if (match := re.search(r"(\d+) skipped", last)) else 0
    yield holds(f"pytest -m gpu: {last.strip('= ')}", done.returncode == 0 and (passed if not small else skipped) > 0)


def agreement(small: bool) -> Iterator[str]:
    """CPU and device in fp32: answers and gradients of nets, and the cutting of views."""
    exact()
    names, size = backbones(small)
    for name in names:
        sides = []
        for place in (torch.device("cpu"), device()):
            net = wb.load_net(name, classes=10, pretrained=False, size=size, seed=0).to(place).eval()
            x = torch.rand(4, 3, size, size, generator=torch.Generator().manual_seed(0)).to(place)
            answers = net(x)
            answers.square().mean().backward()
            moved = torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])
            sides.append((answers, moved))
        for what, *values in zip(("answers", "gradients"), *sides, strict=True):
            gap = apart(*values)
            yield holds(f"{name}: {what} of CPU and device differ by {gap:.1e} of the largest", gap < CLOSE)
    squares = torch.randint(0, 256, (8, 3, 2 * size, 2 * size), dtype=torch.uint8)
    for kind in ("none", "flip", "crop"):
        keys = torch.arange(8) * 7919 + 2**40
        gap = apart(*(augment_images(squares.to(p), size, kind, keys.to(p)) for p in (torch.device("cpu"), device())))
        yield holds(f"views ({kind}) differ by {gap:.1e} of white", gap < CLOSE)


def rates(small: bool) -> Iterator[str]:
    """Training from JPEGs, against a plain torch loop on synthetic input in the same run."""
    names, size = backbones(small)
    count, batch = (64, 16) if small else (2048, 128)
    precision = "fp32" if device().type == "cpu" else "bf16"
    args = argparse.Namespace(
        size=size, batch=batch, epochs=2 if small else 4, steps=2 if small else 20, device="auto", precision=precision
    )
    with tempfile.TemporaryDirectory() as place:
        images = jpegs(Path(place), count)
        for name in names:
            plain = device_rate.synthetic(name, images, args)
            yield f"{name}, {size} px, batch {batch}, {precision}"
            yield f"  plain torch loop, synthetic input {plain:10,.0f} images/s"
            first, *later = device_rate.epochs(name, images, args, "full")
            for word, rate in (("first epoch", first), ("later epochs", max(later))):
                yield f"  workbench, {word:22}{rate:10,.0f} images/s, {rate / plain:.2f} of the plain loop"


def jpegs(place: Path, count: int) -> Path:
    """A folder of JPEGs, many of them copies: they are decoded as often."""
    device_rate.folder(place, min(count, DISTINCT))
    found = sorted(place.rglob("*.jpg"))
    for number in range(DISTINCT, count):
        of = found[number % DISTINCT]
        shutil.copy(of, of.with_name(f"{number:06d}.jpg"))
    return place


def processes(small: bool) -> Iterator[str]:
    """Two processes on one device, over gloo: the same weights as by one process, to rounding."""
    names, size = backbones(small)
    rng = np.random.default_rng(0)
    labels = np.arange(41) % 2
    pixels = (rng.integers(0, 120, (41, size, size, 3)) + 100 * labels[:, None, None, None]).astype(np.uint8)
    backbone = {"name": names[1], "params": {"pretrained": False, "size": size}}
    settings = {"epochs": 2, "batch_size": 8, "optimizer": "sgd", "lr": 1e-2, "warmup": 0.0, "augment": "none"}
    plan = wb.Plan(
        backbone, wb.load_images((pixels, labels)), "full", precision="fp32", device=str(device()), **settings
    )
    began = time.perf_counter()
    alone = wb.fit(plan, progress=False)
    one = time.perf_counter() - began
    run = wb.load_run(create_run_folder(plan))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "-m", "workbench.runs.processes.worker", str(run.folder)],
        capture_output=True,
        text=True,
        env=worker_environment(),
    )
    yield f"one process, {device()}: {one:.1f} s with nothing to start; two: {time.perf_counter() - began:.1f} s in all"
    yield holds(f"two processes end: {run.status.state} {run.status.message}", run.status.state == "done")
    if done.returncode:
        yield done.stderr.strip()[-500:]
        return
    told = (run.folder / "log.txt").read_text()
    if device().type == "cuda":
        yield holds("the log says that they share the device over gloo", "share cuda:0: gradients go over gloo" in told)
    ours, theirs, start = (net.state_dict() for net in (run.net(), alone.net(), alone.net(epoch=0)))
    gap = max(float((ours[n] - theirs[n]).abs().max()) for n in ours)
    moved = max(float((theirs[n] - start[n]).abs().max()) for n in ours)
    yield holds(f"weights differ by {gap:.1e}, after moving by {moved:.1e}", gap < 0.05 * moved)


def saliency(small: bool) -> Iterator[str]:
    """Maps on the device: those of the CPU, and their rate against captum's on the same device."""
    from captum.attr import LayerAttribution, LayerGradCam

    exact()
    name, size, layer = ("test_resnet", 64, "layer4") if small else ("resnet50", 224, "layer4")
    x = torch.rand(4 if small else 64, 3, size, size, generator=torch.Generator().manual_seed(0))
    nets = [wb.load_net(name, classes=10, pretrained=False, size=size, seed=0).to(p) for p in ("cpu", device())]
    for method in ("grad-cam", "saliency", "integrated-gradients"):
        maps = [wb.probes.saliency(net, x[:4], method, target=3).maps for net in nets]
        gap = apart(*maps)
        yield holds(f"{method}: maps of CPU and device differ by {gap:.1e} of the largest", gap < 10 * CLOSE)
    there, peer = x.to(device()), LayerGradCam(nets[1], nets[1].backbone.layer4)

    def captums() -> torch.Tensor:
        maps = peer.attribute(there, target=3, relu_attributions=True)
        return LayerAttribution.interpolate(maps, (size, size), "bilinear").cpu()

    ours, theirs = best(lambda: wb.probes.grad_cam(nets[1], x, target=3, layer=layer)), best(captums)
    yield f"grad-cam of {len(x)} images by {name}, {size} px: {ours:.3f} s; captum {theirs:.3f} s; {ours / theirs:.2f}"


def of_scores(small: bool) -> Iterator[str]:
    """Scores of features on the device: the values of the CPU, and their rate against it."""
    n, d, k = (400, 16, 4) if small else (10_000, 512, 20)
    features, probabilities, y = made(n, d, k, 30)
    given = {"features": features, "labels": y, "probabilities": probabilities}
    given |= {"source_labels": probabilities.argmax(1), "source_features": features[: n // 2]}
    given["target_features"] = features[n // 2 :]
    there = {need: torch.from_numpy(value).to(device()) for need, value in given.items()}
    for name in ("leep", "nce", "h_score", "logme", "gbc", "transrate", "parc"):
        few = 2000 if name == "parc" else n  # compares all pairs of images
        sides = [[side[need][:few] for need in scores[name].needs] for side in (given, there)]
        took = [best(functools.partial(scores[name], *side), 2) for side in sides]
        values = [scores[name](*side) for side in sides]
        gap = abs(values[0] - values[1]) / max(abs(values[0]), 1e-9)
        yield holds(
            f"{name} of {few} images: {took[1]:.3f} s, CPU {took[0]:.3f} s, values differ by {gap:.1e}", gap < CLOSE
        )


def best(call: Callable[[], object], rounds: int = 3) -> float:
    """The least seconds of a call, its first apart."""
    call()
    took = []
    for _ in range(rounds):
        device_rate.wait(device())
        began = time.perf_counter()
        call()
        device_rate.wait(device())
        took.append(time.perf_counter() - began)
    return min(took)


# name -> what it does, and the seconds that it may take; together below eight minutes
PARTS: dict[str, tuple[Callable[[bool], Iterator[str]], float]] = {
    "tests": (tests, 60.0),
    "agreement": (agreement, 50.0),
    "processes": (processes, 90.0),
    "rates": (rates, 150.0),
    "saliency": (saliency, 60.0),
    "scores": (of_scores, 60.0),
}
