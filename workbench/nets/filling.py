"""Which weights a recipe means, and building the module with them."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from workbench.errors import BadValue, Unavailable
from workbench.nets import build, hub, torchvision_nets, weights
from workbench.nets.recipe import Recipe


def published(recipe: Recipe, seed: int) -> nn.Module:
    """The module with the weights that timm or torchvision publishes for it.

    Raises:
        Unavailable: neither cached nor to be fetched.
        BadValue: there are none.
    """
    if recipe.builder == "timm.create_model":
        return _from_timm(recipe, seed)
    return _from_torchvision(recipe, seed)


def from_file(recipe: Recipe, seed: int, state: dict[str, Tensor]) -> nn.Module:
    """The module with the weights of a file.

    Raises:
        BadValue: they are of another architecture.
    """
    model = build.build(_with_outputs(recipe, state), seed)
    weights.fill(model, state, str(recipe.weights))
    return model


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


def _with_outputs(recipe: Recipe, state: dict[str, Tensor]) -> Recipe:
    """As many outputs as the file's classifier has, where the recipe leaves that open."""
    if "num_classes" in recipe.kwargs or not recipe.builder.startswith("timm."):
        return recipe
    import timm

    config = timm.get_pretrained_cfg(recipe.architecture.split(".")[0])
    name = config.classifier if config else None
    last = state.get(f"{name}.weight") if isinstance(name, str) else None
    return recipe if last is None else recipe.but(kwargs={**recipe.kwargs, "num_classes": last.shape[0]})


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
