"""Real images, real weights: linear probe and full fine-tuning of a zoo backbone, against a plain loop.

Same split, same preprocessing, same schedule, no augmentation; validation accuracy at the end.

    python benchmarks/real_images.py [--seeds 1] [--size 96] [--backbone mobilenetv2_100_coral_imagenet]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch
from data import folder, machine
from epoch_time import Normalised
from plain import fine_tune
from torchvision.datasets import ImageFolder

import workbench as wb
from workbench.runs.build import open_training

RECIPES = {"head": {"epochs": 3, "lr": 1e-2}, "full": {"epochs": 2, "lr": 5e-4}}


def rows_of(frame, split: str, root: Path) -> list[int]:
    """Places of the split's images in ImageFolder's own order."""
    place = {os.path.relpath(path, root): row for row, (path, _) in enumerate(ImageFolder(root).samples)}
    ids = [os.path.relpath(path, root) for path in frame.path[frame.split == split]]
    return [place[name] for name in ids]


def places(data: wb.Images, source: Path) -> dict[str, tuple[Path, list[int]]]:
    """For each split, the folder that ImageFolder reads and the rows of it."""
    inner = {"train": source / "train", "valid": source / "validation"}
    roots = inner if inner["train"].exists() else {"train": source, "valid": source}
    return {split: (root, rows_of(data.frame, split, root)) for split, root in roots.items()}


def trial(source: Path, backbone: str, tuning: str, size: int, seed: int) -> dict[str, tuple[float, float]]:
    """Accuracy and seconds, of the workbench and of a plain loop."""
    data, recipe = wb.load_images(source), RECIPES[tuning]
    choice = {"name": backbone, "params": {"size": size}}
    plan = wb.Plan(choice, data, tuning, augment="none", select="last", seed=seed, **recipe)
    plain = Normalised(open_training(plan).net).to(memory_format=torch.contiguous_format)
    pre, where = wb.load_net(backbone, size=size).preprocessing, places(data, source)
    kept = {"size": size, "crop_pct": pre.crop_pct, "mean": pre.mean, "std": pre.std}
    began = time.perf_counter()
    by_hand = fine_tune(
        plain, plain.head, where["train"], where["valid"], probe=tuning == "head", seed=seed, **kept, **recipe
    )
    middle = time.perf_counter()
    training = open_training(plan)
    valid = [point.values["accuracy"] for point in training if point.split == "valid"]
    ended = time.perf_counter()
    return {"plain": (by_hand.accuracy[-1], middle - began), "workbench": (valid[-1], ended - middle)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--backbone", default="mobilenetv2_100_coral_imagenet")
    args = parser.parse_args()
    os.environ["WORKBENCH_HOME"] = tempfile.mkdtemp()
    backbone = str(folder("zoo") / args.backbone)
    print(f"{args.backbone}, {args.size} px, batch 32, fp32, {args.seeds} seed(s)\n{machine()}")
    for name, source in (("PACS photo", folder("data", "pacs", "photo")), ("clothing", folder("data", "clothing"))):
        for tuning in RECIPES:
            trials = [trial(source, backbone, tuning, args.size, seed) for seed in range(args.seeds)]
            means = {k: [statistics.mean(t[k][i] for t in trials) for i in (0, 1)] for k in ("plain", "workbench")}
            line = "   ".join(f"{k} {100 * a:5.1f} % in {s:5.0f} s" for k, (a, s) in means.items())
            print(f"{name:10}  {tuning:4}   {line}", flush=True)


if __name__ == "__main__":
    main()
