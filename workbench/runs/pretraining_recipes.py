"""Recipes of the built-in zoo as data: what each net is trained on, and the plan that follows from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import BadValue, UnknownName, describe_known_names
from workbench.plan import Choice, Plan
from workbench.runs.folder import run_files as files

N_VALIDATION_IMAGES = 2000  # validation images
MIN_IMAGES, MAX_IMAGES = 1000, 100_000_000  # images of one pretraining; with fewer, a class may be empty

TEACHER = "wb/residual-contrast"

# a ResNet of twelve layers with a stem of three: at 64 px its last map is 2 × 2, at 96 px 3 × 3
RESIDUAL = ("resnet10t", {"layers": [1, 1, 2, 1], "channels": [32, 64, 128, 192], "stem_width": 16})
MOBILE = ("mobilenetv4_conv_small_050", {})
VIT = ("vit_tiny_patch16_224", {"patch_size": 8, "embed_dim": 128, "depth": 6, "num_heads": 4, "mlp_ratio": 2.0})


@dataclass(frozen=True)
class Recipe:
    """Recipe by which one net of the built-in zoo is pretrained.

    Args:
        description: what the net learns, in a few words; shown in the catalogue.
        data: arguments of `wb.load_images`; number, size and seed of the images are added.
        architecture: a timm architecture and its arguments.
        strategy: strategy of the plan.
        n_images: rendered images; each is seen `epochs` times.
        image_size: edge in pixels.
        keeps_head: whether the trained head is kept: its outputs are the classes of the source.
        settings: fields of the schedule.
        time_budget: training time, in words.
    """

    description: str
    data: Choice
    architecture: tuple[str, Mapping[str, Any]] = RESIDUAL
    strategy: Choice = field(default_factory=lambda: Choice("fine-tune"))
    n_images: int = 600_000
    epochs: int = 1
    image_size: int = 64
    keeps_head: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    time_budget: str = "two cores: 30 minutes"


STYLES = ("photo", "flat", "sketch", "pastel", "inverted", "low-light", "blurred", "pixelated")
EVERY_STYLE = dict.fromkeys(STYLES, 1.0)
FACTORS = ["shape", "texture", "hue", "background", "scale", "rotation", "position", "light", "occlusion", "style"]


def world_choice(label: str | list[str], **options: Any) -> Choice:
    """Return the procedural world in every style, with these labels and with clutter."""
    return Choice("world", {"label": label, "style": EVERY_STYLE, "clutter": 2, **options})


def distillation_recipe(
    architecture: tuple[str, Mapping[str, Any]], n_images: int, hints: Mapping[str, str] | None = None, **settings: Any
) -> Recipe:
    """Return the recipe for a net that learns little from so few images alone: it learns the features of a teacher.

    Attention must learn what convolutions have built in, so for it the teacher's feature maps serve as hints too.
    """
    strategy, targets = Choice("distill-features", {"teacher": TEACHER}), "features"
    if hints:
        strategy, targets = Choice("distill-hints", {"teacher": TEACHER, "hints": hints}), "maps and features"
    return Recipe(
        f"the {targets} of {TEACHER}, no labels",
        world_choice("shape"),
        architecture,
        strategy=strategy,
        n_images=n_images,
        keeps_head=False,
        settings={"augment": "crop", "batch_size": 32, **settings},
        time_budget="two cores: 90 minutes",
    )


# stages of the ViT, all with maps of 8 × 8, and those of the teacher: 8 × 8, 4 × 4 and 2 × 2
VIT_HINTS = {"blocks.1": "layer2", "blocks.3": "layer3", "norm": "layer4"}

RECIPES: dict[str, Recipe] = {
    "residual-shape": Recipe("shape", world_choice("shape"), n_images=250_000),
    "residual-texture": Recipe("texture", world_choice("texture"), n_images=120_000),
    "residual-hue": Recipe("hue", world_choice("hue"), n_images=80_000),
    "residual-all": Recipe("all factors", world_choice(FACTORS), n_images=300_000),
    # its features transfer best to most targets, slightly better than those of all factors at once
    "residual-contrast": Recipe(
        "views of one image are alike, no labels",
        world_choice("shape"),
        strategy=Choice("simclr"),
        n_images=300_000,
        keeps_head=False,
        settings={"batch_size": 256},
        time_budget="two cores: 90 minutes",
    ),
    "residual-rotation": Recipe(
        "how far an image was turned, no labels",
        # objects are upright: with a uniform distribution of rotations, the rotation could not be predicted
        world_choice("shape", only={"rotation": ["0°"]}),
        strategy=Choice("rotation"),
        n_images=100_000,
        keeps_head=False,
        settings={"batch_size": 64},
    ),
    "residual-formula": Recipe("formula", Choice("material"), n_images=250_000, settings={"augment": "crop"}),
    "residual-shuffled": Recipe("shuffled labels", world_choice("shape", noise=1.0), n_images=100_000),
    "mobile": distillation_recipe(MOBILE, n_images=300_000),
    "vit": distillation_recipe(VIT, n_images=700_000, hints=VIT_HINTS, batch_size=64),
}

# no crop and no flip: no image is rendered twice, and a flip would falsify the labels of position and rotation
DEFAULT_SETTINGS = {"epochs": 1, "batch_size": 128, "lr": 3e-3, "weight_decay": 0.05, "warmup": 0.05, "augment": "none"}


def get_recipe(name: str) -> Recipe:
    """Get the recipe of that name.

    Raises:
        UnknownName: no such recipe; lists all of them.
    """
    if name not in RECIPES:
        raise UnknownName.of("pretraining", name, RECIPES, describe_known_names(RECIPES))
    return RECIPES[name]


def make_plan(name: str, n_images: int | None = None, seed: int = 0, threads: int = 0) -> Plan:
    """Make the plan of a whole pretraining.

    Args:
        n_images: rendered images; the recipe's number if None.
        threads: CPU threads; 0 leaves torch's choice.

    Raises:
        UnknownName: no such recipe.
        BadValue: a number of images out of range.
    """
    recipe = get_recipe(name)
    count = recipe.n_images if n_images is None else n_images
    if isinstance(count, bool) or not isinstance(count, int) or not MIN_IMAGES <= count <= MAX_IMAGES:
        raise BadValue(f"expected {MIN_IMAGES:,} to {MAX_IMAGES:,} images for a pretraining, got {count!r}")
    architecture, kwargs = recipe.architecture
    pixels = {"interpolation": "bilinear", "crop_pct": 1.0}
    backbone = Choice(architecture, {"pretrained": False, "size": recipe.image_size, "preprocessing": pixels, **kwargs})
    data = recipe.data.replace(n=count, size=recipe.image_size, seed=seed, valid=min(0.2, N_VALIDATION_IMAGES / count))
    settings = {**DEFAULT_SETTINGS, "epochs": recipe.epochs, "select": "last", "threads": threads, **recipe.settings}
    return Plan(backbone, data, strategy=recipe.strategy, seed=seed, **settings)


def run_folder(name: str, plan: Plan) -> Path:
    """Return the run's folder, named by a hash of the plan without the threads: the same command resumes the run."""
    same = plan.replace(threads=0).to_json()
    digest = hashlib.blake2b(same.encode(), digest_size=4).hexdigest()
    return files.runs_folder() / f"pretrain-{name}-{plan.data.params['n']}-{digest}"
