"""Index of zoos: folders of weights with a `zoo.json` that lists how each net is built. See docs/zoo.md."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import _paths
from workbench.errors import BadValue, UnknownName
from workbench.nets.loading.model_builders import CIFAR_BUILDER
from workbench.nets.loading.recipe import Recipe

INDEX_FILE = "zoo.json"
INDEX_FORMAT = "zoo-1"
BUILTIN_FOLDER = Path(__file__).parents[1] / "zoo"
PIXEL_FIELDS = ("mean", "std", "interpolation", "crop_pct", "crop_mode")
FREE_TEXT_FIELDS = ("origin_repository", "source_dataset")  # free text


def locate_builtin_nets() -> dict[str, Path]:
    """Locate the nets of the built-in zoo: folder by name, in the package or among those made on this machine."""
    user_nets = {name: user_zoo_folder() for name in read_entries(user_zoo_folder())}
    return {**user_nets, **dict.fromkeys(read_entries(BUILTIN_FOLDER), BUILTIN_FOLDER)}


def user_zoo_folder() -> Path:
    """Return the folder of pretrainings made on this machine outside of the package."""
    return _paths.workbench_home() / "zoo"


def add_entry(folder: Path, entry: Mapping[str, Any]) -> None:
    """Add `entry` to a folder's index, replacing one of the same name, otherwise at its end.

    Raises:
        BadValue: the existing index cannot be read.
    """
    with _paths.hold_lock(folder / ".zoo.lock"):  # two pretrainings may end at the same time
        listed = {**read_entries(folder), entry["name"]: entry}
        index = {"format": INDEX_FORMAT, "nets": list(listed.values())}
        _paths.write_file(folder / INDEX_FILE, json.dumps(index, indent=1, ensure_ascii=False) + "\n")


def list_zoo_folders() -> list[Path]:
    """List the folders whose nets load by bare name: those of `$WORKBENCH_ZOO` that contain an index."""
    folders = [Path(p).expanduser() for p in os.environ.get("WORKBENCH_ZOO", "").split(os.pathsep) if p]
    return [folder for folder in folders if (folder / INDEX_FILE).is_file()]


def read_entries(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Read the entries of a zoo by name; empty where the folder has no index.

    Raises:
        BadValue: the index is not JSON, of another format, or lists an entry without a name or file.
    """
    path = folder / INDEX_FILE
    if not path.is_file():
        return {}
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise BadValue(f"the index {path} is not valid JSON: {error}") from error
    if not isinstance(index, Mapping) or index.get("format") != INDEX_FORMAT or not isinstance(index.get("nets"), list):
        raise BadValue(f'the index {path} wants {{"format": "{INDEX_FORMAT}", "nets": […]}}; see docs/zoo.md')
    for position, entry in enumerate(index["nets"]):
        if not isinstance(entry, Mapping) or not all(isinstance(entry.get(k), str) for k in ("name", "file")):
            raise BadValue(f"entry {position} of {path} needs at least a name and a file, both text")
    named = {entry["name"]: entry for entry in index["nets"]}
    if len(named) < len(index["nets"]):
        raise BadValue(f"two entries of {path} have the same name")
    return named


def read_recipe(folder: Path, name: str) -> Recipe:
    """Read the recipe of one entry.

    Raises:
        UnknownName: the index has no such entry.
        BadValue: the entry is inconsistent, or its file is missing.
    """
    entries = read_entries(folder)
    if name not in entries:
        raise UnknownName.of(f"net in {folder / INDEX_FILE}", name, entries)
    entry = entries[name]
    file = resolve_entry_path(folder, entry, "file")
    if not file.is_file():
        raise BadValue(f"{name} in {folder / INDEX_FILE} lists the file {entry['file']}, which is not in that folder")
    return recipe_from_entry(entry, folder).replace(weights=file, sha256=str(entry.get("sha256") or ""))


def resolve_entry_path(folder: Path, entry: Mapping[str, Any], field: str) -> Path:
    """Resolve the file that a field of an entry names.

    Raises:
        BadValue: it is outside of the zoo's folder, directly or through a link.
    """
    path = folder / str(entry[field])
    if _is_path_outside(entry[field]) or folder.resolve() not in path.resolve().parents:
        raise BadValue(
            f"{entry['name']} in {folder / INDEX_FILE} lists the {field} {entry[field]!r}, which is not in that "
            "folder; an index names files by their path from its own folder, with / between folders"
        )
    return path


