"""A folder of images: names only; no file is opened, but those whose names do not say what they are."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.errors import BadData, Unavailable, nearest
from workbench.images.clutter import is_clutter
from workbench.images.image_files import EXTENSIONS
from workbench.images.items import Items
from workbench.images.label_words import to_word, words_of
from workbench.images.labels import classes_of
from workbench.images.layouts import Layout, layout_of
from workbench.images.odd_files import why_no_image
from workbench.images.origins import Files

NO_CLASS = "it lies in a folder of a split without class folders: what it shows is not known"
LeftOut = tuple[str, str | None, str]  # id, path, reason


@dataclass
class Folder:
    """One folder that was walked.

    Attributes:
        parts: the names of the folders down to it.
        images: files that are images by their ending, or by their content where that says nothing.
        others: other files, with the reason why each is no image.
        hidden: folders that were not entered since their names begin with a dot.
        clutter: what systems and programs left behind.
        below: whether any folder lies below it.
    """

    parts: tuple[str, ...]
    images: list[str] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)
    clutter: list[str] = field(default_factory=list)
    below: bool = False

    def left_out(self, root: str, why: str | None = None) -> Iterator[LeftOut]:
        """What of it is no image of the set, with the reasons; with `why`, its images neither."""
        prefix = "".join(part + "/" for part in self.parts)
        found = dict.fromkeys(sorted(self.images), why) if why else {}
        found |= self.others
        found |= {f"{name}/": "its name begins with a dot: it is hidden, and not entered" for name in self.hidden}
        yield from ((prefix + name, os.path.join(root, prefix + name), reason or "") for name, reason in found.items())


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
    items = _items(root, folders, plan)
    for folder in folders:
        if not folder.images and not folder.below and plan.is_class(folder.parts):
            place = plan.place(folder.parts)
            if place and to_word(place.label, named=True) not in items.labels.names:
                name = "/".join(folder.parts)
                others = _first_other(folder)
                raise BadData(f"the class folder {name!r} of {root} holds no images{others}; put some in, or remove it")
    items.notes = tuple(_notes(plan, folders))
    return items


def _first_other(folder: Folder) -> str:
    if not folder.others:
        return ""
    name, why = next(iter(folder.others.items()))
    return f" but {len(folder.others)} other files ({name}: {why})"


def _notes(plan: Layout, folders: Sequence[Folder]) -> Iterator[str]:
    """What a person should know of how the tree was read."""
    for parts in plan.aside:
        count = sum(len(f.images) for f in folders if f.parts[: len(parts)] == parts)
        yield (
            f"the folder {'/'.join(parts)} holds {count:,} images without class folders: what they show is not known, "
            "so they are left aside"
        )
    clutter = [name for f in folders for name in f.clutter]
    if clutter:
        kinds = ", ".join(dict.fromkeys(clutter))
        yield f"{len(clutter):,} things that systems and programs leave behind were passed over: {kinds:.200}"


def _items(root: str, folders: list[Folder], plan: Layout) -> Items:
    ids: list[str] = []
    labels: list[str] = []
    splits: list[int] = []
    domains: list[str | None] = []
    sizes: list[int] = []
    out: list[LeftOut] = []
    for folder in folders:
        place = plan.place(folder.parts)
        if place is None:
            aside = plan.is_aside(folder.parts)
            out += folder.left_out(root, NO_CLASS if aside else "it lies outside the class folders")
            continue
        out += folder.left_out(root)
        if not folder.images:
            continue
        prefix = "".join(part + "/" for part in folder.parts)
        ids += [prefix + name for name in sorted(folder.images)]
        sizes.append(len(folder.images))
        labels.append(place.label)
        splits.append(place.split)
        domains.append(None if place.domain is None else unicodedata.normalize("NFC", place.domain))
    known = sorted({d for d in domains if d is not None})
    codes = [-1 if d is None else known.index(d) for d in domains]
    few = classes_of(words_of(labels, "the class folders", named=True))
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
        left_out=out,
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
    images, odd, extensions = folder.images, [], EXTENSIONS
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if _is_folder(entry):
                    if is_clutter(name, folder=True):
                        folder.clutter.append(name)
                    elif name[0] == ".":
                        folder.hidden.append(name)
                    else:
                        yield name, entry.is_symlink()
                elif name[0] != "." and name.rpartition(".")[2].lower() in extensions and name[:4] != "SYNO":
                    images.append(name)
                else:
                    odd.append(name)
    except PermissionError as error:
        raise Unavailable(f"the folder {path} may not be read: its permissions forbid it") from error
    except OSError as error:
        raise Unavailable(f"the folder {path} cannot be read: {error.strerror or error}") from error
    _sort_odd(path, folder, sorted(odd))


def _sort_odd(path: str, folder: Folder, names: Sequence[str]) -> None:
    """Files whose names do not tell that they are images: clutter, images by their content, or others."""
    beside = frozenset(folder.images)
    for name in names:
        if is_clutter(name):
            folder.clutter.append(name)
        elif name[0] == ".":
            folder.others[name] = "its name begins with a dot: it is hidden"
        elif why := why_no_image(os.path.join(path, name), beside):
            folder.others[name] = why
        else:
            folder.images.append(name)


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
    others = {name: why for f in folders for name, why in f.others.items()}
    kinds = "jpg, png, webp, tif and the like"
    if others:
        first, why = next(iter(others.items()))
        return (
            f"the folder {root} holds no images: none of its {len(others)} files is one; the first is {first!r}: {why}"
        )
    inside = f"{len(folders) - 1} empty folders" if len(folders) > 1 else "nothing at all"
    return f"the folder {root} holds no images but {inside}; it wants one folder a class, with {kinds} files inside"
