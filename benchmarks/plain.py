"""The peer: fine-tuning as a careful person writes it by hand, with torchvision's ImageFolder and loader workers."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision import transforms as T
from torchvision.datasets import ImageFolder


@dataclass(frozen=True)
class Result:
    """Validation accuracy after each epoch, the seconds each epoch's training took, and when each was validated."""

    accuracy: list[float]
    seconds: list[float]
    ends: list[float] = field(default_factory=list)


def transform(size: int, crop_pct: float, mean: Sequence[float], std: Sequence[float], augment: str) -> T.Compose:
    """torchvision's usual pipeline: resize and centre crop, or random resized crop and flip."""
    eye = [T.Resize(round(size / crop_pct)), T.CenterCrop(size)]
    if augment == "crop":
        eye = [T.RandomResizedCrop(size, scale=(0.35, 1.0)), T.RandomHorizontalFlip()]
    return T.Compose([*eye, T.ToTensor(), T.Normalize(mean, std)])


def fine_tune(
    net: nn.Module,
    head: nn.Module,
    train: tuple[Path, list[int]],
    valid: tuple[Path, list[int]],
    *,
    size: int,
    crop_pct: float,
    mean: Sequence[float],
    std: Sequence[float],
    epochs: int,
    lr: float,
    probe: bool = False,
    augment: str = "none",
    batch_size: int = 32,
    workers: int = 2,
    warmup: float = 0.1,
    seed: int = 0,
    moving: Sequence[nn.Module] | None = None,
) -> Result:
    """Trains `net` (which wants normalised pixels) with AdamW, a cosine after a warm-up, clipping at 1.

    Args:
        train, valid: a folder for ImageFolder and the rows of it to use.
        probe: freeze all but `head`, with the rest in eval mode.
        moving: the parts that train, with the rest frozen in eval mode; instead of `probe`.
    """
    torch.manual_seed(seed)
    views = transform(size, crop_pct, mean, std, augment), transform(size, crop_pct, mean, std, "none")
    sets = [Subset(ImageFolder(f, view), rows) for (f, rows), view in zip((train, valid), views, strict=True)]
    loaders = [
        DataLoader(sets[0], batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0),
        DataLoader(sets[1], 128, num_workers=workers, persistent_workers=workers > 0),
    ]
    parts = moving or [head if probe else net]
    weights = [parameter for part in parts for parameter in part.parameters()]
    net.requires_grad_(False)
    for parameter in weights:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=0.01)
    total, step, result = epochs * len(loaders[0]), 0, Result([], [])
    for _ in range(epochs):
        net.train(not probe and moving is None)
        for part in parts:
            part.train()
        began = time.perf_counter()
        for x, y in loaders[0]:
            done = (step + 0.5) / total
            now = done / warmup if done < warmup else 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))
            optimizer.param_groups[0]["lr"] = lr * now
            loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            step += 1
        result.seconds.append(time.perf_counter() - began)
        result.accuracy.append(accuracy(net, loaders[1]))
        result.ends.append(time.perf_counter())
    return result


@torch.no_grad()
def accuracy(net: nn.Module, loader: DataLoader) -> float:
    """Share of right answers."""
    net.eval()
    return sum(int((net(x).argmax(1) == y).sum()) for x, y in loader) / len(loader.dataset)  # type: ignore[arg-type]
