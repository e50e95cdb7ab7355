"""Sound transfers on four grounds, faults planted in them by changing one thing, and healthy ones that stay sound."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from data import folder
from PIL import Image

import workbench as wb
from workbench.data._label_edits import LabelEdits
from workbench.diagnosis.evidence.batch_norm_recalibration import recalibrate_batch_norms

GROUNDS = ("world", "digits", "clothing", "pacs")
# calibration never sees a seed or a set of classes that the benchmark uses
SEEDS = {False: 7000, True: 300}
SHAPES = {
    False: ("disc", "star", "cross", "heart", "fish", "house"),
    True: ("square", "triangle", "moon", "gear", "bird", "mug"),
}
# sources whose features serve the ground, so that what is planted is all that is wrong
SOURCES = {
    "world": "wb/residual-shape",
    "digits": "wb/residual-contrast",
    "clothing": "wb/residual-contrast",
    "pacs": "wb/residual-contrast",
    "sketches": "wb/residual-contrast",
}
PLACES = {"clothing": ("clothing",), "pacs": ("pacs", "photo"), "sketches": ("pacs", "sketch")}
EACH = {"world": 53, "digits": 32, "clothing": 32, "pacs": 46, "sketches": 46}  # training images per class
# what the built-in sources tell apart in photographs
REAL = {
    "clothing": ("dress", "hat", "pants", "shoes", "t-shirt"),
    "pacs": ("elephant", "guitar", "house", "person"),
    "sketches": ("elephant", "guitar", "house", "person"),
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
        self.source = SOURCES[self.name]
        self.shapes = SHAPES[calibration]

    def at(self, name: str) -> Ground:
        """Another ground with the same seed."""
        return Ground(self.turn, self.calibration, name)

    def images(self, each: int | None = None, **options: Any) -> wb.Images:
        """So many training images per class, and two fifths of all that there are to judge by."""
        few = {"per_class": each or EACH[self.name], "valid": 0.4, "seed": self.seed}
        if self.name == "world":
            n = few["per_class"] * len(self.shapes) * 2
            return wb.load_images("world", n=n, label="shape", only={"shape": self.shapes}, **{**few, **options})
        if self.name == "digits":
            return wb.load_images("digits", **{**few, **options})
        place = folder("data", *PLACES[self.name])
        return whole(wb.load_images(place, **{**few, "classes": REAL[self.name], **options}), few)

    def plan(self, images: wb.Images | None = None, backbone: Any = None, **changes: Any) -> wb.Plan:
        """A sound plan, or one with changes."""
        data = self.images() if images is None else images
        source = self.source if backbone is None else backbone
        return wb.Plan(source, data, **{"tuning": "full", **SETTINGS, "seed": self.turn, **changes})

    def paired(self, backbone: str = SOURCES["world"], **dials: Any) -> wb.Plan:
        """A sound plan on two domains of the world, a source and a target, that differ as the dials say."""
        wanted = {"label": "shape", "classes": 6, "n": 330, "size": 64, "seed": self.seed, **dials}
        return self.plan(wb.world.make_domain_pair(**wanted).images, backbone)


def whole(images: wb.Images, few: dict[str, Any]) -> wb.Images:
    """Folders that bring a split of their own lose it: what is judged by is drawn alike everywhere."""
    if len(images.subset("valid")) >= 60:
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
    return wb.load_images(root, **options)


def preprocessing(ground: Ground) -> wb.Plan:
    """Four ways of showing a backbone other pixels than it knows."""
    wrong = (
        {"mean": (0.0, 0.0, 0.0), "std": (1 / 255, 1 / 255, 1 / 255)},
        {"mean": (0.9, 0.9, 0.9), "std": (0.1, 0.1, 0.1)},
        {"size": 16},
        {"mean": (0.0, 0.0, 0.0), "std": (4.0, 4.0, 4.0)},
    )[ground.turn]
    params = {"size": 16} if "size" in wrong else {"preprocessing": wrong}
    return ground.plan(backbone={"name": ground.source, "params": params})


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
    return ground.plan(epochs=1, batch_size=(32, 64, 32, 48)[ground.turn])


def froze_too_much(ground: Ground) -> wb.Plan:
    """The head alone, on features of another kind."""
    source = ("rotation", "contrast", "formula", "rotation")[ground.turn]
    return ground.at("world").plan(backbone=f"wb/residual-{source}", tuning="head", epochs=20)


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
    return images.subset(rows=np.array(keep))


def foreign_batch_norm(ground: Ground) -> wb.Plan:
    """Batch norms with the statistics of a dark room."""
    ground = ground.at("world")
    crooked = recalibrate_batch_norms(wb.load_net(ground.source), ground.images(shift="low-light:5"))
    tuning = ("head", "lp-ft", "lp-ft", "head")[ground.turn]
    return ground.plan(backbone=crooked, tuning=tuning, batch_norm="still", epochs=20)


def source_too_far(ground: Ground) -> wb.Plan:
    """A source that knows the hues of a made world, for photographs and drawings."""
    ground = ground.at(("clothing", "pacs", "clothing", "sketches")[ground.turn])
    return ground.plan(backbone="wb/residual-hue")


def unrelated_task(ground: Ground) -> wb.Plan:
    """The same world, and another question."""
    from workbench.data.world.factors import factor_values

    source = ("shape", "texture", "shape", "rotation")[ground.turn]
    some = list(factor_values("hue"))[4 * ground.calibration :][:6]
    images = wb.load_images("world", n=320, label="hue", seed=ground.seed, valid=0.4, only={"hue": some})
    return ground.plan(images, backbone=f"wb/residual-{source}")


def poor_source(ground: Ground) -> wb.Plan:
    """Shuffled labels, noise over the weights, weights in disorder, a stage that is lost."""
    ground = ground.at(("world", "clothing")[ground.turn % 2])
    if ground.turn == 0:
        return ground.plan(backbone="wb/residual-shuffled")
    net = wb.load_net(ground.source)
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
        return ground.plan(LabelEdits(images, Path(place) / "list.csv").relabel(rows["id"], others).apply())


def imbalanced(ground: Ground) -> wb.Plan:
    """From class to class fewer training images, thirty times fewer in the end."""
    images = ground.images(each=90 if ground.name in ("world", "digits") else 60)
    labels, train = images.labels(), (images.frame["split"] == "train").to_numpy()
    most, kinds = np.bincount(labels[train]).min(), len(images.classes)
    keep = ~train
    for k in range(kinds):
        wanted = max(round(most * 30 ** (-k / (kinds - 1))), 2)
        keep[np.flatnonzero(train & (labels == k))[:wanted]] = True
    return ground.plan(images.subset(rows=keep))


def leaked(ground: Ground) -> wb.Plan:
    """A third of the images to judge by are among those trained on, as they are or saved anew."""
    rows = written(ground.images(), None)
    valid = [row for row in rows if row[1] == "valid"][:: (3, 4, 3, 4)[ground.turn]]
    again = (None, None, {"quality": 50}, {"quality": 85, "smaller": 0.7})[ground.turn]
    twins = [(name, "train", pixels if again is None else saved_anew(pixels, **again)) for name, _, pixels in valid]
    return ground.plan(opened(rows + twins))


def saved_anew(pixels: np.ndarray, quality: int, smaller: float = 1.0) -> np.ndarray:
    """An image as it comes back from a JPEG file, perhaps of fewer pixels."""
    image, file = Image.fromarray(pixels), io.BytesIO()
    image.resize([round(smaller * edge) for edge in image.size]).save(file, "jpeg", quality=quality)
    return np.asarray(Image.open(file))


def spurious(ground: Ground) -> wb.Plan:
    """In training, a texture or hue goes with the class; or a source of textures, for drawings without any."""
    if ground.turn < 2:
        cue, source = (("texture", "wb/residual-texture"), ("hue", "wb/residual-hue"))[ground.turn]
        return ground.paired(source, spurious=0.95, cue=cue)
    ground = ground.at(("world", "sketches")[ground.turn - 2])
    images = ground.images(style="sketch") if ground.name == "world" else ground.images()
    return ground.plan(images, "wb/residual-texture")


def label_shift(ground: Ground) -> wb.Plan:
    """The target's classes come in other shares."""
    return ground.paired(label_shift=(0.7, 0.6, 0.7, 0.8)[ground.turn])


