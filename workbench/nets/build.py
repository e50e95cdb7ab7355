"""From a recipe to a bare module: only functions that make nets, only of timm, torchvision and our own."""

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
from workbench.nets.recipe import Recipe

CIFAR = "workbench.nets.cifar_resnet.CifarResNet"
PLACES = r"(timm\.models\.[a-z]\w*|torchvision\.models(\.[a-z]\w*)*)"
# arguments through which a builder would fetch or unpickle files of its own
BARRED = {"pretrained", "checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir", "weights"}
BARRED |= {"weights_backbone", "scriptable"}
# what makes random weights, in place
DRAWN = {"normal_", "uniform_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "erfinv_"}
GREATEST = 1_000_000  # of any number that a builder is given


def build(recipe: Recipe, seed: int = 0) -> nn.Module:
    """The module of a recipe with random weights, drawn without touching torch's own generator.

    Raises:
        BadValue: the builder is not on the allow-list, or refuses its arguments.
    """
    function, positional = _resolved(recipe)
    check_arguments(recipe)
    kwargs = _typed(recipe.kwargs, recipe.name)
    try:
        return seeded(seed, function, *positional, **kwargs)
    except Exception as error:  # any argument may make any of a hundred builders fail in its own way
        shown = ", ".join(f"{k}={v!r}" for k, v in kwargs.items()) or "no arguments"
        raise BadValue(f"{recipe.name} cannot be built with {shown[:200]}: {one_line(error)}") from error


def seeded(seed: int, function: Callable[..., nn.Module], *positional: Any, **kwargs: Any) -> nn.Module:
    """Calls a builder with torch's generator at `seed`, and puts the generator back."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        return function(*positional, **kwargs).eval()


@contextlib.contextmanager
def limited(parts: int) -> Iterator[None]:
    """Let a builder make no more than so many modules in this thread: arguments from elsewhere may ask for millions.

    Raises:
        BadValue: it would make more.
    """
    left, here = parts, threading.get_ident()

    def count(_module: nn.Module, _name: str, _part: Any) -> None:
        nonlocal left
        left -= threading.get_ident() == here
        if left < 0:
            raise BadValue(f"the net would have more than {parts} layers, far more than its file has weights for")

    handle = register_module_module_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


class Uninitialized(TorchFunctionMode):
    """Leave the random numbers of new weights undrawn: for nets whose structure counts, not their weights."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in DRAWN and (drawn := (*args, *(kwargs or {}).values())):
            return drawn[0]
        return func(*args, **(kwargs or {}))


def sized(recipe: Recipe, size: int) -> Recipe:
    """The recipe for another input size: nets made for one size (ViT, Swin and their kin) take it as `img_size`.

    Raises:
        BadValue: the net cannot be built for that size.
    """
    if not recipe.builder.startswith("timm."):
        return recipe
    with torch.device("meta"):
        model = build(recipe)
        # of all its classes: a distilled variant hands its arguments on unseen
        if not any("img_size" in inspect.signature(kind.__init__).parameters for kind in type(model).__mro__[:-1]):
            return recipe
        wanted = recipe.but(kwargs={**recipe.kwargs, "img_size": size})
        step = _patch(model)
        if step and size % step:  # some nets would cut the border off instead
            raise BadValue(refusal(recipe.name, model, size))
        try:
            build(wanted)
        except BadValue as error:
            raise BadValue(refusal(recipe.name, model, size, error.__cause__ or error)) from error
    return wanted


def refusal(name: str, model: nn.Module, size: int, error: BaseException | None = None) -> str:
    """The sentence for a size that a net cannot take, with the sizes next to it."""
    step = _patch(model)
    near = ""
    if step and size % step:
        fitting = [str(n) for n in (size // step * step, (size // step + 1) * step) if n]
        near = f"; its patches are {step} px wide, try {' or '.join(fitting)}"
    own = (getattr(model, "pretrained_cfg", None) or {}).get("input_size")
    usual = f"; it was made for {own[1]} px" if own else ""
    return f"{name} cannot take images of {size} px{near}{usual}" + (f" ({one_line(error)})" if error else "")


def _patch(model: nn.Module) -> int | None:
    """Edge of the patches that a net cuts images into."""
    step = getattr(getattr(model, "patch_embed", None), "patch_size", None)
    step = step[0] if isinstance(step, (tuple, list)) and step else step
    return step if isinstance(step, int) else None


def one_line(error: BaseException) -> str:
    """The first line of an error's text, shortened."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200]


def _resolved(recipe: Recipe) -> tuple[Callable[..., nn.Module], list[str]]:
    if recipe.builder == CIFAR:
        return importlib.import_module("workbench.nets.cifar_resnet").CifarResNet, []
    if recipe.builder == "timm.create_model":
        import timm

        if not timm.is_model(recipe.architecture.split(".")[0]):
            raise BadValue(f"{recipe.name} names the architecture {recipe.architecture!r}, which this timm lacks")
        return timm.create_model, [recipe.architecture]
    place, _, name = recipe.builder.rpartition(".")
    found = _found(place, name)
    if not _makes_nets(found, name):
        raise BadValue(
            f"{recipe.name} names the builder {recipe.builder!r}; an index may name timm.create_model, a net or "
            "private builder (_gen_…, _create_…) in timm.models, or a net of torchvision.models, and nothing else"
        )
    private = name.startswith(("_gen_", "_create_"))
    return found, [recipe.architecture] if private else []


def _found(place: str, name: str) -> Any:
    if not re.fullmatch(PLACES, place):
        return None
    try:
        return getattr(importlib.import_module(place), name, None)
    except ImportError:
        return None


def _makes_nets(found: Any, name: str) -> bool:
    # where it was written, not where it was found: a module also holds what it imported
    home = getattr(found, "__module__", "") or ""
    if not re.fullmatch(PLACES, home):
        return False
    if inspect.isclass(found):
        return issubclass(found, nn.Module)
    if home.startswith("timm."):
        import timm

        return callable(found) and (timm.is_model(name) or name.startswith(("_gen_", "_create_")))
    import torchvision

    return callable(found) and name in torchvision.models.list_models()


def check_arguments(recipe: Recipe) -> None:
    """Refuse arguments that fetch files, that make something else than a net of color images, or that are immense.

    Raises:
        BadValue: the recipe gives its builder one of these.
    """
    kwargs, name = recipe.kwargs, recipe.name
    barred = sorted(BARRED & set(kwargs))
    if barred:
        raise BadValue(f"{name} gives its builder {barred[0]!r}; weights come by the index or the name only")
    _check_shape_of_answers(kwargs, name)
    numbers = [float(n) for n in re.findall(r"\d+\.?\d*(?:e\d+)?", repr(kwargs))]
    if max(numbers, default=0) > GREATEST:
        raise BadValue(f"{name} gives its builder the number {max(numbers):.0f}; none is above {GREATEST}")


def _typed(kwargs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A builder's arguments, blocks of timm's ByobNet as what it calls them."""
    blocks = kwargs.get("blocks")
    if isinstance(blocks, (list, tuple)) and blocks and isinstance(blocks[0], Mapping):
        from timm.models.byobnet import ByoBlockCfg

        try:
            return {**kwargs, "blocks": tuple(ByoBlockCfg(**block) for block in blocks)}
        except TypeError as error:
            raise BadValue(f"the blocks of {name} are not fields of timm's ByoBlockCfg: {error}") from error
    return dict(kwargs)


def _check_shape_of_answers(kwargs: Mapping[str, Any], name: str) -> None:
    """Refuses arguments that would make something else than color images to one answer each."""
    if kwargs.get("features_only"):
        raise BadValue(
            f"{name} with features_only=True would give a list of maps instead of one answer an image; leave it out: "
            "wb.features(net, images, stage) gives what any stage makes of images, and net.stages names them"
        )
    if kwargs.get("in_chans", 3) != 3:
        raise BadValue(
            f"{name} was asked for with in_chans={kwargs['in_chans']!r}, and all images are shown in 3 channels; leave "
            "it out: grey images are shown as the same grey in all three, which pretrained weights need anyway"
        )
