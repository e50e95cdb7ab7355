"""The plans that a transfer is held against: the same images, epochs and batches, and one thing changed each."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.plan import Choice, Plan, Schedule

YOURS = "your plan"
SCRATCH = "from scratch"
RANDOM = "random features"
FROZEN = "frozen features"
SOUND = "sound default"

# what a backbone is opened with that belongs to its pixels, and which a person can get wrong
PIXELS = ("preprocessing", "mean", "std", "interpolation", "crop_pct", "crop_mode")


def controls_of(plan: Plan) -> Mapping[str, Plan]:
    """The person's plan and its controls, by name.

    - from scratch: the same architecture without its weights, every weight trained: what the images alone give.
    - random features: without its weights, the head alone trained: what the architecture alone gives.
    - frozen features: with its weights, the head alone trained: what the source's features give unchanged.
    - sound default: with its weights and their own preprocessing, a linear probe and then everything (Kumar et al.
      2022), at the default rate.
    """
    blank = unpretrained(plan)
    plain = Schedule()
    clean = {name: getattr(plain, name) for name in ("optimizer", "weight_decay", "shape", "warmup", "clip")}
    quiet = {**clean, "lr": None, "batch_norm": plain.batch_norm}
    return {
        YOURS: plan,
        SCRATCH: blank.but(tuning="full", strategy="fine-tune", **quiet),
        RANDOM: blank.but(tuning="head", strategy="fine-tune", **quiet),
        FROZEN: plan.but(tuning="head", strategy="fine-tune", **quiet),
        SOUND: own_pixels(plan).but(tuning="lp-ft", strategy="fine-tune", **quiet),
    }


def unpretrained(plan: Plan) -> Plan:
    """The plan with the same architecture and no weights; its pixels are those of the pretrained net."""
    return plan.but(backbone=_without(plan.backbone).but(pretrained=False))


def own_pixels(plan: Plan) -> Plan:
    """The plan with the preprocessing that comes with the backbone's weights."""
    if "backbone" in plan.held or not set(PIXELS) & set(plan.backbone.params):
        return plan
    return plan.but(backbone=_without(plan.backbone))


def as_its_own(plan: Plan) -> Plan:
    """The plan with the preprocessing and the size that come with the backbone's weights."""
    plain = own_pixels(plan)
    if "backbone" in plan.held or "size" not in plain.backbone.params:
        return plain
    params = {name: value for name, value in plain.backbone.params.items() if name != "size"}
    return plain.but(backbone=Choice(plain.backbone.name, params))


def _without(choice: Choice) -> Choice:
    return Choice(choice.name, {name: value for name, value in choice.params.items() if name not in PIXELS})
