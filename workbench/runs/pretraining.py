"""The recipes of the built-in zoo, as data: what each net learns from, and the plan that this amounts to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import BadValue, UnknownName, listed
from workbench.plan import Choice, Plan
from workbench.runs import folder as files

VALIDATED = 2000  # images that are held back
FEWEST, MOST = 1000, 100_000_000  # images of one pretraining; with fewer some class may have none

TEACHER = "wb/residual-contrast"

# a ResNet of twelve layers with a stem of three: at 64 px its last map is 2 × 2, at 96 px 3 × 3
RESIDUAL = ("resnet10t", {"layers": [1, 1, 2, 1], "channels": [32, 64, 128, 192], "stem_width": 16})
MOBILE = ("mobilenetv4_conv_small_050", {})
VIT = ("vit_tiny_patch16_224", {"patch_size": 8, "embed_dim": 128, "depth": 6, "num_heads": 4, "mlp_ratio": 2.0})


@dataclass(frozen=True)
class Recipe:
    """How one net of the built-in zoo is pretrained.

    Args:
        what: what it learns, in a few words; the catalogue shows them.
        data: what `wb.images` is asked for; how many, their size and the seed are added.
        architecture: a timm architecture and its arguments.
        strategy: what is minimised.
        images: how many are rendered; each is seen `epochs` times.
        size: edge in pixels.
        head: whether the head that was trained is kept: its answers are about the source's classes.
        settings: fields of the schedule.
        budget: how long it takes, in words.
    """

    what: str
    data: Choice
    architecture: tuple[str, Mapping[str, Any]] = RESIDUAL
    strategy: Choice = field(default_factory=lambda: Choice("fine-tune"))
    images: int = 600_000
    epochs: int = 1
    size: int = 64
    head: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    budget: str = "two cores: 30 minutes"


STYLES = ("photo", "flat", "sketch", "pastel", "inverted", "low-light", "blurred", "pixelated")
EVERY_STYLE = dict.fromkeys(STYLES, 1.0)
FACTORS = ["shape", "texture", "hue", "background", "scale", "rotation", "position", "light", "occlusion", "style"]


def world(label: str | list[str], **options: Any) -> Choice:
    """Images of the procedural world in every style, with these labels and things lying about."""
    return Choice("world", {"label": label, "style": EVERY_STYLE, "clutter": 2, **options})


def taught(
    architecture: tuple[str, Mapping[str, Any]], images: int, hints: Mapping[str, str] | None = None, **settings: Any
) -> Recipe:
    """The recipe for nets that learn little from so few images by themselves: a teacher tells its features.

    Attention has to learn what convolutions are born with: there the teacher's maps are hints too.
    """
    strategy, told = Choice("distill-features", {"teacher": TEACHER}), "features"
    if hints:
        strategy, told = Choice("distill-hints", {"teacher": TEACHER, "hints": hints}), "maps and features"
    return Recipe(
        f"the {told} of {TEACHER}, no labels",
        world("shape"),
        architecture,
        strategy=strategy,
        images=images,
        head=False,
        settings={"augment": "crop", "batch_size": 32, **settings},
        budget="two cores: 90 minutes",
    )


# stages of the ViT, all of 8 × 8 places, and those of the teacher: 8 × 8, 4 × 4 and 2 × 2
STEPS = {"blocks.1": "layer2", "blocks.3": "layer3", "norm": "layer4"}

RECIPES: dict[str, Recipe] = {
    "residual-shape": Recipe("shape", world("shape"), images=250_000),
    "residual-texture": Recipe("texture", world("texture"), images=120_000),
    "residual-hue": Recipe("hue", world("hue"), images=80_000),
    "residual-all": Recipe("all factors", world(FACTORS), images=300_000),
    # its features served most targets best, a little ahead of all factors at once
    "residual-contrast": Recipe(
        "views of one image are alike, no labels",
        world("shape"),
        strategy=Choice("simclr"),
        images=300_000,
        head=False,
        settings={"batch_size": 256},
        budget="two cores: 90 minutes",
    ),
    "residual-rotation": Recipe(
        "how far an image was turned, no labels",
        # things stand upright: where any turn is as likely as any other, nothing tells how far an image was turned
        world("shape", only={"rotation": ["0°"]}),
        strategy=Choice("rotation"),
        images=100_000,
        head=False,
        settings={"batch_size": 64},
    ),
    "residual-formula": Recipe("formula", Choice("material"), images=250_000, settings={"augment": "crop"}),
    "residual-shuffled": Recipe("shuffled labels", world("shape", noise=1.0), images=100_000),
    "mobile": taught(MOBILE, images=300_000),
    "vit": taught(VIT, images=700_000, hints=STEPS, batch_size=64),
}

# no crop and no flip: the renderer never shows an image twice, and a flipped image would belie its place and turn
DEFAULTS = {"epochs": 1, "batch_size": 128, "lr": 3e-3, "weight_decay": 0.05, "warmup": 0.05, "augment": "none"}


def recipe(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UnknownName: no such recipe, with all that there are.
    """
    if name not in RECIPES:
        raise UnknownName.of("pretraining", name, RECIPES, listed(RECIPES))
    return RECIPES[name]


def plan(name: str, images: int | None = None, seed: int = 0, threads: int = 0) -> Plan:
    """The whole pretraining as a plan.

    Args:
        images: how many are rendered; the recipe's number unless given.
        threads: CPU threads; 0 leaves torch's choice.

    Raises:
        UnknownName: no such recipe.
        BadValue: a number of images out of range.
    """
    made = recipe(name)
    count = made.images if images is None else images
    if isinstance(count, bool) or not isinstance(count, int) or not FEWEST <= count <= MOST:
        raise BadValue(f"a pretraining takes from {FEWEST:,} to {MOST:,} images; got {count!r}")
    architecture, kwargs = made.architecture
    pixels = {"interpolation": "bilinear", "crop_pct": 1.0}
    backbone = Choice(architecture, {"pretrained": False, "size": made.size, "preprocessing": pixels, **kwargs})
    data = made.data.but(n=count, size=made.size, seed=seed, valid=min(0.2, VALIDATED / count))
    settings = {**DEFAULTS, "epochs": made.epochs, "keep": "last", "threads": threads, **made.settings}
    return Plan(backbone, data, strategy=made.strategy, seed=seed, **settings)


def folder(name: str, planned: Plan) -> Path:
    """The run's folder, named after everything but the threads: the same command goes on with the same run."""
    same = planned.but(threads=0).to_json()
    digest = hashlib.blake2b(same.encode(), digest_size=4).hexdigest()
    return files.root() / f"pretrain-{name}-{planned.data.params['n']}-{digest}"
