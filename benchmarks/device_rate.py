"""How much of a device's training rate the input leaves: full fine-tuning from JPEGs against synthetic input.

The same model, loss, optimiser and precision train on one batch that lives on the device, and then through the
workbench from JPEG files: in the first epoch, which decodes, and in later ones, which do not. After that what one step
of the input costs on its own: decode, read, cut views, move. A head alone is trained at the store's reading speed.

    python benchmarks/device_rate.py [--backbones resnet50 vit_small_patch16_224] [--size 224] [--images 4096]
    python benchmarks/device_rate.py --backbones test_resnet --size 64 --images 512 --batch 32     # a trial on a laptop
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from data import machine
from PIL import Image

import workbench as wb
from workbench.data.batches import Batches
from workbench.loop.batch_feed import show_batch
from workbench.runs.build import open_training

CLASSES, EDGE = 10, (320, 256)  # of the JPEGs: width and height


def folder(place: Path, count: int) -> Path:
    """JPEGs as cameras make them: smooth, with noise, so that they decode no faster than photos."""
    random = np.random.default_rng(0)
    for i in range(count):
        small = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        picture = np.asarray(Image.fromarray(small).resize(EDGE, Image.Resampling.BICUBIC), np.int16)
        noisy = (picture + random.normal(0, 8, picture.shape)).clip(0, 255).astype(np.uint8)
        path = place / f"class {i % CLASSES}" / f"{i:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noisy).save(path, quality=90)
    return place


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def plan_of(backbone: str, images: Path, args: argparse.Namespace, tuning: str = "full") -> wb.Plan:
    """What the workbench is asked for."""
    return wb.Plan(
        {"name": backbone, "params": {"pretrained": False}},
        str(images),
        tuning,
        epochs=args.epochs,
        lr=1e-4,
        batch_size=args.batch,
        size=args.size,
        precision=args.precision,
        device=args.device,
        augment="crop",
        seed=0,
    )


def synthetic(backbone: str, images: Path, args: argparse.Namespace) -> float:
    """Images a second of training steps on one batch that never moves."""
    training = open_training(plan_of(backbone, images, args))
    net, device = training.net.train(), training.device
    x = torch.rand(args.batch, 3, args.size, args.size, device=device).contiguous(memory_format=torch.channels_last)
    y = torch.randint(CLASSES, (args.batch,), device=device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=device.type == "cuda")
    best = 0.0
    for _ in range(4):  # the first warms up
        wait(device)
        began = time.perf_counter()
        for _ in range(args.steps):
            with torch.autocast(device.type, torch.bfloat16, enabled=args.precision == "bf16"):
                loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        wait(device)
        best = max(best, args.steps * args.batch / (time.perf_counter() - began))
    return best


def epochs(backbone: str, images: Path, args: argparse.Namespace, tuning: str) -> list[float]:
    """Images a second of each epoch's training, validation apart."""
    training = open_training(plan_of(backbone, images, args, tuning))
    feed_epoch, rates = {}, []
    began, seen, last = time.perf_counter(), 0, 0
    for point in training:
        if point.split == "train":
            seen = training.step
        elif point.split == "valid":
            continue
        epoch = int(np.ceil(point.epoch - 1e-9))
        feed_epoch[epoch] = (time.perf_counter() - began, seen)
    for epoch in sorted(feed_epoch):
        seconds, steps = feed_epoch[epoch]
        before = feed_epoch.get(epoch - 1, (0.0, 0))
        rates.append((steps - before[1]) * args.batch / max(seconds - before[0], 1e-9))
        last = steps
    assert last == training.steps
    return rates


def pieces(backbone: str, images: Path, args: argparse.Namespace) -> None:
    """What the input costs on its own, step by step, for one epoch."""
    training = open_training(plan_of(backbone, images, args))
    batches: Batches = training.tasks[0]
    device, count = training.device, batches.steps * args.batch
    for word in ("views read again", "views read, moved and cut on the device"):
        began = time.perf_counter()
        for drawn in batches.iter_epoch(0):
            if "moved" in word:
                show_batch(drawn, device, args.size, "crop")
        wait(device)
        print(f"  {word:42}{count / (time.perf_counter() - began):10,.0f} images/s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbones", nargs="+", default=["resnet50", "vit_small_patch16_224"])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="bf16")
    args = parser.parse_args()
    print(f"{machine()}\n{args.size} px, batch {args.batch}, {args.precision}, {args.images} JPEGs", flush=True)
    with tempfile.TemporaryDirectory() as place:
        images = folder(Path(place), args.images)
        for backbone in args.backbones:
            rate = synthetic(backbone, images, args)
            print(f"{backbone}\n  {'synthetic, on the device':42}{rate:10,.0f} images/s", flush=True)
            for tuning in ("full", "head"):
                first, *later = epochs(backbone, images, args, tuning)
                found = max(later)
                print(f"  {tuning + ', first epoch':42}{first:10,.0f} images/s")
                print(f"  {tuning + ', later epochs':42}{found:10,.0f} images/s  {found / rate:.2f} of synthetic")
            pieces(backbone, images, args)


if __name__ == "__main__":
    main()
