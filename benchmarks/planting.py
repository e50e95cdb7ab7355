"""Sound transfers on four grounds, faults planted in them by changing one thing, and healthy ones that stay sound."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from data import folder
from PIL import Image

import workbench as wb
from workbench.diagnosis.recalibration import taken_anew
from workbench.images.edits import Cleaning

GROUNDS = ("world", "digits", "clothing", "pacs")
# calibration never sees a seed or a set of classes that the benchmark uses
SEEDS = {False: 7000, True: 300}
SHAPES = {
    False: ("disc", "star", "cross", "heart", "fish", "house"),
    True: ("square", "triangle", "moon", "gear", "bird", "mug"),
}
SOURCE = "wb/residual-shape"
EACH = {"world": 53, "digits": 32, "clothing": 32, "pacs": 46}  # images a class, those to judge by included
# what the built-in sources tell apart in photographs
REAL = {
    "clothing": ("dress", "hat", "pants", "shoes", "t-shirt"),
    "pacs": ("elephant", "guitar", "house", "person"),
}
SETTINGS = {"epochs": 8, "batch_size": 16, "augment": "none", "precision": "fp32"}


class Ground:
    """Images and a sound plan.

    Args:
        turn: which ground, and which seed.
        calibration: whether thresholds are taken from it.
        name: another ground than the turn's.
    """

    def __init__(self, turn: int, calibration: bool = False, name: str | None = None) -> None:
        self.turn, self.calibration = turn, calibration
        self.name = name or GROUNDS[turn % len(GROUNDS)]
        self.seed = SEEDS[calibration] + turn
        self.shapes = SHAPES[calibration]

    def images(self, each: int | None = None, **options: Any) -> wb.Images:
        """So many images a class, two fifths of them to judge by."""
        few = {"per_class": each or EACH[self.name], "valid": 0.4, "seed": self.seed}
        if self.name == "world":
            n = few["per_class"] * len(self.shapes) * 2
            return wb.images("world", n=n, label="shape", only={"shape": self.shapes}, **{**few, **options})
        if self.name == "digits":
            return wb.images("digits", **{**few, **options})
        place = folder("data", *(("clothing",) if self.name == "clothing" else ("pacs", "photo")))
        return whole(wb.images(place, **{**few, "classes": REAL[self.name], **options}), few)

    def plan(self, images: wb.Images | None = None, backbone: Any = None, **changes: Any) -> wb.Plan:
        """A sound plan, or one with changes."""
        data = self.images() if images is None else images
        source = SOURCE if backbone is None else backbone
        return wb.Plan(source, data, **{"tuning": "lp-ft", **SETTINGS, "seed": self.turn, **changes})

    def pair(self, **dials: Any) -> wb.Images:
        """Two domains of the world, a source and a target."""
        wanted = {"label": "shape", "classes": 6, "n": 330, "size": 64, "seed": self.seed, **dials}
        return wb.world.pair(**wanted).images


def whole(images: wb.Images, few: dict[str, Any]) -> wb.Images:
    """Folders that bring a split of their own lose it: what is judged by is drawn alike everywhere."""
    if len(images.part("valid")) >= 60:
        return images
    return opened(written(images, None), valid=few["valid"], seed=few["seed"])


def written(images: wb.Images, splits: Any) -> list[tuple[str, str, np.ndarray]]:
    """Name of the class, split and pixels of every image."""
    names = [images.classes[k] for k in images.labels()]
    splits = images.frame["split"] if splits is None else splits
    return [(name, split, images.pixels(row)) for row, (name, split) in enumerate(zip(names, splits, strict=True))]


def opened(rows: list[tuple[str, str, np.ndarray]], **options: Any) -> wb.Images:
    """Images from files of a folder of their own, with the splits as they are unless options draw others."""
    root = Path(tempfile.mkdtemp(prefix="planted-"))
    for number, (name, split, pixels) in enumerate(rows):
        place = root / name if options else root / split / name
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number:05d}.png")
    return wb.images(root, **options)


def preprocessing(ground: Ground) -> wb.Plan:
    """Four ways of showing a backbone other pixels than it knows."""
    wrong = (
        {"mean": (0.0, 0.0, 0.0), "std": (1 / 255, 1 / 255, 1 / 255)},
        {"mean": (0.9, 0.9, 0.9), "std": (0.1, 0.1, 0.1)},
        {"size": 16},
        {"mean": (0.0, 0.0, 0.0), "std": (4.0, 4.0, 4.0)},
    )[ground.turn]
    params = {"size": 16} if "size" in wrong else {"preprocessing": wrong}
    return ground.plan(backbone={"name": SOURCE, "params": params})


def rate_too_high(ground: Ground) -> wb.Plan:
    """A rate a hundred times the usual."""
    tuning, rate = (("full", 0.1), ("full", 0.3), ("lp-ft", 1.0), ("full", 0.1))[ground.turn]
    return ground.plan(tuning=tuning, lr=rate)


def rate_too_low(ground: Ground) -> wb.Plan:
    """A rate a thousand times below the usual."""
    tuning, rate = (("full", 1e-6), ("lp-ft", 3e-6), ("full", 2e-6), ("head", 3e-6))[ground.turn]
    return ground.plan(tuning=tuning, lr=rate)


def too_few_epochs(ground: Ground) -> wb.Plan:
    """A handful of updates."""
    return ground.plan(epochs=1, batch_size=(64, 64, 96, 64)[ground.turn], tuning=("lp-ft", "full")[ground.turn % 2])


def froze_too_much(ground: Ground) -> wb.Plan:
    """The head alone, on features of another kind."""
    source = ("wb/residual-contrast", "wb/residual-formula", "wb/residual-contrast", "wb/residual-formula")
    return ground.plan(backbone=source[ground.turn], tuning="head")


def froze_too_little(ground: Ground) -> wb.Plan:
    """Everything moves at full rate on a few images of each class."""
    images = ground.images(each=30 if ground.name == "world" else 24)
    kept = few_to_learn(images, (5, 4, 5, 4)[ground.turn])
    return ground.plan(kept, tuning="full", lr=3e-3, epochs=25)


def few_to_learn(images: wb.Images, each: int) -> wb.Images:
    """So many training images of each class, and all to judge by."""
    labels, splits = images.labels(), images.frame["split"].to_numpy()
    seen, keep = dict.fromkeys(range(len(images.classes)), 0), []
    for label, split in zip(labels.tolist(), splits, strict=True):
        seen[label] += split == "train"
        keep.append(split != "train" or seen[label] <= each)
    return images.part(rows=np.array(keep))


def foreign_batch_norm(ground: Ground) -> wb.Plan:
    """Batch norms with the statistics of a dark room or of negatives."""
    shift = ("low-light:5", "invert", "low-light:5", "invert")[ground.turn]
    images = ground.images()
    net = wb.load(SOURCE)
    other = Ground(0, ground.calibration, "world").images(shift=shift)
    crooked = taken_anew(net, other)
    tuning = ("head", "lp-ft", "head", "lp-ft")[ground.turn]
    return ground.plan(images, crooked, tuning=tuning, batch_norm="still")


def source_too_far(ground: Ground) -> wb.Plan:
    """Sources that know colours, for things without; textures, for strokes."""
    ground = Ground(ground.turn, ground.calibration, ("digits", "digits", "clothing", "clothing")[ground.turn])
    source = ("wb/residual-hue", "wb/residual-texture", "wb/residual-hue", "wb/residual-rotation")[ground.turn]
    return ground.plan(backbone=source)


def unrelated_task(ground: Ground) -> wb.Plan:
    """The same world, and another question."""
    source, label = (
        ("wb/residual-shape", "hue"),
        ("wb/residual-texture", "hue"),
        ("wb/residual-shape", "background"),
        ("wb/residual-shape", "light"),
    )[ground.turn]
    images = wb.images("world", n=320, label=label, seed=ground.seed, valid=0.4, only=only(ground, label))
    return ground.plan(images, backbone=source)


def only(ground: Ground, label: str) -> dict[str, Any]:
    """Six values of a factor."""
    from workbench.images.world.factors import values

    return {label: ground.shapes if label == "shape" else list(values(label))[:6]}


def poor_source(ground: Ground) -> wb.Plan:
    """Shuffled labels, noise over the weights, weights in disorder, a stage that is lost."""
    if ground.turn == 0:
        return ground.plan(backbone="wb/residual-shuffled")
    net = wb.load(SOURCE)
    draw = torch.Generator().manual_seed(ground.seed)
    with torch.no_grad():
        for number, p in enumerate(net.backbone.parameters()):
            if p.ndim < 2:
                continue
            if ground.turn == 1:
                p += 2.0 * p.std() * torch.randn(p.shape, generator=draw)
            if ground.turn == 2:
                p.copy_(p.flatten()[torch.randperm(p.numel(), generator=draw)].view_as(p))
            if ground.turn == 3 and number % 3 == 0:
                p.zero_()
    return ground.plan(backbone=net)


def noisy_labels(ground: Ground) -> wb.Plan:
    """Two fifths of the training labels drawn anew."""
    images = ground.images(each=70 if ground.name == "world" else None)
    random, frame = np.random.default_rng(ground.seed), images.frame
    rows = frame[frame["split"] == "train"].sample(frac=0.4, random_state=ground.seed)
    others = [random.choice([c for c in images.classes if c != label]) for label in rows["label"]]
    with tempfile.TemporaryDirectory() as place:
        return ground.plan(Cleaning(images, Path(place) / "list.csv").relabel(rows["id"], others).applied())


def imbalanced(ground: Ground) -> wb.Plan:
    """From class to class fewer training images, thirty times fewer in the end."""
    images = ground.images(each=90 if ground.name in ("world", "digits") else 60)
    labels, train = images.labels(), (images.frame["split"] == "train").to_numpy()
    most, kinds = np.bincount(labels[train]).min(), len(images.classes)
    keep = ~train
    for k in range(kinds):
        wanted = max(round(most * 30 ** (-k / (kinds - 1))), 2)
        keep[np.flatnonzero(train & (labels == k))[:wanted]] = True
    return ground.plan(images.part(rows=keep))


def leaked(ground: Ground) -> wb.Plan:
    """A third of the images to judge by are among those trained on."""
    rows = written(ground.images(), None)
    valid = [row for row in rows if row[1] == "valid"]
    return ground.plan(opened(rows + [(name, "train", x) for name, _, x in valid[:: (3, 4, 3, 2)[ground.turn]]]))


def spurious(ground: Ground) -> wb.Plan:
    """In training, a texture, hue or background goes with the class."""
    cue = ("texture", "hue", "background", "texture")[ground.turn]
    source = ("wb/residual-texture", "wb/residual-hue", "wb/residual-all", "wb/residual-all")[ground.turn]
    return ground.plan(ground.pair(spurious=0.95, cue=cue), source, tuning="full")


def label_shift(ground: Ground) -> wb.Plan:
    """The target's classes come in other shares."""
    return ground.plan(ground.pair(label_shift=(0.7, 0.6, 0.7, 0.8)[ground.turn]))


