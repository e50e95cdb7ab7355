"""Resolution of names: an architecture, a file, a folder, an entry of a zoo, or a run."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

from workbench.errors import BadValue, Unavailable, UnknownName
from workbench.formatting import join_names, summarize_names
from workbench.nets.catalogue import zoo_index
from workbench.nets.loading import hub, saved_recipe, torchvision_nets, weight_files
from workbench.nets.loading.recipe import Recipe

RUN_WEIGHTS_FILE = "weights.safetensors"  # the file in a finished run's folder


def resolve_name(name: str, architecture: str | None = None) -> tuple[Recipe, str]:
    """Resolve a name to its recipe, and to the name by which any process finds it again.

    Args:
        architecture: architecture of a file that does not contain it.

    Raises:
        UnknownName: no net has the name.
        BadValue: the path leads to nothing usable.
    """
    import timm

    if name.startswith("wb/"):
        return _resolve_builtin_net(name.removeprefix("wb/")), name
    if name.startswith("torchvision/"):
        return _resolve_torchvision_net(name.removeprefix("torchvision/")), name
    short = name.removeprefix("timm/")
    if timm.is_model(short.split(".")[0]) and "/" not in short:
        hub.check_tag(short)
        return Recipe(short, short, weights="hub"), short
    if name in torchvision_nets.BARE_NAMES:
        return _resolve_torchvision_net(name), f"torchvision/{name}"
    entry = zoo_index.find_zoo_recipe(name)
    if entry is not None:
        return entry, name
    if not _is_path(name):
        raise _make_unknown_name_error(name)
    path = Path(os.path.abspath(Path(name).expanduser()))
    return _resolve_path(path, architecture), str(path)


def _is_path(name: str) -> bool:
    return "/" in name or os.sep in name or name.endswith(weight_files.SUFFIXES) or Path(name).exists()


def _resolve_path(path: Path, architecture: str | None) -> Recipe:
    if path.is_dir():
        return _resolve_folder(path, architecture)
    if path.is_file():
        return _resolve_file(path, architecture)
    if zoo_index.read_entries(path.parent):
        return zoo_index.read_recipe(path.parent, path.name)
    missing = next((p for p in [path, *path.parents] if p.parent.exists()), path)
    raise UnknownName(f"there is no file or folder {path}; {missing.parent} has no {missing.name!r}")


def _resolve_folder(path: Path, architecture: str | None) -> Recipe:
    if (path / RUN_WEIGHTS_FILE).is_file():
        return _resolve_file(path / RUN_WEIGHTS_FILE, architecture)
    listed = zoo_index.read_entries(path)
    if len(listed) == 1:
        return zoo_index.read_recipe(path, next(iter(listed)))
    if listed:
        raise BadValue(f"{path} is a zoo of {len(listed)} nets; name one: {path.name}/{next(iter(listed))}")
    if (path / "plan.json").is_file():
        raise Unavailable(f"the run in {path} has no {RUN_WEIGHTS_FILE} yet; it is written when the run ends")
    files = sorted(f for f in path.iterdir() if f.is_file() and f.suffix in weight_files.SUFFIXES)
    if not files:
        raise BadValue(
            f"{path} contains no weights: no {zoo_index.INDEX_FILE} and no file ending in "
            f"{', '.join(weight_files.SUFFIXES)}"
        )
    if len(files) > 1:
        names = summarize_names((f.name for f in files), 4)
        raise BadValue(
            f"{path} holds {len(files)} files of weights, {names}; name one of them, or add {zoo_index.INDEX_FILE}"
        )
    return _resolve_file(files[0], architecture)


def _resolve_file(path: Path, architecture: str | None) -> Recipe:
    if not path.name.endswith(weight_files.SUFFIXES):
        raise BadValue(f"{path} is not a file of weights; expected a name ending in {', '.join(weight_files.SUFFIXES)}")
    listed = next((n for n, entry in zoo_index.read_entries(path.parent).items() if entry["file"] == path.name), None)
    if listed is not None:
        return zoo_index.read_recipe(path.parent, listed)
    metadata = weight_files.read_metadata(path)
    if saved_recipe.METADATA_KEY in metadata:
        return saved_recipe.parse_recipe(metadata[saved_recipe.METADATA_KEY], path)
    beside = zoo_index.read_hub_config(path.parent)
    if architecture is None and beside is not None:
        return zoo_index.recipe_from_entry(beside).replace(weights=path)
    if architecture is not None:
        recipe, _ = resolve_name(architecture)
        return recipe.replace(name=path.name, weights=path, classes=None, provenance={})
    if "architecture" in metadata:
        return zoo_index.recipe_from_entry({"name": path.stem, **metadata}).replace(weights=path)
    raise BadValue(f'{path} does not contain its architecture; add architecture="resnet18", or the one it is')


def _resolve_builtin_net(name: str) -> Recipe:
    known = zoo_index.locate_builtin_nets()
    if name not in known:
        raise UnknownName.of("net of the built-in zoo", name, known, "`workbench pretrain NAME` makes one")
    return zoo_index.read_recipe(known[name], name)


def _resolve_torchvision_net(name: str) -> Recipe:
    known = torchvision_nets.list_torchvision_nets()
    if name not in known:
        raise UnknownName.of("net of torchvision", name, known)
    return torchvision_nets.make_torchvision_recipe(name)


def _make_unknown_name_error(name: str) -> UnknownName:
    """Make the error for an unknown name, with near misses; the tag is left out, since it outweighs the name."""
    import timm

    known: list[Any] = [*timm.list_models(), *torchvision_nets.BARE_NAMES, *zoo_index.list_zoo_names()]
    close = difflib.get_close_matches(name.split(".")[0].lower(), known, n=3, cutoff=0.6)
    hint = f"did you mean {join_names(close, 'or')}?" if close else "`wb.list_backbones()` lists them all"
    return UnknownName(f"no backbone is called {name!r}; {hint}")
