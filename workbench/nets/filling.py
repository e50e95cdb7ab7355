"""Which weights a recipe means, and building the module with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadValue, Unavailable
from workbench.nets import build, hub, torchvision_nets, weights
from workbench.nets.recipe import Recipe

Shape = tuple[int, ...]
PARTS = 1000  # modules that a net may have, with a hundred more for each tensor of its file
TABLES = 1 << 24  # numbers that a net may compute beside those in its file: positions, auxiliary heads
HEAD = 1 << 26


def published(recipe: Recipe, seed: int) -> nn.Module:
    """The module with the weights that timm or torchvision publishes for it.

    Raises:
        Unavailable: neither cached nor to be fetched.
        BadValue: there are none.
    """
    if recipe.builder == "timm.create_model":
        return _from_timm(recipe, seed)
    return _from_torchvision(recipe, seed)


def fitted(recipe: Recipe, shapes: Mapping[str, Shape], saved: Mapping[str, Any] | None) -> Recipe:
    """Compare a recipe with the shapes in its file, before any memory is taken; with as many outputs as the file has.

    Args:
        shapes: of the file's tensors, by name.
        saved: how the net was made, where the workbench saved it.

    Raises:
        BadValue: the net would be far larger than its file, or cannot be built.
    """
    model = _hollow(recipe, len(shapes))
    if saved is None and (outputs := _outputs(model, recipe, shapes)):
        recipe = recipe.but(kwargs={**recipe.kwargs, "num_classes": outputs})
        model = _hollow(recipe, len(shapes))
    held = sum(math.prod(shape) for shape in shapes.values())
    # a new head replaces one of up to 22,000 classes that the recipe builds first
    spare = HEAD if saved is not None and saved.get("fresh") else TABLES
    if sum(t.numel() for t in (*model.parameters(), *model.buffers())) > 2 * held + spare:
        raise BadValue(weights.misfit(type(model).__name__, model.state_dict(), shapes, str(recipe.weights)))
    return recipe


def read(recipe: Recipe) -> dict[str, Tensor]:
    """The tensors of a recipe's file, whose checksum is compared first where one is listed.

    Raises:
        BadValue: another checksum, or a file that is broken or holds code.
    """
    path = recipe.weights
    assert isinstance(path, Path)
    if recipe.sha256:
        weights.check_sha256(path, recipe.sha256)
    return weights.read(path)


def _hollow(recipe: Recipe, tensors: int) -> nn.Module:
    """The module of a recipe without memory, of no more parts than a file of so many tensors can fill."""
    with torch.device("meta"), build.limited(PARTS + 100 * tensors):
        return build.build(recipe)


def _outputs(model: nn.Module, recipe: Recipe, shapes: Mapping[str, Shape]) -> int | None:
    """How many outputs a file's classifier has, where the recipe leaves that open and would build another number."""
    own = (getattr(model, "pretrained_cfg", None) or {}).get("classifier")
    own = own[0] if isinstance(own, (tuple, list)) and own else own
    layers = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    layers = layers or [name for name, part in model.named_modules() if isinstance(part, nn.Conv2d)]
    name = f"{own or layers[-1] if own or layers else ''}.weight"
    built, held = model.state_dict().get(name), shapes.get(name)
    if "num_classes" in recipe.kwargs or built is None or not held or built.shape[0] == held[0]:
        return None
    return held[0] if tuple(built.shape[1:]) == tuple(held[1:]) else None


def _from_timm(recipe: Recipe, seed: int) -> nn.Module:
    import timm

    config = hub.timm_config(recipe.architecture)
    here = hub.cached(config)
    if here is None:
        hub.need_network(recipe.name, None if config.hf_hub_id else config.url)
    # timm's own mechanism either way; a cached file is named, or the hub would be asked about it first
    overlay = {"pretrained_cfg_overlay": {"file": str(here)}} if here else {}
    try:
        model = build.seeded(seed, timm.create_model, recipe.architecture, pretrained=True, **overlay, **recipe.kwargs)
    except (OSError, RuntimeError, ValueError, TypeError, AssertionError) as error:
        kind = BadValue if here or isinstance(error, (TypeError, AssertionError)) else Unavailable
        raise kind(f"the weights of {recipe.name} could not be loaded: {build.one_line(error)}") from error
    return model


def _from_torchvision(recipe: Recipe, seed: int) -> nn.Module:
    from torch.hub import load_state_dict_from_url

    chosen = torchvision_nets.published(recipe.architecture)
    if chosen is None:
        raise BadValue(f"torchvision publishes no weights of {recipe.name}; pretrained=False gives random ones")
    here = hub.torch_cached(chosen.url)
    if here is None:
        hub.need_network(recipe.name, chosen.url)
        try:
            load_state_dict_from_url(chosen.url, map_location="cpu", check_hash=True, weights_only=True, progress=False)
        except (OSError, RuntimeError) as error:
            raise Unavailable(f"the weights of {recipe.name} could not be fetched: {build.one_line(error)}") from error
        here = hub.torch_cached(chosen.url)
    model = build.build(recipe, seed)
    assert here is not None
    weights.fill(model, torchvision_nets.without_extras(weights.read(here), model), recipe.name)
    return model
