"""Plans of the controls: same images, epochs and batch size, with one thing changed each."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.plan import Choice, Plan, Schedule

YOURS = "your plan"
SCRATCH = "from scratch"
RANDOM = "random features"
FROZEN = "frozen features"
SOUND = "sound default"

# options of a backbone that set its preprocessing, and that a user can get wrong
PREPROCESSING_OPTIONS = ("preprocessing", "mean", "std", "interpolation", "crop_pct", "crop_mode")


def build_control_plans(plan: Plan) -> Mapping[str, Plan]:
    """Build the plans of the user and of its controls, by name.

    - from scratch: same architecture, random weights, every weight trained: accuracy from the images alone.
    - random features: random weights, only the head trained: accuracy from the architecture alone.
    - frozen features: pretrained weights, only the head trained: accuracy from the source's features, unchanged.
    - sound default: pretrained weights with their own preprocessing, linear probing then full fine-tuning (Kumar et
      al. 2022), at the default learning rate.
    """
    untrained = drop_pretrained_weights(plan)
    default = Schedule()
    names = ("lr", "optimizer", "weight_decay", "lr_schedule", "warmup", "clip_grad", "batch_norm")
    settings = {name: getattr(default, name) for name in names}
    return {
        YOURS: plan,
        SCRATCH: untrained.replace(tuning="full", strategy="fine-tune", **settings),
        RANDOM: untrained.replace(tuning="head", strategy="fine-tune", **settings),
        FROZEN: plan.replace(tuning="head", strategy="fine-tune", **settings),
        SOUND: restore_preprocessing(plan).replace(tuning="lp-ft", strategy="fine-tune", **settings),
    }


def drop_pretrained_weights(plan: Plan) -> Plan:
    """Return the plan with random weights in the same architecture; its preprocessing is that of the pretrained net."""
    return plan.replace(backbone=_drop_preprocessing_options(plan.backbone).replace(pretrained=False))


def restore_preprocessing(plan: Plan) -> Plan:
    """Return the plan with the preprocessing that belongs to the backbone's weights."""
    if "backbone" in plan.in_memory or not set(PREPROCESSING_OPTIONS) & set(plan.backbone.params):
        return plan
    return plan.replace(backbone=_drop_preprocessing_options(plan.backbone))


def restore_preprocessing_and_size(plan: Plan) -> Plan:
    """Return the plan with the preprocessing and the image size that belong to the backbone's weights."""
    restored = restore_preprocessing(plan)
    if "backbone" in plan.in_memory or "size" not in restored.backbone.params:
        return restored
    params = {name: value for name, value in restored.backbone.params.items() if name != "size"}
    return restored.replace(backbone=Choice(restored.backbone.name, params))


def _drop_preprocessing_options(choice: Choice) -> Choice:
    return Choice(
        choice.name, {name: value for name, value in choice.params.items() if name not in PREPROCESSING_OPTIONS}
    )
