"""From a recipe to a net: the module built and filled, its head taken out, its preprocessing put before it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from workbench.errors import BadValue
from workbench.nets import build, filling, heads, hub, measure, saved_recipe, torchvision_nets, weights
from workbench.nets import preprocessing as pixels
from workbench.nets.net import Net
from workbench.nets.preprocessing import Preprocessing
from workbench.nets.recipe import Recipe
from workbench.plan import Choice


def assembled(recipe: Recipe, choice: Choice, pretrained: bool, size: int | None, wanted: Any, seed: int) -> Net:
    """Make the net of a recipe, with its weights or random ones.

    Args:
        choice: what opens it again.
        size: edge of the images in pixels; None takes the recipe's own.
        wanted: a `Preprocessing` or fields of one, in place of the recipe's own.
        seed: of random weights.

    Raises:
        BadValue: weights of another architecture, a broken file, a size that the net cannot take.
        Unavailable: the weights are not on this machine and there is no network.
    """
    build.check_arguments(recipe)
    if size is not None:
        recipe = build.sized(recipe, size)
    path = recipe.weights if isinstance(recipe.weights, Path) else None
    saved = weights.metadata_of(path).get(saved_recipe.KEY) if path else None
    state = filling.read(recipe) if pretrained and path else None
    if path is not None:
        shapes = weights.shapes(path) if state is None else {name: tuple(t.shape) for name, t in state.items()}
        recipe = filling.fitted(recipe, shapes, saved)
    if pretrained and recipe.weights == "hub":
        model = filling.published(recipe, seed)
    else:
        model = build.build(recipe, seed)
        if state is not None and saved is None:
            weights.fill(model, state, str(path))
    net = _assembled(model, recipe, choice, size, wanted)
    if saved is not None and path is not None:
        saved_recipe.restore(net, saved, state, path, seed)
        net.choice = choice
    elif not pretrained:
        net.classes = None
    return net


def rebuilt(saved: Mapping[str, Any]) -> Net:
    """Make the net that a saved recipe builds, without weights: their numbers are left to chance.

    Raises:
        BadValue: it cannot be built.
    """
    recipe = saved_recipe.recipe_of(saved, Path(saved["name"]))
    with build.Uninitialized():
        net = _assembled(build.build(recipe), recipe, Choice(recipe.name), None, None)
        saved_recipe.restore(net, saved, None, Path(recipe.name))
    return net


def _assembled(model: nn.Module, recipe: Recipe, choice: Choice, size: int | None, wanted: Any) -> Net:
    own = _own(model, recipe)
    fixed = _fixed(model, recipe)
    source = {**_source(model, recipe), **recipe.source}
    classes = recipe.classes
    if recipe.weights == "hub" and classes is None and hasattr(model, "pretrained_cfg"):
        classes = hub.classes(model)
    if hasattr(model, "pretrained_cfg") or hasattr(model, "get_classifier"):
        backbone, head = model, heads.take_head(model)
    else:
        backbone, head = torchvision_nets.take_head(model)
    shown = pixels.asked(own if size is None else own.but(size=size), wanted)
    try:
        net = Net(backbone, head, shown, recipe.but(source=source), choice, classes, fixed)
        if size is not None:
            measure.forward(net, size)
    except (RuntimeError, AssertionError, ValueError, IndexError, ZeroDivisionError) as error:
        raise BadValue(build.refusal(recipe.name, model, shown.size, error)) from error
    return net


def _own(model: nn.Module, recipe: Recipe) -> Preprocessing:
    """What the weights were trained on: the recipe's fields over those of the architecture."""
    fields: dict[str, Any] = {}
    if getattr(model, "pretrained_cfg", None):
        from timm.data import resolve_model_data_config

        found = resolve_model_data_config(model)
        fields = {k: found[k] for k in ("mean", "std", "interpolation", "crop_pct", "crop_mode")}
        for name in ("mean", "std"):  # timm gives one number where all channels share it
            fields[name] = tuple(fields[name]) * (3 if len(fields[name]) == 1 else 1)
        fields["size"] = found["input_size"][1]
    return Preprocessing(**{**fields, **recipe.preprocessing})


def _fixed(model: nn.Module, recipe: Recipe) -> bool:
    config = getattr(model, "pretrained_cfg", None) or {}
    return bool(config.get("fixed_input_size")) and not recipe.kwargs.get("dynamic_img_size")


def _source(model: nn.Module, recipe: Recipe) -> dict[str, Any]:
    config = getattr(model, "pretrained_cfg", None) or {}
    if recipe.weights != "hub" or not config:
        return {}
    found = {"origin": config.get("hf_hub_id") or config.get("url"), "licence": config.get("license")}
    return {key: value for key, value in found.items() if value}
