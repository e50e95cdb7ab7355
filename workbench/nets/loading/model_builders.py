"""Builders of bare modules from recipes: only functions that build nets, from timm, torchvision or this package."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook
from torch.overrides import TorchFunctionMode

from workbench.errors import BadValue
from workbench.formatting import join_names
from workbench.nets.loading.recipe import Recipe

CIFAR_BUILDER = "workbench.nets.cifar_resnet.CifarResNet"
BUILDER_MODULES = r"(timm\.models\.[a-z]\w*|torchvision\.models(\.[a-z]\w*)*)"
# arguments through which a builder would fetch or unpickle files of its own
FORBIDDEN_ARGUMENTS = {
    "pretrained",
    "checkpoint_path",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "cache_dir",
    "weights",
}
FORBIDDEN_ARGUMENTS |= {"weights_backbone", "scriptable"}
# in-place functions that draw random weights
RANDOM_INITIALIZERS = {
    "normal_",
    "uniform_",
    "trunc_normal_",
    "kaiming_uniform_",
    "kaiming_normal_",
    "xavier_uniform_",
    "erfinv_",
}
MAX_ARGUMENT = 1_000_000  # largest number allowed in a builder's arguments


def build_module(recipe: Recipe, seed: int = 0) -> nn.Module:
    """Build the module of a recipe with random weights, without touching torch's global generator.

    Raises:
        BadValue: the builder is not on the allow-list, or refuses its arguments.
    """
    function, positional = _resolve_builder(recipe)
    check_arguments(recipe)
    kwargs = _convert_block_arguments(recipe.kwargs, recipe.name)
    try:
        return call_with_seed(seed, function, *positional, **kwargs)
    except Exception as error:  # any argument may make any of a hundred builders fail in its own way
        arguments = ", ".join(f"{k}={v!r}" for k, v in kwargs.items()) or "no arguments"
        raise BadValue(f"{recipe.name} cannot be built with {arguments[:200]}: {first_error_line(error)}") from error


def call_with_seed(seed: int, function: Callable[..., nn.Module], *positional: Any, **kwargs: Any) -> nn.Module:
    """Call a builder with torch's generator at `seed`, then restore the generator."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        return function(*positional, **kwargs).eval()


@contextlib.contextmanager
def limit_modules(n_modules: int) -> Iterator[None]:
    """Limit the number of modules that a builder may create in this thread: foreign arguments may ask for millions.

    Raises:
        BadValue: it would create more.
    """
    n_left, thread = n_modules, threading.get_ident()

    def count(_module: nn.Module, _name: str, _part: Any) -> None:
        nonlocal n_left
        n_left -= threading.get_ident() == thread
        if n_left < 0:
            raise BadValue(f"the net would have more than {n_modules} layers, far more than its file has weights for")

    handle = register_module_module_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


class SkipInitMode(TorchFunctionMode):
    """Skip the random initialization of new weights, for nets of which only the structure is needed."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in RANDOM_INITIALIZERS and (arguments := (*args, *(kwargs or {}).values())):
            return arguments[0]
        return func(*args, **(kwargs or {}))


def set_input_size(recipe: Recipe, size: int) -> Recipe:
    """Adapt a recipe to another input size: nets made for one size (ViT, Swin and similar) take it as `img_size`.

    Raises:
        BadValue: the net cannot be built for that size.
    """
    if not recipe.builder.startswith("timm."):
        return recipe
    with torch.device("meta"):
        model = build_module(recipe)
        # over all base classes: a distilled variant passes its arguments on through **kwargs
        if not any("img_size" in inspect.signature(kind.__init__).parameters for kind in type(model).__mro__[:-1]):
            return recipe
        resized = recipe.replace(kwargs={**recipe.kwargs, "img_size": size})
        patch_size = _find_patch_size(model)
        if patch_size and size % patch_size:  # some nets would silently drop the border instead
            raise BadValue(describe_size_error(recipe.name, model, size))
        try:
            build_module(resized)
        except BadValue as error:
            raise BadValue(describe_size_error(recipe.name, model, size, error.__cause__ or error)) from error
    return resized


def describe_size_error(name: str, model: nn.Module, size: int, error: BaseException | None = None) -> str:
    """Write the error message for a size that a net cannot take, with the nearest sizes that it can."""
    patch_size = _find_patch_size(model)
    hint = ""
    if patch_size and size % patch_size:
        fitting = [str(n) for n in (size // patch_size * patch_size, (size // patch_size + 1) * patch_size) if n]
        hint = f"; its patches are {patch_size} px wide, try {join_names(fitting, 'or')}"
    config = (getattr(model, "pretrained_cfg", None) or {}).get("input_size")
    native_hint = f"; it was made for {config[1]} px" if config else ""
    return f"{name} cannot take images of {size} px{hint}{native_hint}" + (
        f" ({first_error_line(error)})" if error else ""
    )


def _find_patch_size(model: nn.Module) -> int | None:
    """Return the edge of a net's patches in pixels; None for nets without patches."""
    patch_size = getattr(getattr(model, "patch_embed", None), "patch_size", None)
    patch_size = patch_size[0] if isinstance(patch_size, (tuple, list)) and patch_size else patch_size
    return patch_size if isinstance(patch_size, int) else None


