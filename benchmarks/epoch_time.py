"""Full fine-tuning of a ResNet-18 on PACS photo at 128 px: seconds an epoch and accuracy, against a plain loop.

Both train from the same initial weights on the same split, with the same schedule and no augmentation; runs
alternate, so that a noisy machine disturbs both alike. The plain loop computes in fp32, as one written by hand does;
the workbench as a plan does that says nothing about it. Prints the ratio of the first epoch, in which every JPEG is
decoded and the precision tried, and of the later ones.

    python benchmarks/epoch_time.py [--epochs 4] [--seeds 3] [--backbone resnet18] [--precision fp32]
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import tempfile
import time

import torch
from data import folder, machine
from plain import Result, fine_tune
from torch import nn
from torchvision.datasets import ImageFolder

import workbench as wb
from workbench.loop.precision.auto_precision import choose_precision
from workbench.runs.build import open_training


class Normalised(nn.Module):
    """A net of the workbench for pixels that are normalised already: what a plain loop trains."""

    def __init__(self, net: wb.Net) -> None:
        super().__init__()
        self.backbone, self.head = net.backbone, net.head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone(x))


def ours(plan: wb.Plan) -> tuple[Result, str]:
    """The workbench's loop, and the precision that it took."""
    training = open_training(plan.replace(precision="fp32"))
    result, began, spent = Result([], []), time.perf_counter(), 0.0
    # chosen here rather than in assembling, so that the trial counts
    training.set_precision(
        choose_precision(plan.schedule, training.device, training.net, training.moving_weights, training.steps)
    )
    tried = time.perf_counter() - began
    for point in training:
        if point.split == "valid":
            result.accuracy.append(point.values["accuracy"])
            began = time.perf_counter()
        elif point.epoch == int(point.epoch):
            spent = time.perf_counter() - began
            result.seconds.append(spent)
    return result, f"{training.precision}, chosen in {tried:.1f} s" if tried > 0.1 else training.precision


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--precision", default="auto", help="of the workbench: auto, fp32 or bf16")
    args = parser.parse_args()
    photo = folder("data", "pacs", "photo")
    print(
        f"{args.backbone}, PACS photo, {args.size} px, batch 32, workbench {args.precision}, plain loop fp32\n"
        f"{machine()}"
    )
    rows: dict[str, list[Result]] = {"plain": [], "workbench": []}
    for seed in range(args.seeds):
        os.environ["WORKBENCH_HOME"] = tempfile.mkdtemp()  # every seed decodes anew
        data = wb.load_images(photo)
        backbone = {"name": args.backbone, "params": {"pretrained": False, "size": args.size}}
        plan = wb.Plan(
            backbone,
            data,
            "full",
            epochs=args.epochs,
            lr=1e-3,
            augment="none",
            seed=seed,
            select="last",
            precision=args.precision,
        )
        net = open_training(plan.replace(precision="fp32")).net
        pre = net.preprocessing
        everything = ImageFolder(photo)
        place = {os.path.relpath(path, photo): row for row, (path, _) in enumerate(everything.samples)}
        frame = data.frame
        rows_of = {s: [place[i] for i in frame.id[frame.split == s]] for s in ("train", "valid")}
        plain = Normalised(copy.deepcopy(net)).to(memory_format=torch.contiguous_format).requires_grad_(True)
        rows["plain"].append(
            fine_tune(
                plain,
                plain.head,
                (photo, rows_of["train"]),
                (photo, rows_of["valid"]),
                size=args.size,
                crop_pct=pre.crop_pct,
                mean=pre.mean,
                std=pre.std,
                epochs=args.epochs,
                lr=1e-3,
                seed=seed,
            )
        )
        result, precision = ours(plan)
        rows["workbench"].append(result)
        for name, results in rows.items():
            seconds = " ".join(f"{s:6.2f}" for s in results[-1].seconds)
            end = f"   ({precision})" if name == "workbench" else ""
            print(
                f"seed {seed}  {name:9}  s an epoch {seconds}   accuracy {results[-1].accuracy[-1]:.3f}{end}",
                flush=True,
            )
    first = {name: statistics.median(r.seconds[0] for r in results) for name, results in rows.items()}
    later = {name: statistics.median(s for r in results for s in r.seconds[1:]) for name, results in rows.items()}
    accuracy = {name: statistics.mean(r.accuracy[-1] for r in results) for name, results in rows.items()}
    print(f"first epoch   {first['workbench'] / first['plain']:.2f}x of the plain loop")
    print(f"later epochs  {later['workbench'] / later['plain']:.2f}x of the plain loop")
    print(f"accuracy      {accuracy['workbench']:.3f} against {accuracy['plain']:.3f}, mean of {args.seeds} seeds")


if __name__ == "__main__":
    main()
