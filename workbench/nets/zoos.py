"""Zoos: folders of weights with an index, `zoo.json`, that says how each net is built. See docs/zoo.md."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import disk
from workbench.errors import BadValue, UnknownName
from workbench.nets.build import CIFAR
from workbench.nets.recipe import Recipe

INDEX = "zoo.json"
FORMAT = "zoo-1"
BUILTIN = Path(__file__).parent / "zoo"
PIXELS = ("mean", "std", "interpolation", "crop_pct", "crop_mode")
FREE = ("origin_repository", "source_dataset")  # words for people


def builtin() -> dict[str, Path]:
    """The nets of the built-in zoo and the folder each lies in: the package's, then those made on this machine."""
    made = {name: own() for name in entries(own())}
    return {**made, **dict.fromkeys(entries(BUILTIN), BUILTIN)}


def own() -> Path:
    """Where pretrainings of this machine are kept if not in the package."""
    return disk.home() / "zoo"


def enter(folder: Path, entry: Mapping[str, Any]) -> None:
    """Puts `entry` into a folder's index, in the place of one of the same name, else at its end.

    Raises:
        BadValue: the index that is there cannot be read.
    """
    with disk.lock(folder / ".zoo.lock"):  # two pretrainings may end at once
        listed = {**entries(folder), entry["name"]: entry}
        index = {"format": FORMAT, "nets": list(listed.values())}
        disk.write(folder / INDEX, json.dumps(index, indent=1, ensure_ascii=False) + "\n")


def folders() -> list[Path]:
    """The folders whose nets load by bare name: those of `$WORKBENCH_ZOO` that hold an index."""
    given = [Path(p).expanduser() for p in os.environ.get("WORKBENCH_ZOO", "").split(os.pathsep) if p]
    return [folder for folder in given if (folder / INDEX).is_file()]


def entries(folder: Path) -> dict[str, Mapping[str, Any]]:
    """The entries of a zoo by name; empty where the folder has no index.

    Raises:
        BadValue: the index is no JSON, of another format, or lists an entry without a name or file.
    """
    path = folder / INDEX
    if not path.is_file():
        return {}
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise BadValue(f"the index {path} is not readable JSON: {error}") from error
    if not isinstance(index, Mapping) or index.get("format") != FORMAT or not isinstance(index.get("nets"), list):
        raise BadValue(f'the index {path} wants {{"format": "{FORMAT}", "nets": […]}}; see docs/zoo.md')
    for place, entry in enumerate(index["nets"]):
        if not isinstance(entry, Mapping) or not all(isinstance(entry.get(k), str) for k in ("name", "file")):
            raise BadValue(f"entry {place} of {path} wants at least a name and a file, both words")
    named = {entry["name"]: entry for entry in index["nets"]}
    if len(named) < len(index["nets"]):
        raise BadValue(f"two entries of {path} bear the same name")
    return named


def recipe(folder: Path, name: str) -> Recipe:
    """The recipe of one entry.

    Raises:
        UnknownName: the index has no such entry.
        BadValue: the entry is at odds with itself, or its file is missing.
    """
    known = entries(folder)
    if name not in known:
        raise UnknownName.of(f"net in {folder / INDEX}", name, known)
    entry = known[name]
    file = inside(folder, entry, "file")
    if not file.is_file():
        raise BadValue(f"{name} in {folder / INDEX} lists the file {entry['file']}, which is not in that folder")
    return from_entry(entry, folder).but(weights=file, sha256=str(entry.get("sha256") or ""))


def inside(folder: Path, entry: Mapping[str, Any], field: str) -> Path:
    """The file that a field of an entry names.

    Raises:
        BadValue: it lies outside of the zoo's folder, itself or where a link leads.
    """
    path = folder / str(entry[field])
    if _leads_out(entry[field]) or folder.resolve() not in path.resolve().parents:
        raise BadValue(
            f"{entry['name']} in {folder / INDEX} lists the {field} {entry[field]!r}, which is not in that folder; an "
            "index names files by their path from its own folder, with / between folders"
        )
    return path


