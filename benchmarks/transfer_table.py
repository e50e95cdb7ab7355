"""Do the built-in zoo's nets transfer? Few labels of real images at 64 pixels, three seeds, held-out images judged.

Rows: the architectures from scratch and with random features; every net of the built-in zoo fine-tuned and frozen;
ImageNet's MobileNetV1 at the same pixels. Finished cells are kept beside the table, so that it can be made in pieces,
and are made anew where a net's file has changed.

    python benchmarks/transfer_table.py [--only residual-shape digits] [--seeds 3] [--threads 1]
    python benchmarks/transfer_table.py --only "scratch: vit" --longer   # is it trained to convergence?
    python benchmarks/transfer_table.py --table        # print what there is

Fine-tuning and training from scratch take AdamW, cosine and a rate of a grid: for each row and target the one that
does best on another draw of training images, which no row is judged on. Frozen features are read by a logistic
regression whose strength is chosen by cross-validation on the training images.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from data import folder, keep, machine

import workbench as wb
from workbench import _paths
from workbench.data.batches import Batches
from workbench.data.pixels.augmentation import center_crop
from workbench.loop.precision.auto_precision import has_bf16_units
from workbench.nets.catalogue import zoo_index
from workbench.plan import Schedule
from workbench.runs.pretraining_recipes import RECIPES
from workbench.strategies import strategies
from workbench.tunings import tunings

SIZE = 64
BATCH = 32
RATES = (5e-4, 1.5e-3, 5e-3)
ATTENTION = (1.5e-4, 5e-4, 1.5e-3)  # the grid of the ViT, which is unsteady at the convolutions' rates
TUNING_SEED = 100
# the same for all, since a trial would leave the shortest in fp32
PRECISION = "bf16" if has_bf16_units() else "fp32"
LONGER = 3  # times as long, to see whether training from scratch has converged
SEEN = {"scratch": 40_000, "tuned": 20_000}  # images that training sees, views of the same few included
RESULTS = Path(__file__).parent / "results"
CELLS, TABLE = RESULTS / "transfer_table.json", RESULTS / "transfer_table.txt"
STARTS = {"scratch: residual": "residual-all", "scratch: mobile": "mobile", "scratch: vit": "vit"}
IMAGENET = ("mobilenetv1_025_imagenet", "mobilenetv1_050_imagenet")


@dataclass(frozen=True)
class Target:
    """A target task: its name, labels a class, share held out (None: the folder's own split), views in training."""

    name: str
    per_class: int
    held_out: float | None = 0.8
    augment: str = "crop"

    def images(self, seed: int) -> wb.Images:
        """The training images that `seed` draws, and the held-out ones."""
        if self.name == "digits":
            return wb.load_images("digits", per_class=self.per_class, valid=0.8, seed=seed)
        if self.held_out is None:
            return wb.load_images(folder("data", self.name), per_class=self.per_class, seed=seed)
        place = folder("data", "pacs", self.name)
        return wb.load_images(place, per_class=self.per_class, valid=self.held_out, seed=seed)


TARGETS = [
    Target("digits", 10, augment="none"),  # a mirrored 2 is none
    Target("clothing", 50, held_out=None),
    *(Target(name, 20) for name in ("photo", "art_painting", "cartoon", "sketch")),
]


@dataclass(frozen=True)
class Cell:
    """One number of the table: a start, how it is used, a target and a seed."""

    row: str
    mode: str  # scratch, random, tuned or frozen
    target: Target
    seed: int

    @property
    def key(self) -> str:
        """What the cell is filed under; the net's checksum is part of it."""
        return f"{self.row} | {self.mode} | {self.target.name} | {self.seed} | {checksum(self.row)}"


def checksum(row: str) -> str:
    """The first digits of the checksum of a row's file, or of its architecture; empty for nets that never change."""
    known = zoo_index.locate_builtin_nets()
    if row in STARTS:
        return hashlib.sha256(json.dumps(RECIPES[STARTS[row]].architecture).encode()).hexdigest()[:8]
    if row in known:
        return str(zoo_index.read_entries(known[row])[row]["sha256"])[:8]
    return ""


def net(cell: Cell, classes: list[str]) -> wb.Net:
    """The net that a cell starts from, with a new head."""
    if cell.row in STARTS:
        recipe = RECIPES[STARTS[cell.row]]
        name, kwargs = recipe.architecture
        pixels = {"interpolation": "bilinear", "crop_pct": 1.0}
        return wb.load_net(
            name, classes=classes, pretrained=False, size=SIZE, seed=cell.seed, preprocessing=pixels, **kwargs
        )
    place = f"wb/{cell.row}" if cell.row in RECIPES else str(folder("zoo") / cell.row)
    # the whole image for everyone
    return wb.load_net(place, classes=classes, size=SIZE, seed=cell.seed, preprocessing={"crop_pct": 1.0})


def trained(cell: Cell, data: wb.Images, rate: float, times: int = 1) -> float:
    """Accuracy on the held-out images after training every weight, `times` as long as usual."""
    model, train = net(cell, list(data.classes)), data.subset("train")
    pixels = model.preprocessing
    view = {"size": SIZE, "interpolation": pixels.interpolation, "crop_pct": pixels.crop_pct}
    batches = Batches(train, ("labelled",), batch_size=BATCH, seed=cell.seed, **view)
    epochs = max(20, times * SEEN[cell.mode] // len(train))
    settings = {"augment": cell.target.augment, "keep": "last", "precision": PRECISION}
    schedule = Schedule(epochs=epochs, batch_size=BATCH, lr=rate, **settings)
    made = tunings.create("full"), strategies.create("fine-tune")
    for _ in wb.train(model, *made, [batches], schedule, seed=cell.seed):
        pass
    return held_out(model, data)


def held_out(model: wb.Net, data: wb.Images) -> float:
    """Accuracy on everything that is not trained on."""
    rest = data.subset(rows=(data.frame["split"] != "train").to_numpy())
    return wb.evaluate(model, rest, split=None).accuracy


def features(model: wb.Net, part: wb.Images) -> np.ndarray:
    """Features (N, D) of the center views."""
    pixels = model.preprocessing
    view = part.view(SIZE, pixels.interpolation, pixels.crop_pct)
    found = []
    with torch.no_grad():
        for start in range(0, len(part), 256):
            x, _ = view.load_batch(np.arange(start, min(start + 256, len(part))))
            found.append(model.features(center_crop(x, SIZE)).numpy())
    return np.concatenate(found)


def probed(cell: Cell, data: wb.Images) -> float:
    """Accuracy on the held-out images of a logistic regression on frozen features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model, train = net(cell, list(data.classes)), data.subset("train")
    rest = data.subset(rows=(data.frame["split"] != "train").to_numpy())
    steps = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    search = GridSearchCV(steps, {"logisticregression__C": [1e-4, 1e-3, 1e-2, 1e-1, 1.0]}, cv=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a strength that does not converge loses the search
        search.fit(features(model, train), train.labels())
    return float(search.score(features(model, rest), rest.labels()))


def measured(cell: Cell, rate: float | None) -> float:
    """The cell's accuracy in percent."""
    data = cell.target.images(cell.seed)
    return 100 * (trained(cell, data, rate) if rate else probed(cell, data))


def wanted(seeds: int) -> Iterator[Cell]:
    """All cells whose nets are there, one row after another."""
    rows = [(row, mode) for row in STARTS for mode in ("scratch", "random")]
    rows += [(row, mode) for row in (*RECIPES, *IMAGENET) for mode in ("tuned", "frozen")]
    there = {*zoo_index.locate_builtin_nets(), *STARTS, *IMAGENET}
    for row, mode in rows:
        for target in TARGETS if row in there else []:
            yield from (Cell(row, mode, target, seed) for seed in range(seeds))


def rate_of(cell: Cell, cells: dict[str, float]) -> float | None:
    """The rate that does best on a draw of its own; None where nothing is trained."""
    if cell.mode in ("random", "frozen"):
        return None
    tries = {}
    for rate in ATTENTION if "vit" in cell.row else RATES:
        draw = Cell(cell.row, cell.mode, cell.target, TUNING_SEED)
        key = f"{draw.key} | {rate:g}"
        if key not in cells:
            cells[key] = measured(draw, rate)
            keep(CELLS, cells)
        tries[rate] = cells[key]
    return max(tries, key=lambda rate: tries[rate])


def longer(row: str, target: Target, cells: dict[str, float]) -> str:
    """Accuracy from scratch on the draw that rates are chosen on, as long as usual and `LONGER` times as long."""
    draw = Cell(row, "scratch", target, TUNING_SEED)
    rate = rate_of(draw, cells)
    assert rate is not None
    if for_longer(draw) not in cells:
        cells[for_longer(draw)] = 100 * trained(draw, target.images(TUNING_SEED), rate, LONGER)
        keep(CELLS, cells)
    return f"{target.name} {cells[f'{draw.key} | {rate:g}']:.1f} -> {cells[for_longer(draw)]:.1f}"


def for_longer(draw: Cell) -> str:
    """What training from scratch for longer is filed under; its rate is the best of the draw's."""
    return f"{draw.key} | x{LONGER}"


def converged(cells: dict[str, float]) -> Iterator[str]:
    """What longer training from scratch came to, a line a row, where it was tried."""
    for row in STARTS:
        tried = [t for t in TARGETS if for_longer(Cell(row, "scratch", t, TUNING_SEED)) in cells]
        if tried:
            yield f"{row}, {LONGER} times as long, on another draw: {', '.join(longer(row, t, cells) for t in tried)}"


def table(cells: dict[str, float], seeds: int) -> str:
    """Means and standard deviations over the seeds, a line a row; then what the issue asks for."""
    lines = [f"{'':44}" + "".join(f"{target.name:>16}" for target in TARGETS)]
    means: dict[tuple[str, str], dict[str, float]] = {}
    for row, mode in dict.fromkeys((cell.row, cell.mode) for cell in wanted(seeds)):
        shown = f"{row}, {mode}".ljust(44)
        for target in TARGETS:
            found = [cells.get(Cell(row, mode, target, seed).key) for seed in range(seeds)]
            held = [value for value in found if value is not None]
            if held:
                means.setdefault((row, mode), {})[target.name] = statistics.mean(held)
            spread = f" ± {statistics.stdev(held):4.1f}" if len(held) > 1 else "       "
            shown += f"{statistics.mean(held):9.1f}{spread}" if held else " " * 16
        lines.append(shown)
    return "\n".join([*lines, "", *verdicts(means), "", *converged(cells)])


def verdicts(means: dict[tuple[str, str], dict[str, float]]) -> Iterator[str]:
    """Gains over the same architecture from scratch and over its random features, where both sides are there."""
    for (row, mode), found in means.items():
        if mode not in ("tuned", "frozen") or row not in RECIPES:
            continue
        blank = next(start for start, like in STARTS.items() if RECIPES[like].architecture == RECIPES[row].architecture)
        base = means.get((blank, "scratch" if mode == "tuned" else "random"), {})
        gains = {name: value - base[name] for name, value in found.items() if name in base}
        many, worse = sum(gain >= 10 for gain in gains.values()), sum(gain < 0 for gain in gains.values())
        told = ", ".join(f"{name} {gain:+.1f}" for name, gain in gains.items())
        over = "scratch" if mode == "tuned" else "random features"
        if gains:
            yield f"{row}, {mode}, over {over}: {told}: 10 points or more on {many}, worse on {worse} of {len(gains)}"


def is_chosen(cell: Cell, only: set[str]) -> bool:
    """Whether the words of `--only` leave a cell in: rows, modes and targets each narrow where any is named."""
    groups = {
        cell.row: {*STARTS, *RECIPES, *IMAGENET},
        cell.mode: {"scratch", "random", "tuned", "frozen"},
        cell.target.name: {target.name for target in TARGETS},
    }
    return all(mine in only or not group & only for mine, group in groups.items())


def main() -> None:
    """Makes the cells that are missing, then writes the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", nargs="+", default=[], help="words: rows, modes or targets; each kind narrows")
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--longer", action="store_true", help="train from scratch longer, and nothing else")
    asked.add_argument("--table", action="store_true", help="measure nothing")
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    cells: dict[str, float] = json.loads(CELLS.read_text()) if CELLS.exists() else {}
    for cell in wanted(given.seeds):
        chosen = is_chosen(cell, set(given.only))
        if given.longer and chosen and cell.mode == "scratch" and cell.seed == 0:
            print(f"{cell.row}: {longer(cell.row, cell.target, cells)}", flush=True)
        if given.table or given.longer or not chosen or cell.key in cells:
            continue
        rate = rate_of(cell, cells)
        cells[cell.key] = measured(cell, rate)
        keep(CELLS, cells)
        print(f"{cell.row}, {cell.mode}, {cell.target.name}, seed {cell.seed}: {cells[cell.key]:.1f}", flush=True)
    text = f"{machine()}\n{SIZE} px, accuracy in percent on held-out images, mean ± sd of {given.seeds} seeds\n\n"
    text += table(cells, given.seeds)
    print(text)
    if not given.table:
        _paths.write_file(TABLE, text + "\n")


if __name__ == "__main__":
    main()
