"""Pretrained weights of a recipe, and the module built with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadValue, Unavailable
from workbench.nets.loading import hub, model_builders, torchvision_nets, weight_files
from workbench.nets.loading.recipe import Recipe

Shape = tuple[int, ...]
BASE_MODULE_LIMIT = 1000  # largest number of modules in a net, plus a hundred per tensor in its file
MAX_UNSAVED_VALUES = 1 << 24  # values that a net may have beyond those in its file: position tables, auxiliary heads
MAX_HEAD_VALUES = 1 << 26


def load_published_module(recipe: Recipe, seed: int) -> nn.Module:
    """Build the module with the weights that timm or torchvision publishes for it.

    Raises:
        Unavailable: neither cached nor downloadable.
        BadValue: there are none.
    """
    if recipe.builder == "timm.create_model":
        return _load_from_timm(recipe, seed)
    return _load_from_torchvision(recipe, seed)


def match_recipe_to_file(recipe: Recipe, shapes: Mapping[str, Shape], saved: Mapping[str, Any] | None) -> Recipe:
    """Compare a recipe with the shapes in its file before allocating memory, and adopt the file's number of outputs.

    Args:
        shapes: shapes of the file's tensors, by name.
        saved: saved recipe of the net, where the workbench saved it.

    Raises:
        BadValue: the net would be far larger than its file, or cannot be built.
    """
    model = _build_on_meta(recipe, len(shapes))
    if saved is None and (outputs := _count_file_outputs(model, recipe, shapes)):
        recipe = recipe.replace(kwargs={**recipe.kwargs, "num_classes": outputs})
        model = _build_on_meta(recipe, len(shapes))
    n_values = sum(math.prod(shape) for shape in shapes.values())
    # a new head replaces one of up to 22,000 classes that the recipe builds first
    n_extra = MAX_HEAD_VALUES if saved is not None and saved.get("fresh") else MAX_UNSAVED_VALUES
    if sum(t.numel() for t in (*model.parameters(), *model.buffers())) > 2 * n_values + n_extra:
        raise BadValue(
            weight_files.describe_mismatch(type(model).__name__, model.state_dict(), shapes, str(recipe.weights))
        )
    return recipe


def read_recipe_weights(recipe: Recipe) -> dict[str, Tensor]:
    """Read the tensors of a recipe's file, after verifying its checksum where one is listed.

    Raises:
        BadValue: another checksum, or a file that is broken or contains code.
    """
    path = recipe.weights
    assert isinstance(path, Path)
    if recipe.sha256:
        weight_files.check_sha256(path, recipe.sha256)
    return weight_files.read_state_dict(path)


def _build_on_meta(recipe: Recipe, n_tensors: int) -> nn.Module:
    """Build a recipe's module on the meta device, with no more modules than a file of `n_tensors` tensors can fill."""
    with torch.device("meta"), model_builders.limit_modules(BASE_MODULE_LIMIT + 100 * n_tensors):
        return model_builders.build_module(recipe)


def _count_file_outputs(model: nn.Module, recipe: Recipe, shapes: Mapping[str, Shape]) -> int | None:
    """Return the number of outputs of a file's classifier if the recipe leaves it open and would build another."""
    own = (getattr(model, "pretrained_cfg", None) or {}).get("classifier")
    own = own[0] if isinstance(own, (tuple, list)) and own else own
    layers = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    layers = layers or [name for name, part in model.named_modules() if isinstance(part, nn.Conv2d)]
    name = f"{own or layers[-1] if own or layers else ''}.weight"
    expected, saved = model.state_dict().get(name), shapes.get(name)
    if "num_classes" in recipe.kwargs or expected is None or not saved or expected.shape[0] == saved[0]:
        return None
    return saved[0] if tuple(expected.shape[1:]) == tuple(saved[1:]) else None


def _load_from_timm(recipe: Recipe, seed: int) -> nn.Module:
    import timm

    config = hub.get_timm_config(recipe.architecture)
    path = hub.find_cached_file(config)
    if path is None:
        hub.check_network(recipe.name, None if config.hf_hub_id else config.url)
    # timm loads in both cases; a cached file is passed by name, or timm would query the hub first
    overlay = {"pretrained_cfg_overlay": {"file": str(path)}} if path else {}
    try:
        model = model_builders.call_with_seed(
            seed, timm.create_model, recipe.architecture, pretrained=True, **overlay, **recipe.kwargs
        )
    except (OSError, RuntimeError, ValueError, TypeError, AssertionError) as error:
        kind = BadValue if path or isinstance(error, (TypeError, AssertionError)) else Unavailable
        raise kind(
            f"the weights of {recipe.name} could not be loaded: {model_builders.first_error_line(error)}"
        ) from error
    return model


def _load_from_torchvision(recipe: Recipe, seed: int) -> nn.Module:
    from torch.hub import load_state_dict_from_url

    weights = torchvision_nets.get_default_weights(recipe.architecture)
    if weights is None:
        raise BadValue(f"torchvision publishes no weights of {recipe.name}; pretrained=False gives random ones")
    path = hub.find_torch_cached_file(weights.url)
    if path is None:
        hub.check_network(recipe.name, weights.url)
        try:
            load_state_dict_from_url(
                weights.url, map_location="cpu", check_hash=True, weights_only=True, progress=False
            )
        except (OSError, RuntimeError) as error:
            raise Unavailable(
                f"the weights of {recipe.name} could not be fetched: {model_builders.first_error_line(error)}"
            ) from error
        path = hub.find_torch_cached_file(weights.url)
    model = model_builders.build_module(recipe, seed)
    assert path is not None
    weight_files.load_into_module(
        model, torchvision_nets.drop_auxiliary_weights(weight_files.read_state_dict(path), model), recipe.name
    )
    return model