def concept_shift(ground: Ground) -> wb.Plan:
    """Half of the target's classes have changed their names."""
    return ground.paired(concept=(0.5, 0.7, 0.5, 0.9)[ground.turn])


def domain_gap(ground: Ground) -> wb.Plan:
    """The target is drawn, dark, or a negative."""
    if ground.turn == 1:
        options = {"domains": {"clean": None, "other": "noise:5"}, "source": "clean", "target": "other"}
        return ground.plan(ground.at("digits").images(**options))
    style = ("sketch", "", "inverted", "low-light")[ground.turn]
    return ground.paired(covariate=1.0, style=("photo", style))


def too_small(ground: Ground) -> wb.Plan:
    """A handful of images, to learn from and to judge by."""
    images = few_to_learn(ground.images(), (6, 3, 6, 6)[ground.turn])
    rows = np.flatnonzero((images.frame["split"] == "train").to_numpy())
    judged = np.flatnonzero((images.frame["split"] != "train").to_numpy())
    return ground.plan(images.subset(rows=np.sort([*rows, *np.random.default_rng(0).permutation(judged)[:24]])))


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
    lambda g: g.at("world").plan(tuning="head", epochs=20),
    lambda g: g.at("digits").plan(few_to_learn(g.at("digits").images(), 5), tuning="head", epochs=60),
    lambda g: g.at("world").plan(few_to_learn(g.at("world").images(), 8), tuning="head", epochs=40),
    lambda g: g.at("clothing").plan(backbone="wb/residual-all"),
    lambda g: g.at("world").plan(g.at("world").images(style="sketch")),
    lambda g: g.paired(),
    lambda g: g.at("digits").plan(g.at("digits").images(shift="invert")),
    lambda g: g.at("pacs").plan(lr=5e-4),
)
