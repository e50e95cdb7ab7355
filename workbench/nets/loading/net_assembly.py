"""Assembly of a net from a recipe: build and fill the module, take its head out, put its preprocessing in front."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from workbench.errors import BadValue
from workbench.nets import heads, shape_inference
from workbench.nets import preprocessing as pixels
from workbench.nets.loading import hub, model_builders, pretrained_weights, saved_recipe, torchvision_nets, weight_files
from workbench.nets.loading.recipe import Recipe
from workbench.nets.net import Net
from workbench.nets.preprocessing import Preprocessing
from workbench.plan import Choice


def assemble_net(
    recipe: Recipe, choice: Choice, pretrained: bool, size: int | None, preprocessing: Any, seed: int
) -> Net:
    """Assemble the net of a recipe, with its weights or random ones.

    Args:
        choice: choice by which the net can be opened again.
        size: edge of the images in pixels; None takes the recipe's own.
        preprocessing: a `Preprocessing` or some of its fields, in place of the recipe's own.
        seed: seed of random weights.

    Raises:
        BadValue: weights of another architecture, a broken file, a size that the net cannot take.
        Unavailable: the weights are not on this machine and there is no network.
    """
    model_builders.check_arguments(recipe)
    if size is not None:
        recipe = model_builders.set_input_size(recipe, size)
    path = recipe.weights if isinstance(recipe.weights, Path) else None
    saved = weight_files.read_metadata(path).get(saved_recipe.METADATA_KEY) if path else None
    state = pretrained_weights.read_recipe_weights(recipe) if pretrained and path else None
    if path is not None:
        shapes = (
            weight_files.read_tensor_shapes(path)
            if state is None
            else {name: tuple(t.shape) for name, t in state.items()}
        )
        recipe = pretrained_weights.match_recipe_to_file(recipe, shapes, saved)
    if pretrained and recipe.weights == "hub":
        model = pretrained_weights.load_published_module(recipe, seed)
    else:
        model = model_builders.build_module(recipe, seed)
        if state is not None and saved is None:
            weight_files.load_into_module(model, state, str(path))
    net = _wrap_module(model, recipe, choice, size, preprocessing)
    if saved is not None and path is not None:
        saved_recipe.restore_net(net, saved, state, path, seed)
        net.choice = choice
    elif not pretrained:
        net.classes = None
    return net


def rebuild_net(saved: Mapping[str, Any]) -> Net:
    """Build the net of a saved recipe without weights: its parameters stay uninitialized.

    Raises:
        BadValue: it cannot be built.
    """
    recipe = saved_recipe.parse_recipe(saved, Path(saved["name"]))
    with model_builders.SkipInitMode():
        net = _wrap_module(model_builders.build_module(recipe), recipe, Choice(recipe.name), None, None)
        saved_recipe.restore_net(net, saved, None, Path(recipe.name))
    return net


def _wrap_module(model: nn.Module, recipe: Recipe, choice: Choice, size: int | None, preprocessing: Any) -> Net:
    default = _get_default_preprocessing(model, recipe)
    fixed_input_size = _has_fixed_input_size(model, recipe)
    provenance = {**_get_hub_provenance(model, recipe), **recipe.provenance}
    classes = recipe.classes
    if recipe.weights == "hub" and classes is None and hasattr(model, "pretrained_cfg"):
        classes = hub.get_imagenet_class_names(model)
    if hasattr(model, "pretrained_cfg") or hasattr(model, "get_classifier"):
        backbone, head = model, heads.take_head(model)
    else:
        backbone, head = torchvision_nets.split_classifier(model)
    resolved = pixels.resolve_preprocessing(default if size is None else default.replace(size=size), preprocessing)
    try:
        net = Net(backbone, head, resolved, recipe.replace(provenance=provenance), choice, classes, fixed_input_size)
        if size is not None:
            shape_inference.run_test_image(net, size)
    except (RuntimeError, AssertionError, ValueError, IndexError, ZeroDivisionError) as error:
        raise BadValue(model_builders.describe_size_error(recipe.name, model, resolved.size, error)) from error
    return net


def _get_default_preprocessing(model: nn.Module, recipe: Recipe) -> Preprocessing:
    """Return the preprocessing of the weights' training data: the recipe's fields over those of the architecture."""
    fields: dict[str, Any] = {}
    if getattr(model, "pretrained_cfg", None):
        from timm.data import resolve_model_data_config

        config = resolve_model_data_config(model)
        fields = {k: config[k] for k in ("mean", "std", "interpolation", "crop_pct", "crop_mode")}
        for name in ("mean", "std"):  # timm gives one number where all channels share it
            fields[name] = tuple(fields[name]) * (3 if len(fields[name]) == 1 else 1)
        fields["size"] = config["input_size"][1]
    return Preprocessing(**{**fields, **recipe.preprocessing})


def _has_fixed_input_size(model: nn.Module, recipe: Recipe) -> bool:
    config = getattr(model, "pretrained_cfg", None) or {}
    return bool(config.get("fixed_input_size")) and not recipe.kwargs.get("dynamic_img_size")


def _get_hub_provenance(model: nn.Module, recipe: Recipe) -> dict[str, Any]:
    config = getattr(model, "pretrained_cfg", None) or {}
    if recipe.weights != "hub" or not config:
        return {}
    fields = {"origin": config.get("hf_hub_id") or config.get("url"), "licence": config.get("license")}
    return {key: value for key, value in fields.items() if value}
