"""Layout of a folder tree: which levels are splits, domains and classes."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.data.items import UNDECIDED
from workbench.data.splits import SPLIT_SYNONYMS, TRAIN
from workbench.errors import BadData, BadValue
from workbench.formatting import summarize_names

FolderParts = tuple[str, ...]
LEVEL_ROLES = ("split", "domain", "class", "*")
# names of single folders of images whose class is unknown
UNINFORMATIVE_NAMES = frozenset(
    ("test", "images", "image", "imgs", "all", "data", "unknown", "unlabeled", "unlabelled")
)
DATE_OR_NUMBER = re.compile(r"[\d\W_]+")  # a folder inside a class: a date, a number


@dataclass(frozen=True)
class FolderLabel:
    """Label, split and domain of the images in a folder."""

    label: str
    split: int
    domain: str | None


@dataclass(frozen=True)
class FolderLayout:
    """Roles of the levels of folders below the root; deeper levels belong to the class above them.

    Attributes:
        roles: role of each level.
        unlabeled_folders: folders of a split whose images are in no class folders.
    """

    roles: tuple[str, ...]
    unlabeled_folders: tuple[FolderParts, ...] = ()

    def folder_label(self, parts: FolderParts) -> FolderLabel | None:
        """Return label, split and domain of a folder; None if it is above the class folders, or unlabelled."""
        if len(parts) < len(self.roles) or self.is_unlabeled(parts):
            return None
        name_of_role = dict(zip(self.roles, parts, strict=False))
        split = SPLIT_SYNONYMS[name_of_role["split"].lower()] if "split" in name_of_role else UNDECIDED
        return FolderLabel(name_of_role["class"], split, name_of_role.get("domain"))

    def is_class_folder(self, parts: FolderParts) -> bool:
        """Return True for a class folder."""
        return len(parts) == len(self.roles) and not self.is_unlabeled(parts)

    def is_unlabeled(self, parts: FolderParts) -> bool:
        """Return True for a folder inside one whose images have no class folders."""
        return any(parts[: len(folder)] == folder for folder in self.unlabeled_folders)


def infer_layout(root: str, folders: Mapping[FolderParts, int], layout: str = "auto") -> FolderLayout:
    """Parse the layout of a tree, or infer it from the folders that hold images.

    Args:
        root: root folder of the tree, for messages.
        folders: parts of each folder's path below the root -> number of images directly in it.
        layout: `auto`, or roles joined by slashes.

    Raises:
        BadValue: an invalid layout.
        BadData: folders that do not fit it, or no class folders.
    """
    if layout != "auto":
        roles = _parse_layout(layout)
        unlabeled = _find_unlabeled_folders(list(folders), roles.index("split")) if "split" in roles else ()
        _check_layout_fits(root, [f for f in folders if f not in unlabeled], roles)
        return FolderLayout(roles, unlabeled)
    informative = _select_informative_folders(folders)
    if not informative:
        raise BadData(
            f"expected one folder per class in {root}, got images without class folders; sort them into class folders, "
            "or open a CSV table with the label of each"
        )
    levels = range(max(map(len, informative)))
    unlabeled = next((found for level in levels if (found := _find_unlabeled_folders(informative, level))), ())
    return FolderLayout(
        _guess_roles(root, [f for f in informative if not any(f[: len(a)] == a for a in unlabeled)]), unlabeled
    )


def _find_unlabeled_folders(folders: Sequence[FolderParts], level: int) -> tuple[FolderParts, ...]:
    """Find validation and test folders, `level` deep, without class folders, beside a training folder that has some.

    A single folder with an uninformative name, such as `test/unknown`, counts as none.
    """
    below: dict[FolderParts, set[FolderParts]] = {}
    for folder in folders:
        if len(folder) > level and folder[level].lower() in SPLIT_SYNONYMS:
            below.setdefault(folder[: level + 1], set()).add(folder[level + 1 : level + 2])
    training = [
        split for split, names in below.items() if SPLIT_SYNONYMS[split[level].lower()] == TRAIN and () not in names
    ]
    classes = {name for split in training for name in below[split]}
    unlabeled = []
    for split, names in below.items():
        is_unlabeled = all(
            name == () or (name[0].lower() in UNINFORMATIVE_NAMES and name not in classes) for name in names
        )
        if training and is_unlabeled and len(names) == 1 and SPLIT_SYNONYMS[split[level].lower()] != TRAIN:
            unlabeled.append(split)
    return tuple(unlabeled)


def _select_informative_folders(folders: Mapping[FolderParts, int]) -> list[FolderParts]:
    """Select the folders used for inference: not the root, nor one with a few stray images above many."""
    below: dict[FolderParts, int] = {}
    for folder, count in folders.items():
        for depth in range(len(folder)):
            below[folder[:depth]] = below.get(folder[:depth], 0) + count
    return [f for f, count in folders.items() if f and count >= below.get(f, 0)]


def _parse_layout(layout: str) -> tuple[str, ...]:
    roles = tuple(layout.strip("/").split("/")) if isinstance(layout, str) else ()
    named = [r for r in roles if r != "*"]
    if not roles or set(roles) - set(LEVEL_ROLES) or named.count("class") != 1 or len(set(named)) < len(named):
        raise BadValue(
            "expected as layout auto, or split, domain and class at most once each, joined by slashes (* for a level "
            f"without meaning), such as split/class or domain/class; got {layout!r}"
        )
    return roles


def _check_layout_fits(root: str, folders: Sequence[FolderParts], roles: tuple[str, ...]) -> None:
    fitting = [f for f in folders if len(f) >= len(roles)]
    if not fitting:
        raise BadData(f"the layout {'/'.join(roles)} needs folders {len(roles)} deep; no image of {root} is that deep")
    if "split" in roles:
        level = roles.index("split")
        for name in dict.fromkeys(f[level] for f in fitting):
            _check_split_name(root, name)


def _guess_roles(root: str, folders: Sequence[FolderParts]) -> tuple[str, ...]:
    depth = min(len(f) for f in folders)
    lead: list[str] = []
    # a single folder around everything, as archives unpack
    while (
        len(lead) < depth - 1 and len({f[len(lead)] for f in folders}) == 1 and not _is_split_level(folders, len(lead))
    ):
        lead.append("*")
    inner = [f[len(lead) :] for f in folders]
    depth -= len(lead)
    split = next((level for level in range(min(depth, 3)) if _is_split_level(inner, level)), None)
    if split is None:
        _check_partial_splits(root, inner)
    free = [level for level in range(depth) if level != split]
    if not free:
        raise BadData(
            f"the folders of {root} are {', '.join(sorted({f[0] for f in inner}))}, which are splits, and the images "
            "are directly in them; sort the images of each split into one folder per class"
        )
    roles = ["*"] * depth
    if split is not None:
        roles[split] = "split"
    if len(free) > 1 and _is_domain_level(inner, free[0], free[1]):
        roles[free[0]], roles[free[1]] = "domain", "class"
    else:
        _check_root_level(os.path.join(root, *folders[0][: len(lead)]), tuple(lead), inner, split)
        roles[free[0]] = "class"
    last = max(i for i, role in enumerate(roles) if role != "*")
    return (*lead, *roles[: last + 1])


def _is_split_level(folders: Sequence[FolderParts], level: int) -> bool:
    return all(f[level].lower() in SPLIT_SYNONYMS for f in folders)


def _check_partial_splits(root: str, folders: Sequence[FolderParts]) -> None:
    """Refuse a first level of which only some folders are splits."""
    top_names = dict.fromkeys(f[0] for f in folders)
    split_names = [t for t in top_names if t.lower() in SPLIT_SYNONYMS]
    training = [f for f in folders if SPLIT_SYNONYMS.get(f[0].lower()) == TRAIN]
    has_classes = len({f[1:2] for f in training}) > 1 and all(len(f) > 1 for f in training)
    if len(top_names) > 1 and (has_classes or len({SPLIT_SYNONYMS[t.lower()] for t in split_names}) > 1):
        other = next(t for t in top_names if t not in split_names)
        raise BadData(
            f"the folders {', '.join(split_names)} of {root} are splits, but {other} beside them is not; "
            'move it away, or set layout="class" if all of them are classes'
        )


def _check_split_name(root: str, name: str) -> None:
    if name.lower() not in SPLIT_SYNONYMS:
        raise BadData(f"expected a split ({', '.join(SPLIT_SYNONYMS)}) in {root}, got the folder {name!r}")


def _is_domain_level(folders: Sequence[FolderParts], outer: int, inner: int) -> bool:
    """Return True if two levels look like domain/class: the outer folders mostly have the same inner names."""
    inner_names: dict[str, set[str]] = {}
    for f in folders:
        inner_names.setdefault(f[outer], set()).add(unicodedata.normalize("NFC", f[inner]))
    if len(inner_names) < 2:
        return False
    all_names = set().union(*inner_names.values())
    shared = [name for name in all_names if sum(name in names for names in inner_names.values()) > 1]
    return len(all_names) > 1 and len(shared) >= len(all_names) / 2


def _check_root_level(root: str, lead: FolderParts, folders: Sequence[FolderParts], split: int | None) -> None:
    """Refuse a root one level too high, whose subfolders hold class folders."""
    upper, lower = [level for level in range(3) if level != split][:2]
    inner_names: dict[str, set[str]] = {}
    for f in folders:
        inner_names.setdefault(f[upper], set()).add("/".join(f[lower : lower + 1]))
    inner = {
        top: sorted(n for n in names if n and not DATE_OR_NUMBER.fullmatch(n)) for top, names in inner_names.items()
    }
    sets = [top for top, names in inner.items() if len(names) > 1 and "" not in inner_names[top]]
    mixed = any("" in names for names in inner_names.values())
    if len(inner_names) < 2 or len(sets) * 2 < len(inner_names) + mixed:
        return
    first = sets[0]
    some = f"{first}: {summarize_names(inner[first], 3)}"
    raise BadData(
        f"the folder {root} is one level too high: its folders {summarize_names(sorted(sets), 5)} have subfolders of "
        f"their own ({some}). Open one of them, such as {os.path.join(root, *([first] if upper == 0 else []))}; or "
        f"set {_format_layout_option(lead, split, 'class', '')} if they are the classes, "
        f"{_format_layout_option(lead, split, '*', 'class')} if the folders inside are, "
        f"{_format_layout_option(lead, split, 'domain', 'class')} if they are domains"
    )


def _format_layout_option(lead: FolderParts, split: int | None, upper: str, lower: str) -> str:
    """Format the option that gives the levels these roles."""
    roles = [upper, lower]
    if split is not None:
        roles.insert(split, "split")
    return f'layout="{"/".join([*lead, *filter(None, roles)])}"'
