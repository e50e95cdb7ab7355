"""Is the advice good? Every candidate plan trained on a grid of sources and targets, beside the one that is advised.

Sources are nets of the built-in zoo; targets are the world at several distances, digits and, where they are there,
clothing and four domains of PACS, each with few and with many images per class. In how many cells is the advised plan
within two points of the best? Finished cells are kept beside the table and are not made again.
They are made in an order drawn once, so that what is finished is a fair sample of the whole grid at any time.
The cells on which a border of the table was chosen are named (`chosen on`) and counted apart: the others are the check.

    python benchmarks/advisor.py [--only residual-shape digits few] [--threads 1] [--part 1/2]
    python benchmarks/advisor.py --table        # print what there is
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from data import folder, keep, machine

import workbench as wb
from workbench import _paths
from workbench.loop.precision.auto_precision import has_bf16_units
from workbench.nets.catalogue import zoo_index
from workbench.ranking import plan_recommendation
from workbench.runs.build import open_training

RESULTS = Path(__file__).parent / "results"
CELLS, TABLE = RESULTS / "advisor.json", RESULTS / "advisor.txt"
SIZES = {"few": 10, "many": 80}  # training images per class
TEN = {  # as many classes as digits and clothing have
    "shape": ["car", "dog", "elephant", "giraffe", "guitar", "horse", "house", "person", "shirt", "shoe"],
    "texture": ["plain", "stripes", "checks", "dots", "waves", "rings", "bricks", "marble", "wood", "plaid"],
}
WORLDS = {
    "world: shape": {"label": "shape", "style": "photo", "only": TEN},
    "world: sketch": {"label": "shape", "style": "sketch", "only": TEN},
    "world: texture": {"label": "texture", "only": TEN},
    "world: background": {"label": "background", "only": TEN},
}
AUGMENT = {"digits": "none", **dict.fromkeys(WORLDS, "flip")}  # a mirrored 2 is none; the world's scale is a factor
PHOTOS = ("photo", "art_painting", "cartoon", "sketch")
TARGETS = (*WORLDS, "digits", "clothing", *PHOTOS)
SEED, WITHIN = 3, 2.0  # of a world that no source has seen; points
SETTINGS = {"precision": "bf16" if has_bf16_units() else "fp32", "keep": "last"}


@dataclass(frozen=True)
class Cell:
    """One source, one target, few or many images per class."""

    source: str
    target: str
    size: str

    @property
    def key(self) -> str:
        """What the cell is filed under."""
        return f"{self.source} | {self.target} | {self.size}"

    @property
    def settings(self) -> dict[str, Any]:
        """How all of its candidates are trained."""
        return {**SETTINGS, "augment": AUGMENT.get(self.target, "crop")}

    def images(self) -> wb.Images:
        """The target's images; the validation images judge."""
        few = SIZES[self.size]
        if self.target in WORLDS:
            return wb.load_images("world", n=3000, seed=SEED, per_class=few, valid=0.3, **WORLDS[self.target])
        if self.target == "digits":
            return wb.load_images("digits", per_class=few, valid=0.4)
        if self.target == "clothing":
            return wb.load_images(folder("data", "clothing"), per_class=few)
        return wb.load_images(folder("data", "pacs", self.target), per_class=few, valid=0.4)


def wanted() -> list[Cell]:
    """All cells, in the order in which they are made."""
    cells = [
        Cell(source, target, size) for source in zoo_index.locate_builtin_nets() for target in TARGETS for size in SIZES
    ]
    return random.Random(0).sample(cells, len(cells))


def measured(cell: Cell, cells: dict[str, Any]) -> dict[str, Any]:
    """The advice's numbers, and the accuracy of every candidate in percent."""
    images = cell.images()
    advised = wb.recommend_plan(f"wb/{cell.source}", images, **cell.settings)
    found = {}
    for name, plan in advised.candidates.items():
        # nets of one architecture share what they would come to from scratch
        shared = f"{cell.source.partition('-')[0]} from scratch | {cell.target} | {cell.size}"
        place = cells["scratch"] if name == "from scratch" else {}
        if shared not in place:
            place[shared] = accuracy(plan, images)
        found[name] = place[shared]
    return {"measurements": dict(advised.measurements), "accuracy": found}