def recipe_from_entry(entry: Mapping[str, Any], folder: Path | None = None) -> Recipe:
    """Make a recipe from the fields of an entry, which a safetensors file may also contain as metadata.

    Raises:
        BadValue: a field is missing or of the wrong type.
    """
    name = str(entry.get("name") or "this entry")
    outside = [field for field, value in entry.items() if field not in FREE_TEXT_FIELDS and _is_path_outside(value)]
    if outside:
        raise BadValue(f"the {outside[0]} of {name}, {str(entry[outside[0]])[:200]!r}, is a path outside of its folder")
    architecture, kwargs = entry.get("architecture"), entry.get("kwargs") or {}
    if not isinstance(architecture, str) or not isinstance(kwargs, Mapping):
        raise BadValue(f"{name} needs an architecture (text) and kwargs (a mapping); see docs/zoo.md")
    builder = entry.get("builder") or _infer_builder(name, architecture, entry.get("library"))
    n_classes = entry.get("num_classes")
    if n_classes is not None and "num_classes" not in kwargs:
        kwargs = {**kwargs, "num_classes": n_classes}
    return Recipe(
        name,
        architecture,
        str(builder),
        kwargs,
        _read_class_names(entry, folder, name),
        _parse_pixel_fields(entry, name),
        provenance=_parse_provenance(entry),
    )


def read_hub_config(folder: Path) -> Mapping[str, Any] | None:
    """Read a folder of the Hugging Face hub as an entry: timm writes a `config.json` beside its weights."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(config, Mapping) or not isinstance(config.get("architecture"), str):
        return None
    pixels = config.get("pretrained_cfg") or {}
    fields = {key: pixels[key] for key in (*PIXEL_FIELDS, "input_size") if key in pixels}
    model_fields = {"kwargs": config.get("model_args"), "classes": config.get("label_names")}
    top_fields = {key: config[key] for key in ("architecture", "num_classes") if key in config}
    entry = {"name": folder.name, "library": "timm", "licence": pixels.get("license")}
    return {**entry, **fields, **model_fields, **top_fields}


def find_zoo_recipe(name: str) -> Recipe | None:
    """Find the recipe of a bare name in the zoos of `$WORKBENCH_ZOO`; the first zoo that lists it counts."""
    for folder in list_zoo_folders():
        if name in read_entries(folder):
            return read_recipe(folder, name)
    return None


def list_zoo_names() -> list[str]:
    """List the nets of the known zoos, by the names that `load_net` accepts."""
    names = [f"wb/{name}" for name in locate_builtin_nets()]
    for folder in list_zoo_folders():
        names += list(read_entries(folder))
    return names


def _is_path_outside(value: Any) -> bool:
    """Return whether a text is a path that is absolute or goes up, on any operating system."""
    if not isinstance(value, str):
        return False
    rooted = value.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:[\\/]", value)
    return bool(rooted) or "\0" in value or ".." in re.split(r"[\\/]", value)


def _infer_builder(name: str, architecture: str, library: Any) -> str:
    if re.fullmatch(r"cifar_resnet\d*", architecture):
        return CIFAR_BUILDER
    if library in ("timm", "torchvision"):
        return "timm.create_model" if library == "timm" else f"torchvision.models.{architecture}"
    raise BadValue(f"{name} names no builder, and {architecture!r} is not a built-in architecture; see docs/zoo.md")


def _read_class_names(entry: Mapping[str, Any], folder: Path | None, name: str) -> tuple[str, ...] | None:
    classes, count = entry.get("classes"), entry.get("num_classes")
    if isinstance(classes, str):
        path = resolve_entry_path(folder, entry, "classes") if folder else None
        if path is None or not path.is_file():
            return None
        try:
            classes = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadValue(f"the class names of {name} cannot be read from {path}: {error}") from error
    if classes is None:
        return None
    if not isinstance(classes, list) or (count is not None and len(classes) != count):
        raise BadValue(f"{name} wants {count} class names; it lists {len(classes)}")
    return tuple(map(str, classes))


def _parse_pixel_fields(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    fields = {key: entry[key] for key in PIXEL_FIELDS if entry.get(key) is not None}
    size = entry.get("input_size")
    if isinstance(size, list) and len(size) == 3 and size[0] == 3 and size[1] == size[2]:
        return {**fields, "size": size[1]}
    if size is not None:
        raise BadValue(f"the input_size of {name} is [3, edge, edge]; got {size!r}")
    return fields


def _parse_provenance(entry: Mapping[str, Any]) -> dict[str, Any]:
    named = {"origin": "origin_repository", "licence": "licence", "pretrained_on": "source_dataset"}
    return {key: entry[field] for key, field in named.items() if entry.get(field)}
