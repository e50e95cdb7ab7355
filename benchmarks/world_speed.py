"""The procedural world: images a second at 64 px, by style, and the share that its rendering takes of a pretraining.

Times are of the processor as well as of the clock: on a busy machine the first tells what a quiet one would do.

    python benchmarks/world_speed.py [--size 64] [--images 4096] [--device cuda]
"""

from __future__ import annotations

import argparse
import time

import torch
from data import machine

from workbench.data.world import formula_images
from workbench.data.world.factors import FACTOR_NAMES, FACTORS
from workbench.data.world.indexed_random import IndexedGenerator
from workbench.data.world.rendering import render_scenes


def timed(draw, count: int, device: torch.device) -> tuple[float, float]:
    """Images a second by the clock, and by the processor's time on all cores that torch uses."""
    best = (0.0, 0.0)
    for _ in range(3):
        clock, spent = time.perf_counter(), time.process_time()
        draw()
        if device.type == "cuda":
            torch.cuda.synchronize()
        clock, spent = time.perf_counter() - clock, time.process_time() - spent
        best = max(best, (count / clock, count * torch.get_num_threads() / spent))
    return best


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    device, index = torch.device(args.device), torch.arange(args.images, device=args.device)
    dice = IndexedGenerator(0, index)
    codes = torch.stack([dice.integers(f, len(v)) for f, v in FACTORS.items()], dim=1)
    render_scenes(codes[:64], index[:64], args.size)
    print(f"{args.images} images of {args.size} px on {device}, {torch.get_num_threads()} threads\n{machine()}")
    print(f"{'':20}{'images/s':>10}{'at full cores':>16}")
    rows = {"all styles": lambda: render_scenes(codes, index, args.size)}
    rows["clutter 5"] = lambda: render_scenes(codes, index, args.size, clutter=5)
    for kind, style in enumerate(FACTORS["style"]):
        own = codes.clone()
        own[:, FACTOR_NAMES.index("style")] = kind
        rows[style] = lambda own=own: render_scenes(own, index, args.size)
    formula = dice.integers("formula", len(formula_images.CLASSES))
    rows["material"] = lambda: formula_images.render_formulas(formula, index, args.size)
    for name, draw in rows.items():
        clock, cores = timed(draw, args.images, device)
        print(f"{name:20}{clock:10,.0f}{cores:16,.0f}", flush=True)


if __name__ == "__main__":
    main()