def first_error_line(error: BaseException) -> str:
    """Return the first line of an error's text, at most 200 characters."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


def _resolve_builder(recipe: Recipe) -> tuple[Callable[..., nn.Module], list[str]]:
    if recipe.builder == CIFAR_BUILDER:
        return importlib.import_module("workbench.nets.cifar_resnet").CifarResNet, []
    if recipe.builder == "timm.create_model":
        import timm

        if not timm.is_model(recipe.architecture.split(".")[0]):
            raise BadValue(
                f"{recipe.name} names the architecture {recipe.architecture!r}, which the installed timm does not have"
            )
        return timm.create_model, [recipe.architecture]
    module_path, _, name = recipe.builder.rpartition(".")
    builder = _import_builder(module_path, name)
    if not _is_net_builder(builder, name):
        raise BadValue(
            f"{recipe.name} names the builder {recipe.builder!r}; an index may name timm.create_model, a net or "
            "private builder (_gen_…, _create_…) in timm.models, or a net of torchvision.models, and nothing else"
        )
    private = name.startswith(("_gen_", "_create_"))
    return builder, [recipe.architecture] if private else []


def _import_builder(module_path: str, name: str) -> Any:
    if not re.fullmatch(BUILDER_MODULES, module_path):
        return None
    try:
        return getattr(importlib.import_module(module_path), name, None)
    except ImportError:
        return None


def _is_net_builder(builder: Any, name: str) -> bool:
    # the module of definition counts, not of lookup: a module also contains what it imports
    home = getattr(builder, "__module__", "") or ""
    if not re.fullmatch(BUILDER_MODULES, home):
        return False
    if inspect.isclass(builder):
        return issubclass(builder, nn.Module)
    if home.startswith("timm."):
        import timm

        return callable(builder) and (timm.is_model(name) or name.startswith(("_gen_", "_create_")))
    import torchvision

    return callable(builder) and name in torchvision.models.list_models()


def check_arguments(recipe: Recipe) -> None:
    """Refuse arguments that fetch files, that build anything but a net of color images, or that are too large.

    Raises:
        BadValue: the recipe gives its builder one of these.
    """
    kwargs, name = recipe.kwargs, recipe.name
    forbidden = sorted(FORBIDDEN_ARGUMENTS & set(kwargs))
    if forbidden:
        raise BadValue(
            f"{name} gives its builder {forbidden[0]!r}; only the index or the name of a net may give its weights"
        )
    _check_input_and_output(kwargs, name)
    numbers = [float(n) for n in re.findall(r"\d+\.?\d*(?:e\d+)?", repr(kwargs))]
    if max(numbers, default=0) > MAX_ARGUMENT:
        raise BadValue(f"{name} gives its builder the number {max(numbers):.0f}; none is above {MAX_ARGUMENT}")


def _convert_block_arguments(kwargs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a builder's arguments, with blocks of timm's ByobNet converted to its own type."""
    blocks = kwargs.get("blocks")
    if isinstance(blocks, (list, tuple)) and blocks and isinstance(blocks[0], Mapping):
        from timm.models.byobnet import ByoBlockCfg

        try:
            return {**kwargs, "blocks": tuple(ByoBlockCfg(**block) for block in blocks)}
        except TypeError as error:
            raise BadValue(f"the blocks of {name} are not fields of timm's ByoBlockCfg: {error}") from error
    return dict(kwargs)


def _check_input_and_output(kwargs: Mapping[str, Any], name: str) -> None:
    """Refuse arguments that change the input from color images or the output from one vector per image."""
    if kwargs.get("features_only"):
        raise BadValue(
            f"{name} with features_only=True would return a list of maps instead of one output per image; leave it "
            "out: wb.extract_features(net, images, stage) returns the output of any stage, and net.stages lists the "
            "stages"
        )
    if kwargs.get("in_chans", 3) != 3:
        raise BadValue(
            f"{name} was asked for with in_chans={kwargs['in_chans']!r}, but images always have 3 channels; leave "
            "it out: gray images are repeated in all three channels, which pretrained weights need anyway"
        )
