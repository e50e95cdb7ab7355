"""A folder of images: names only, no file is opened or asked for its size."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.errors import BadData, Unavailable, nearest
from workbench.images.image_files import EXTENSIONS
from workbench.images.items import Items
from workbench.images.labels import classes_of
from workbench.images.layouts import Layout, layout_of
from workbench.images.origins import Files

SKIPPED = frozenset(("__MACOSX", "__pycache__", "lost+found", "$RECYCLE.BIN"))


@dataclass
class Folder:
    """One folder that was walked: its place, its images, and whether anything lies below it."""

    parts: tuple[str, ...]
    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    below: bool = False


def items_of(root: str, layout: str = "auto") -> Items:
    """The rows of a class-per-folder tree.

    Args:
        root: the folder.
        layout: `auto`, or the meaning of each level, such as `split/class` or `domain/class`.

    Raises:
        Unavailable: there is no such folder, or it may not be read.
        BadData: no images, no classes, an empty class.
    """
    root = os.path.abspath(root)
    folders = list(_walk(root))
    held = [f for f in folders if f.images]
    if not held:
        raise BadData(_without_images(root, folders))
    plan = layout_of(root, {f.parts: len(f.images) for f in held}, layout)
    items = _items(root, held, plan)
    for folder in folders:
        if not folder.images and not folder.below and plan.is_class(folder.parts):
            place = plan.place(folder.parts)
            if place and place.label not in items.labels.names:
                name = "/".join(folder.parts)
                raise BadData(f"the class folder {name!r} of {root} holds no images; put some in, or remove it")
    return items


def _items(root: str, held: list[Folder], plan: Layout) -> Items:
    ids: list[str] = []
    labels: list[str] = []
    splits: list[int] = []
    domains: list[str | None] = []
    sizes: list[int] = []
    strays: list[tuple[str, str | None, str]] = []
    for folder in held:
        prefix = "".join(part + "/" for part in folder.parts)
        names = [prefix + name for name in sorted(folder.images)]
        place = plan.place(folder.parts)
        if place is None:
            strays += [(n, os.path.join(root, n), "it lies outside the class folders") for n in names]
            continue
        ids += names
        sizes.append(len(names))
        labels.append(unicodedata.normalize("NFC", place.label))
        splits.append(place.split)
        domains.append(place.domain)
    known = sorted({d for d in domains if d is not None})
    codes = [-1 if d is None else known.index(d) for d in domains]
    few = classes_of(labels)
    few.values = np.repeat(few.values, sizes)
    return Items(
        name=os.path.basename(root) or root,
        origin=Files(root, ids),
        at=np.arange(len(ids)),
        ids=ids,
        labels=few,
        splits=np.repeat(np.array(splits, np.int8), sizes),
        domains=np.repeat(np.array(codes, np.int16), sizes),
        domain_names=tuple(known),
        left_out=strays,
    )


def _walk(root: str) -> Iterator[Folder]:
    """Every folder below `root`, itself first, links followed but no folder entered twice on the way down."""
    if not os.path.isdir(root):
        raise Unavailable(_missing(root))
    stack: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [(root, (), (os.path.realpath(root),))]
    while stack:
        path, parts, above = stack.pop()
        folder = Folder(parts)
        for name, linked in sorted(_subfolders(path, folder), reverse=True):
            below = os.path.join(path, name)
            real = os.path.realpath(below) if linked else above[-1] + os.sep + name
            if real not in above:
                stack.append((below, (*parts, name), (*above, real)))
                folder.below = True
        yield folder


def _subfolders(path: str, folder: Folder) -> Iterator[tuple[str, bool]]:
    """Subfolders with whether they are links; the files go into `folder`."""
    images, others, extensions = folder.images, folder.others, EXTENSIONS
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == "." or name in SKIPPED:
                    continue
                if _is_folder(entry):
                    yield name, entry.is_symlink()
                elif name.rpartition(".")[2].lower() in extensions:
                    images.append(name)
                else:
                    others.append(name)
    except PermissionError as error:
        raise Unavailable(f"the folder {path} may not be read: its permissions forbid it") from error
    except OSError as error:
        raise Unavailable(f"the folder {path} cannot be read: {error.strerror or error}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself is listed with the files that cannot be read
        return False


def _missing(root: str) -> str:
    """That there is no such folder, with near misses in the one above it."""
    parent = Path(root).parent
    if os.path.isfile(root):
        return f"{root} is a file; images come from a folder, a CSV or TSV table, arrays or a dataset"
    if not parent.is_dir():
        return f"there is no folder or table {root}; not even {parent} exists"
    beside = [name for name in sorted(os.listdir(parent)) if not name.startswith(".")]
    return f"there is no folder or table {root}; in {parent}, {nearest(Path(root).name, beside)}"


def _without_images(root: str, folders: Sequence[Folder]) -> str:
    others = [name for f in folders for name in f.others]
    kinds = "jpg, png, webp, tif and the like"
    if others:
        return (
            f"the folder {root} holds no images: of its {len(others)} files, none ends in {kinds}; "
            f"the first is {others[0]!r}"
        )
    inside = f"{len(folders) - 1} empty folders" if len(folders) > 1 else "nothing at all"
    return f"the folder {root} holds no images but {inside}; it wants one folder a class, with {kinds} files inside"