def concept_shift(ground: Ground) -> wb.Plan:
    """Half of the target's classes have changed their names."""
    return ground.plan(ground.pair(concept=(0.5, 0.7, 0.5, 0.9)[ground.turn]))


def domain_gap(ground: Ground) -> wb.Plan:
    """The target is drawn, dark, or a negative."""
    if ground.turn == 1:
        options = {"domains": {"clean": None, "other": "noise:5"}, "source": "clean", "target": "other"}
        return ground.plan(Ground(1, ground.calibration, "digits").images(**options))
    style = ("sketch", "", "inverted", "low-light")[ground.turn]
    return ground.plan(ground.pair(covariate=1.0, style=("photo", style)))


def too_small(ground: Ground) -> wb.Plan:
    """A handful of images."""
    return ground.plan(ground.images(each=8 if ground.name in ("world", "pacs") else 6))


PLANTED: dict[str, Callable[[Ground], wb.Plan]] = {
    "preprocessing-mismatch": preprocessing,
    "rate-too-high": rate_too_high,
    "rate-too-low": rate_too_low,
    "too-few-epochs": too_few_epochs,
    "froze-too-much": froze_too_much,
    "froze-too-little": froze_too_little,
    "foreign-batch-norm": foreign_batch_norm,
    "source-too-far": source_too_far,
    "unrelated-source": unrelated_task,
    "poor-source": poor_source,
    "noisy-labels": noisy_labels,
    "imbalanced-classes": imbalanced,
    "leaked-duplicates": leaked,
    "spurious-cue": spurious,
    "label-shift": label_shift,
    "concept-shift": concept_shift,
    "domain-gap": domain_gap,
    "too-small-to-tell": too_small,
}

# healthy transfers, the hard ones among them: far domains, few images, frozen features that serve as they are
HEALTHY: tuple[Callable[[Ground], wb.Plan], ...] = (
    lambda g: g.plan(),
    lambda g: g.plan(),
    lambda g: g.plan(),
    lambda g: g.plan(),
    lambda g: Ground(g.turn, g.calibration, "world").plan(tuning="head"),
    lambda g: Ground(g.turn, g.calibration, "digits").plan(tuning="discriminative"),
    lambda g: Ground(g.turn, g.calibration, "world").plan(
        few_to_learn(Ground(g.turn, g.calibration, "world").images(), 8)
    ),
    lambda g: Ground(g.turn, g.calibration, "clothing").plan(backbone="wb/residual-contrast"),
    lambda g: Ground(g.turn, g.calibration, "world").plan(
        Ground(g.turn, g.calibration, "world").images(style="sketch")
    ),
    lambda g: g.plan(g.pair()),
    lambda g: Ground(g.turn, g.calibration, "digits").plan(
        Ground(g.turn, g.calibration, "digits").images(shift="invert")
    ),
    lambda g: Ground(g.turn, g.calibration, "pacs").plan(tuning="full", lr=5e-4),
)