def accuracy(plan: wb.Plan, images: wb.Images) -> float:
    """In percent on the validation images, after the whole training."""
    training = open_training(plan.replace(data=images.subset("train")))  # alone: judged once, in the end
    for _ in training:
        pass
    return 100 * wb.evaluate(training.net, images, split="valid").accuracy


def table(held: dict[str, Any]) -> str:
    """A line a cell, then how often the advice was good, and how often each fixed habit would have been."""
    names, seen = list(plan_recommendation.CANDIDATE_TUNINGS), set(held.get("chosen on", ()))
    lines = [f"{'source | target | size':44}" + "".join(f"{name:>22}" for name in names) + "  advised, points behind"]
    behind = {}  # key -> points behind the best, of the advised plan and of every habit
    for key, cell in held["cells"].items():
        # the table as it is now, on numbers that were measured once
        advised, _ = plan_recommendation.choose_candidate(cell["measurements"])
        accuracy = cell["accuracy"]
        lost = {name: max(accuracy.values()) - accuracy[name] for name in names}
        behind[key] = {"the advised plan": lost[advised], **{f"always {name}": lost[name] for name in names}}
        marks = "".join(f"{accuracy[name]:21.1f}{'*' if name == advised else ' '}" for name in names)
        lines.append(f"{key + (' +' if key in seen else ''):44}{marks}  {advised}, {lost[advised]:.1f}")
    groups = {
        "cells that no border was chosen on": [key for key in behind if key not in seen],
        "cells that a border was chosen on (+)": [key for key in behind if key in seen],
        "cells": list(behind),
    }
    for what, keys in groups.items():
        lines += ["", *counted(what, [behind[key] for key in keys])]
    lines += ["", f"{len(behind)} of {len(wanted())} cells are made, in an order drawn once"]
    return "\n".join(lines)


def counted(what: str, behind: list[dict[str, float]]) -> list[str]:
    """How often each habit is within two points of the best, and how far behind it is on average."""
    lines = [f"of {len(behind)} {what}: within {WITHIN:g} points of the best, and points behind on average"]
    for name in behind[0] if behind else ():
        lost = [cell[name] for cell in behind]
        lines.append(f"  {name:30}{sum(x <= WITHIN for x in lost) / len(lost):5.0%}{sum(lost) / len(lost):8.1f}")
    return lines


def main() -> None:
    """Makes the cells that are missing, then prints the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", nargs="+", default=[], help="words: sources, targets, few or many; each kind narrows")
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--part", default="1/1", help="of the cells, for as many processes as there are cores")
    asked.add_argument("--table", action="store_true", help="measure nothing")
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    cells: dict[str, Any] = json.loads(CELLS.read_text()) if CELLS.exists() else {"cells": {}, "scratch": {}}
    only, (part, parts) = set(given.only), (int(word) for word in given.part.split("/"))
    for cell in wanted()[part - 1 :: parts]:
        groups = (
            (cell.source, set(zoo_index.locate_builtin_nets())),
            (cell.target, set(TARGETS)),
            (cell.size, set(SIZES)),
        )
        chosen = all(mine in only or not group & only for mine, group in groups)
        if given.table or not chosen or cell.key in cells["cells"]:
            continue
        cells["cells"][cell.key] = measured(cell, cells)
        keep(CELLS, cells)
        print(f"{cell.key}: {cells['cells'][cell.key]['accuracy']}", flush=True)
    text = f"{machine()}\naccuracy in percent on validation images; * is what is advised\n\n{table(cells)}"
    print(text)
    if not given.table:
        _paths.write_file(TABLE, text + "\n")


if __name__ == "__main__":
    main()
