"""Is the advice good? Every candidate plan trained on a grid of sources and targets, beside the one that is advised.

Sources are nets of the built-in zoo; targets are the world at several distances, digits and, where they are there,
clothing and four domains of PACS, each with few and with many images a class. In how many cells is the advised plan
within two points of the best? Finished cells are kept beside the table and are not made again.

    python benchmarks/advisor.py [--only residual-shape digits few] [--threads 1]
    python benchmarks/advisor.py --table        # print what there is
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from data import folder, machine

import workbench as wb
from workbench import disk
from workbench.loop.trial import bf16_units
from workbench.nets import zoos
from workbench.ranking import advice
from workbench.runs.assembly import assemble

RESULTS = Path(__file__).parent / "results"
CELLS, TABLE = RESULTS / "advisor.json", RESULTS / "advisor.txt"
SIZES = {"few": 10, "many": 80}  # training images a class
WORLDS = {
    "world: shape": {"label": "shape", "style": "photo"},
    "world: sketch": {"label": "shape", "style": "sketch"},
    "world: texture": {"label": "texture"},
    "world: background": {"label": "background"},
}
PHOTOS = ("photo", "art_painting", "cartoon", "sketch")
TARGETS = (*WORLDS, "digits", "clothing", *PHOTOS)
SEED, WITHIN = 3, 2.0  # of a world that no source has seen; points
# a mirrored 2 is none
SETTINGS = {"precision": "bf16" if bf16_units() else "fp32", "keep": "last"}


@dataclass(frozen=True)
class Cell:
    """One source, one target, few or many images a class."""

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
        return {**SETTINGS, "augment": "none" if self.target == "digits" else "crop"}

    def images(self) -> wb.Images:
        """The target's images; the validation images judge."""
        few = SIZES[self.size]
        if self.target in WORLDS:
            return wb.images("world", n=3000, seed=SEED, per_class=few, valid=0.3, **WORLDS[self.target])
        if self.target == "digits":
            return wb.images("digits", per_class=few, valid=0.4)
        if self.target == "clothing":
            return wb.images(folder("data", "clothing"), per_class=few)
        return wb.images(folder("data", "pacs", self.target), per_class=few, valid=0.4)


def wanted() -> Iterator[Cell]:
    """All cells whose nets are there."""
    for source in zoos.builtin():
        yield from (Cell(source, target, size) for target in TARGETS for size in SIZES)


def measured(cell: Cell) -> dict[str, Any]:
    """The advice's numbers, and the accuracy of every candidate in percent."""
    images = cell.images()
    advised = wb.advise(f"wb/{cell.source}", images, **cell.settings)
    found = {}
    for name, plan in advised.candidates.items():
        training = assemble(plan)
        for _ in training:
            pass
        found[name] = 100 * wb.evaluate(training.net, images, split="valid").accuracy
    return {"numbers": dict(advised.numbers), "accuracy": found}


def table(cells: dict[str, Any]) -> str:
    """A line a cell, then how often the advice was good, and how often each fixed habit would have been."""
    names = list(advice.TUNINGS)
    lines = [f"{'source | target | size':44}" + "".join(f"{name:>22}" for name in names) + "  advised, points behind"]
    good, habits = [], {name: [] for name in names}
    for key, held in cells.items():
        # the table as it is now, on numbers that were measured once
        advised, _ = advice.read(held["numbers"])
        accuracy = held["accuracy"]
        best = max(accuracy.values())
        behind = best - accuracy[advised]
        good.append(behind <= WITHIN)
        for name in names:
            habits[name].append(best - accuracy[name] <= WITHIN)
        marks = "".join(f"{accuracy[name]:21.1f}{'*' if name == advised else ' '}" for name in names)
        lines.append(f"{key:44}{marks}  {advised}, {behind:.1f}")
    if good:
        share = sum(good) / len(good)
        lines += ["", f"advised plan within {WITHIN:g} points of the best in {share:.0%} of {len(good)} cells"]
        lines += [f"always {name}: {sum(fine) / len(fine):.0%}" for name, fine in habits.items()]
    return "\n".join(lines)


def main() -> None:
    """Makes the cells that are missing, then prints the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", nargs="+", default=[], help="words: sources, targets, few or many; each kind narrows")
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--table", action="store_true", help="measure nothing")
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    cells: dict[str, Any] = json.loads(CELLS.read_text()) if CELLS.exists() else {}
    only = set(given.only)
    for cell in wanted():
        groups = ((cell.source, set(zoos.builtin())), (cell.target, set(TARGETS)), (cell.size, set(SIZES)))
        chosen = all(mine in only or not group & only for mine, group in groups)
        if given.table or not chosen or cell.key in cells:
            continue
        cells[cell.key] = measured(cell)
        disk.write(CELLS, json.dumps(cells, indent=0))
        print(f"{cell.key}: {cells[cell.key]['accuracy']}", flush=True)
    text = f"{machine()}\naccuracy in percent on validation images; * is what is advised\n\n{table(cells)}"
    print(text)
    if not given.table:
        disk.write(TABLE, text + "\n")


if __name__ == "__main__":
    main()
