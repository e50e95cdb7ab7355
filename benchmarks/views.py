"""How many random views an image are enough? Accuracy with 1, 2, 4 and 8 stored views against fresh ones, real images.

Stored views make frozen layers cheap and are learnt by heart sooner. Finished cells are kept beside the table.

    python benchmarks/views.py [--seeds 3] [--epochs 20] [--size 96] [--threads 1] [--table]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from data import folder, machine

import workbench as wb
from workbench import _paths

RESULTS = Path(__file__).parent / "results"
CELLS, TABLE = RESULTS / "views.json", RESULTS / "views.txt"
BACKBONE = "mobilenetv2_100_coral_imagenet.safetensors"
TARGETS = {"clothing": ("clothing",), "photo": ("pacs", "photo"), "art_painting": ("pacs", "art_painting")}
PER_CLASS = 50
TUNINGS = {"head": ("head", 3e-3), "last stage and head": (wb.tuning("last-k", k=2), 1e-3)}
VIEWS = (1, 2, 4, 8, 0)  # 0: fresh in every epoch


def measured(target: str, tuning: str, views: int, seed: int, args: argparse.Namespace) -> dict[str, float]:
    """Best validation accuracy in percent, and seconds."""
    images = wb.load_images(folder("data", *TARGETS[target]), per_class=PER_CLASS, valid=0.5, seed=seed)
    choice, lr = TUNINGS[tuning]
    plan = wb.Plan(
        {"name": str(folder("zoo") / BACKBONE), "params": {}},
        images,
        choice,
        epochs=args.epochs,
        lr=lr,
        seed=seed,
        size=args.size,
        augment="crop",
        augment_views=views,
        threads=args.threads,
    )
    began = time.perf_counter()
    run = wb.fit(plan, progress=False)
    points = run.points
    accuracy = points.loc[points["split"] == "valid", "accuracy"].max()
    return {"accuracy": 100 * float(accuracy), "seconds": time.perf_counter() - began}


def table(cells: dict[str, dict[str, float]], args: argparse.Namespace) -> str:
    """A line a target and tuning; a column a number of views."""
    lines = [f"{'':36}" + "".join(f"{views or 'fresh':>14}" for views in VIEWS)]
    for target in TARGETS:
        for tuning in TUNINGS:
            told, rows = f"{target}, {tuning}", []
            for views in VIEWS:
                found = [cells.get(key(target, tuning, views, seed, args)) for seed in range(args.seeds)]
                rows.append([cell["accuracy"] for cell in found if cell])
            shown = [f"{statistics.mean(r):7.1f} ± {statistics.stdev(r):3.1f}" if len(r) > 1 else "" for r in rows]
            lines.append(f"{told:36}" + "".join(f"{cell:>14}" for cell in shown))
            fresh = rows[-1]
            if fresh and all(len(r) == len(fresh) for r in rows):
                behind = [statistics.mean(a - b for a, b in zip(r, fresh, strict=True)) for r in rows[:-1]]
                lines.append(f"{'  against fresh views':36}" + "".join(f"{gap:+14.1f}" for gap in behind))
    return "\n".join(lines)


def key(target: str, tuning: str, views: int, seed: int, args: argparse.Namespace) -> str:
    """What a cell is filed under."""
    return f"{target} | {tuning} | {views} | {seed} | {args.epochs} epochs, {args.size} px"


def main() -> None:
    """Makes the cells that are missing, then writes the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--epochs", type=int, default=20)
    asked.add_argument("--size", type=int, default=96)
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--table", action="store_true", help="measure nothing")
    args = asked.parse_args()
    torch.set_num_threads(args.threads)
    cells = json.loads(CELLS.read_text()) if CELLS.exists() else {}
    wanted = [(t, u, v, s) for s in range(args.seeds) for t in TARGETS for u in TUNINGS for v in VIEWS]
    for cell in wanted if not args.table else []:
        name = key(*cell, args)
        if name not in cells:
            cells[name] = measured(*cell, args)
            _paths.write_file(CELLS, json.dumps(cells, indent=0))
            print(f"{name}: {cells[name]['accuracy']:.1f} in {cells[name]['seconds']:.0f} s", flush=True)
    text = (
        f"{BACKBONE}, {PER_CLASS} images per class, {args.size} px, {args.epochs} epochs, random crops\n{machine()}\n"
    )
    text += f"best validation accuracy in percent, mean ± sd of {args.seeds} seeds; views an image:\n\n"
    text += table(cells, args)
    print(text)
    _paths.write_file(TABLE, text + "\n")


if __name__ == "__main__":
    main()