def from_entry(entry: Mapping[str, Any], folder: Path | None = None) -> Recipe:
    """A recipe from the fields of an entry, which a safetensors file may also carry as metadata.

    Raises:
        BadValue: a field is missing or of the wrong type.
    """
    name = str(entry.get("name") or "this entry")
    astray = [field for field, value in entry.items() if field not in FREE and _leads_out(value)]
    if astray:
        raise BadValue(f"the {astray[0]} of {name}, {str(entry[astray[0]])[:200]!r}, leads out of its folder")
    architecture, kwargs = entry.get("architecture"), entry.get("kwargs") or {}
    if not isinstance(architecture, str) or not isinstance(kwargs, Mapping):
        raise BadValue(f"{name} wants an architecture (a word) and kwargs (a mapping); see docs/zoo.md")
    builder = entry.get("builder") or _builder(name, architecture, entry.get("library"))
    count = entry.get("num_classes")
    if count is not None and "num_classes" not in kwargs:
        kwargs = {**kwargs, "num_classes": count}
    return Recipe(
        name,
        architecture,
        str(builder),
        kwargs,
        _classes(entry, folder, name),
        _pixels(entry, name),
        source=_source(entry),
    )


def hub_folder(folder: Path) -> Mapping[str, Any] | None:
    """The entry that a folder of the Hugging Face hub amounts to: timm writes a `config.json` beside its weights."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(config, Mapping) or not isinstance(config.get("architecture"), str):
        return None
    pixels = config.get("pretrained_cfg") or {}
    fields = {key: pixels[key] for key in (*PIXELS, "input_size") if key in pixels}
    given = {"kwargs": config.get("model_args"), "classes": config.get("label_names")}
    known = {key: config[key] for key in ("architecture", "num_classes") if key in config}
    return {"name": folder.name, "library": "timm", "licence": pixels.get("license"), **fields, **given, **known}


def bare(name: str) -> Recipe | None:
    """The recipe of a bare name in the zoos of `$WORKBENCH_ZOO`, the first that lists it."""
    for folder in folders():
        if name in entries(folder):
            return recipe(folder, name)
    return None


def offline() -> list[str]:
    """What the known zoos hold, as names that `load` takes."""
    found = [f"wb/{name}" for name in builtin()]
    for folder in folders():
        found += list(entries(folder))
    return found


def _leads_out(value: Any) -> bool:
    """Whether a word is a path that begins elsewhere than in its folder or goes up, on any system."""
    if not isinstance(value, str):
        return False
    rooted = value.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:[\\/]", value)
    return bool(rooted) or "\0" in value or ".." in re.split(r"[\\/]", value)


def _builder(name: str, architecture: str, library: Any) -> str:
    if re.fullmatch(r"cifar_resnet\d*", architecture):
        return CIFAR
    if library in ("timm", "torchvision"):
        return "timm.create_model" if library == "timm" else f"torchvision.models.{architecture}"
    raise BadValue(f"{name} names no builder, and {architecture!r} is not an architecture of ours; see docs/zoo.md")


def _classes(entry: Mapping[str, Any], folder: Path | None, name: str) -> tuple[str, ...] | None:
    given, count = entry.get("classes"), entry.get("num_classes")
    if isinstance(given, str):
        path = inside(folder, entry, "classes") if folder else None
        if path is None or not path.is_file():
            return None
        try:
            given = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadValue(f"the class names of {name} cannot be read from {path}: {error}") from error
    if given is None:
        return None
    if not isinstance(given, list) or (count is not None and len(given) != count):
        raise BadValue(f"{name} wants {count} class names; its classes are {len(given)}")
    return tuple(map(str, given))


def _pixels(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    fields = {key: entry[key] for key in PIXELS if entry.get(key) is not None}
    size = entry.get("input_size")
    if isinstance(size, list) and len(size) == 3 and size[0] == 3 and size[1] == size[2]:
        return {**fields, "size": size[1]}
    if size is not None:
        raise BadValue(f"the input_size of {name} is [3, edge, edge]; got {size!r}")
    return fields


def _source(entry: Mapping[str, Any]) -> dict[str, Any]:
    named = {"origin": "origin_repository", "licence": "licence", "pretrained_on": "source_dataset"}
    return {key: entry[field] for key, field in named.items() if entry.get(field)}
