"""Folder tree of images: only names are read, and the content of files whose names have no image extension."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from workbench.data.checks.clutter import is_clutter
from workbench.data.checks.file_signatures import explain_not_image
from workbench.data.items import Items
from workbench.data.labels.label_encoding import encode_classes
from workbench.data.labels.label_normalization import normalize_label, normalize_labels
from workbench.data.opening.folder_layout import FolderLayout, infer_layout
from workbench.data.pixels.image_files import EXTENSIONS
from workbench.data.pixels.pixel_sources import FileSource
from workbench.errors import BadData, Unavailable, suggest_names

NO_CLASS_REASON = "it is in a folder of a split without class folders, so its class is unknown"
ExcludedFile = tuple[str, str | None, str]  # id, path, reason


@dataclass
class FolderContents:
    """Content of one folder.

    Attributes:
        parts: names of the folders from the root down to it.
        images: files that are images by their extension, or by their content if that is unknown.
        other_files: other files, with the reason why each is no image.
        hidden_folders: folders that were skipped since their names begin with a dot.
        clutter: files and folders that systems and programs left behind.
        has_subfolders: True if there is any folder below it.
    """

    parts: tuple[str, ...]
    images: list[str] = field(default_factory=list)
    other_files: dict[str, str] = field(default_factory=dict)
    hidden_folders: list[str] = field(default_factory=list)
    clutter: list[str] = field(default_factory=list)
    has_subfolders: bool = False

    def iter_excluded(self, root: str, image_reason: str | None = None) -> Iterator[ExcludedFile]:
        """Iterate over what is excluded from the set, with reasons; with `image_reason`, its images too."""
        prefix = "".join(part + "/" for part in self.parts)
        reasons = dict.fromkeys(sorted(self.images), image_reason) if image_reason else {}
        reasons |= self.other_files
        reasons |= {f"{name}/": "its name begins with a dot: it is hidden and skipped" for name in self.hidden_folders}
        yield from (
            (prefix + name, os.path.join(root, prefix + name), reason or "") for name, reason in reasons.items()
        )


def items_from_folder(root: str, layout: str = "auto") -> Items:
    """Build items from a class-per-folder tree.

    Args:
        root: root folder.
        layout: `auto`, or the meaning of each level, such as `split/class` or `domain/class`.

    Raises:
        Unavailable: the folder does not exist, or may not be read.
        BadData: no images, no classes, an empty class.
    """
    root = os.path.abspath(root)
    folders = list(_walk_folders(root))
    with_images = [f for f in folders if f.images]
    if not with_images:
        raise BadData(_describe_empty_folder(root, folders))
    folder_layout = infer_layout(root, {f.parts: len(f.images) for f in with_images}, layout)
    items = _items_from_folders(root, folders, folder_layout)
    _check_class_folders(root, folders, folder_layout, items.labels.names)
    return replace(items, notes=tuple(_iter_notes(folder_layout, folders)))


def _check_class_folders(
    root: str, folders: Sequence[FolderContents], layout: FolderLayout, classes: Sequence[str]
) -> None:
    """Refuse an empty class folder whose class has no images elsewhere."""
    for folder in folders:
        if not folder.images and not folder.has_subfolders and layout.is_class_folder(folder.parts):
            folder_label = layout.folder_label(folder.parts)
            if folder_label and normalize_label(folder_label.label, allow_any_text=True) not in classes:
                name = "/".join(folder.parts)
                others = _describe_other_files(folder)
                raise BadData(f"the class folder {name!r} of {root} has no images{others}; add some, or remove it")


def _describe_other_files(folder: FolderContents) -> str:
    if not folder.other_files:
        return ""
    name, why = next(iter(folder.other_files.items()))
    return f" but {len(folder.other_files)} other files ({name}: {why})"


def _iter_notes(layout: FolderLayout, folders: Sequence[FolderContents]) -> Iterator[str]:
    """Iterate over sentences for the user on how the tree was read."""
    for parts in layout.unlabeled_folders:
        count = sum(len(f.images) for f in folders if f.parts[: len(parts)] == parts)
        yield (
            f"the folder {'/'.join(parts)} has {count:,} images without class folders: their classes are unknown, "
            "so they are left out"
        )
    clutter = [name for f in folders for name in f.clutter]
    if clutter:
        kinds = ", ".join(dict.fromkeys(clutter))
        yield f"{len(clutter):,} files and folders of systems and programs were skipped: {kinds:.200}"


def _items_from_folders(root: str, folders: list[FolderContents], layout: FolderLayout) -> Items:
    ids: list[str] = []
    labels: list[str] = []
    splits: list[int] = []
    domains: list[str | None] = []
    sizes: list[int] = []
    excluded: list[ExcludedFile] = []
    for folder in folders:
        folder_label = layout.folder_label(folder.parts)
        if folder_label is None:
            is_unlabeled = layout.is_unlabeled(folder.parts)
            excluded += folder.iter_excluded(
                root, NO_CLASS_REASON if is_unlabeled else "it is outside the class folders"
            )
            continue
        excluded += folder.iter_excluded(root)
        if not folder.images:
            continue
        prefix = "".join(part + "/" for part in folder.parts)
        ids += [prefix + name for name in sorted(folder.images)]
        sizes.append(len(folder.images))
        labels.append(folder_label.label)
        splits.append(folder_label.split)
        domains.append(None if folder_label.domain is None else unicodedata.normalize("NFC", folder_label.domain))
    domain_names = sorted({d for d in domains if d is not None})
    codes = [-1 if d is None else domain_names.index(d) for d in domains]
    folder_labels = encode_classes(normalize_labels(labels, "the class folders", allow_any_text=True))
    return Items(
        name=os.path.basename(root) or root,
        pixel_source=FileSource(root, ids),
        source_index=np.arange(len(ids)),
        ids=ids,
        labels=replace(folder_labels, values=np.repeat(folder_labels.values, sizes)),
        splits=np.repeat(np.array(splits, np.int8), sizes),
        domains=np.repeat(np.array(codes, np.int16), sizes),
        domain_names=tuple(domain_names),
        excluded=excluded,
    )


def _walk_folders(root: str) -> Iterator[FolderContents]:
    """Iterate over `root` and every folder below it; links are followed, but not into a folder above."""
    if not os.path.isdir(root):
        raise Unavailable(_describe_missing_folder(root))
    stack: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [(root, (), (os.path.realpath(root),))]
    while stack:
        path, parts, above = stack.pop()
        folder = FolderContents(parts)
        for name, linked in sorted(_scan_folder(path, folder), reverse=True):
            below = os.path.join(path, name)
            real = os.path.realpath(below) if linked else above[-1] + os.sep + name
            if real not in above:
                stack.append((below, (*parts, name), (*above, real)))
                folder.has_subfolders = True
        yield folder


def _scan_folder(path: str, folder: FolderContents) -> Iterator[tuple[str, bool]]:
    """Iterate over subfolders, with True for links; the files are added to `folder`."""
    images, odd, extensions = folder.images, [], EXTENSIONS
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if _is_directory(entry):
                    if is_clutter(name, is_folder=True):
                        folder.clutter.append(name)
                    elif name[0] == ".":
                        folder.hidden_folders.append(name)
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
    _classify_files(path, folder, sorted(odd))


def _classify_files(path: str, folder: FolderContents, names: Sequence[str]) -> None:
    """Classify files without an image extension: clutter, images by their content, or other files."""
    siblings = frozenset(folder.images)
    for name in names:
        if is_clutter(name):
            folder.clutter.append(name)
        elif name[0] == ".":
            folder.other_files[name] = "its name begins with a dot: it is hidden"
        elif why := explain_not_image(os.path.join(path, name), siblings):
            folder.other_files[name] = why
        else:
            folder.images.append(name)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself is listed with the unreadable files
        return False


def _describe_missing_folder(root: str) -> str:
    """Describe a missing folder, with similar names in the folder above it."""
    parent = Path(root).parent
    if os.path.isfile(root):
        return f"{root} is a file; images come from a folder, a CSV or TSV table, arrays or a dataset"
    if not parent.is_dir():
        return f"there is no folder or table {root}; not even {parent} exists"
    siblings = [name for name in sorted(os.listdir(parent)) if not name.startswith(".")]
    return f"there is no folder or table {root}; in {parent}, {suggest_names(Path(root).name, siblings)}"


def _describe_empty_folder(root: str, folders: Sequence[FolderContents]) -> str:
    others = {name: why for f in folders for name, why in f.other_files.items()}
    kinds = "jpg, png, webp, tif and the like"
    if others:
        first, why = next(iter(others.items()))
        return (
            f"the folder {root} holds no images: none of its {len(others)} files is one; the first is {first!r}: {why}"
        )
    inside = f"{len(folders) - 1} empty folders" if len(folders) > 1 else "nothing at all"
    return f"expected one folder per class with {kinds} files in {root}, got {inside}"
