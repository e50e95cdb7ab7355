"""What a name stands for: an architecture, a file, a folder, an entry of a zoo, a run."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

from workbench.errors import BadValue, Unavailable, UnknownName
from workbench.nets import hub, saved_recipe, torchvision_nets, weights, zoos
from workbench.nets.recipe import Recipe

RUN = "weights.safetensors"  # the file in a finished run's folder


def find(name: str, architecture: str | None = None) -> tuple[Recipe, str]:
    """The recipe that a name stands for, and the name under which any process finds it again.

    Args:
        architecture: what a file is that does not say it itself.

    Raises:
        UnknownName: nothing bears the name.
        BadValue: a path with nothing usable at its end.
    """
    import timm

    if name.startswith("wb/"):
        return _builtin(name.removeprefix("wb/")), name
    if name.startswith("torchvision/"):
        return _torchvision(name.removeprefix("torchvision/")), name
    short = name.removeprefix("timm/")
    if timm.is_model(short.split(".")[0]) and "/" not in short:
        hub.check_tag(short)
        return Recipe(short, short, weights="hub"), short
    if name in torchvision_nets.BARE:
        return _torchvision(name), f"torchvision/{name}"
    entry = zoos.bare(name)
    if entry is not None:
        return entry, name
    if not _is_path(name):
        raise _unknown(name)
    path = Path(os.path.abspath(Path(name).expanduser()))
    return _at(path, architecture), str(path)


def _is_path(name: str) -> bool:
    return "/" in name or os.sep in name or name.endswith(weights.SUFFIXES) or Path(name).exists()


def _at(path: Path, architecture: str | None) -> Recipe:
    if path.is_dir():
        return _folder(path, architecture)
    if path.is_file():
        return _file(path, architecture)
    if zoos.entries(path.parent):
        return zoos.recipe(path.parent, path.name)
    missing = next((p for p in [path, *path.parents] if p.parent.exists()), path)
    raise UnknownName(f"there is no file or folder {path}; {missing.parent} has no {missing.name!r}")


def _folder(path: Path, architecture: str | None) -> Recipe:
    if (path / RUN).is_file():
        return _file(path / RUN, architecture)
    listed = zoos.entries(path)
    if len(listed) == 1:
        return zoos.recipe(path, next(iter(listed)))
    if listed:
        raise BadValue(f"{path} is a zoo of {len(listed)} nets; name one: {path.name}/{next(iter(listed))}")
    if (path / "plan.json").is_file():
        raise Unavailable(f"the run in {path} has no {RUN} yet; it is written when the run ends")
    found = sorted(f for f in path.iterdir() if f.is_file() and f.suffix in weights.SUFFIXES)
    if not found:
        raise BadValue(f"{path} holds no weights: no {zoos.INDEX} and no file ending in {', '.join(weights.SUFFIXES)}")
    if len(found) > 1:
        names = " and ".join(f.name for f in found[:4])
        raise BadValue(f"{path} holds {len(found)} files of weights, {names}; name one of them, or add {zoos.INDEX}")
    return _file(found[0], architecture)


def _file(path: Path, architecture: str | None) -> Recipe:
    if not path.name.endswith(weights.SUFFIXES):
        raise BadValue(f"{path} is no file of weights; they end in {', '.join(weights.SUFFIXES)}")
    listed = next((n for n, entry in zoos.entries(path.parent).items() if entry["file"] == path.name), None)
    if listed is not None:
        return zoos.recipe(path.parent, listed)
    metadata = weights.metadata_of(path)
    if saved_recipe.KEY in metadata:
        return saved_recipe.recipe_of(metadata[saved_recipe.KEY], path)
    beside = zoos.hub_folder(path.parent)
    if architecture is None and beside is not None:
        return zoos.from_entry(beside).but(weights=path)
    if architecture is not None:
        known, _ = find(architecture)
        return known.but(name=path.name, weights=path, classes=None, source={})
    if "architecture" in metadata:
        return zoos.from_entry({"name": path.stem, **metadata}).but(weights=path)
    raise BadValue(f'{path} does not say which architecture it is of; add architecture="resnet18" or whichever it is')


def _builtin(name: str) -> Recipe:
    known = zoos.builtin()
    if name not in known:
        raise UnknownName.of("net of the built-in zoo", name, known, "`workbench pretrain NAME` makes one anew")
    return zoos.recipe(known[name], name)


def _torchvision(name: str) -> Recipe:
    known = torchvision_nets.known()
    if name not in known:
        raise UnknownName.of("net of torchvision", name, known)
    return torchvision_nets.recipe(name)


def _unknown(name: str) -> UnknownName:
    """Near misses among thousands of names; the tag is compared apart, since it outweighs the name."""
    import timm

    known: list[Any] = [*timm.list_models(), *torchvision_nets.BARE, *zoos.offline()]
    close = difflib.get_close_matches(name.split(".")[0].lower(), known, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(close)}?" if close else "`wb.backbones()` lists them all"
    return UnknownName(f"no backbone is called {name!r}; {hint}")
