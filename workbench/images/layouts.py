"""What the levels of a folder tree mean: split, domain, class."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.errors import BadData, BadValue
from workbench.images.items import UNDECIDED
from workbench.images.splits import TRAIN, WORDS

Parts = tuple[str, ...]
ROLES = ("split", "domain", "class", "*")
# lone folders of images whose class is not known
NAMELESS = frozenset(("test", "images", "image", "imgs", "all", "data", "unknown", "unlabeled", "unlabelled"))
DATED = re.compile(r"[\d\W_]+")  # a folder inside a class: a day, a number


@dataclass(frozen=True)
class Place:
    """What a folder says of the images in it."""

    label: str
    split: int
    domain: str | None


@dataclass(frozen=True)
class Layout:
    """A role for each level of folders below the root; deeper ones belong to the class above them.

    Attributes:
        roles: what each level means.
        aside: folders of a split whose images lie in no class folders.
    """

    roles: tuple[str, ...]
    aside: tuple[Parts, ...] = ()

    def place(self, parts: Parts) -> Place | None:
        """What the images of a folder are; None where it lies above the class folders, or aside."""
        if len(parts) < len(self.roles) or self.is_aside(parts):
            return None
        said = dict(zip(self.roles, parts, strict=False))
        split = WORDS[said["split"].lower()] if "split" in said else UNDECIDED
        return Place(said["class"], split, said.get("domain"))

    def is_class(self, parts: Parts) -> bool:
        """Whether a folder is a class itself."""
        return len(parts) == len(self.roles) and not self.is_aside(parts)

    def is_aside(self, parts: Parts) -> bool:
        """Whether a folder lies in one whose images have no class folders."""
        return any(parts[: len(folder)] == folder for folder in self.aside)


def layout_of(root: str, folders: Mapping[Parts, int], layout: str = "auto") -> Layout:
    """The layout of a tree, given or guessed from the folders that hold images.

    Args:
        root: the tree's own folder, for messages.
        folders: the parts of each folder's path below the root -> how many images lie directly in it.
        layout: `auto`, or roles joined by slashes.

    Raises:
        BadValue: a layout that is not one.
        BadData: folders that do not fit it, or no class folders.
    """
    if layout != "auto":
        roles = _parsed(layout)
        aside = _aside(list(folders), roles.index("split")) if "split" in roles else ()
        _check_fit(root, [f for f in folders if f not in aside], roles)
        return Layout(roles, aside)
    deep = _telling(folders)
    if not deep:
        raise BadData(
            f"the folder {root} holds images but no class folders; it wants one folder a class, "
            "or a CSV table that says the label of each"
        )
    levels = range(max(map(len, deep)))
    aside = next((found for level in levels if (found := _aside(deep, level))), ())
    return Layout(_guessed(root, [f for f in deep if not any(f[: len(a)] == a for a in aside)]), aside)


def _aside(folders: Sequence[Parts], level: int) -> tuple[Parts, ...]:
    """Folders of validation or test images, `level` deep, without class folders, beside a training folder with some.

    As good as none is a lone folder with a name that says nothing, such as `test/unknown`.
    """
    below: dict[Parts, set[Parts]] = {}
    for folder in folders:
        if len(folder) > level and folder[level].lower() in WORDS:
            below.setdefault(folder[: level + 1], set()).add(folder[level + 1 : level + 2])
    taught = [split for split, names in below.items() if WORDS[split[level].lower()] == TRAIN and () not in names]
    classes = {name for split in taught for name in below[split]}
    flat = []
    for split, names in below.items():
        bare = all(name == () or (name[0].lower() in NAMELESS and name not in classes) for name in names)
        if taught and bare and len(names) == 1 and WORDS[split[level].lower()] != TRAIN:
            flat.append(split)
    return tuple(flat)


def _telling(folders: Mapping[Parts, int]) -> list[Parts]:
    """The folders that the layout is guessed from: not the root, nor one with a few strays above many images."""
    below: dict[Parts, int] = {}
    for folder, count in folders.items():
        for depth in range(len(folder)):
            below[folder[:depth]] = below.get(folder[:depth], 0) + count
    return [f for f, count in folders.items() if f and count >= below.get(f, 0)]


def _parsed(layout: str) -> tuple[str, ...]:
    roles = tuple(layout.strip("/").split("/")) if isinstance(layout, str) else ()
    named = [r for r in roles if r != "*"]
    if not roles or set(roles) - set(ROLES) or named.count("class") != 1 or len(set(named)) < len(named):
        raise BadValue(
            "a layout is auto, or split, domain and class once each at most, joined by slashes (* for a level "
            f"that means nothing), such as split/class or domain/class; got {layout!r}"
        )
    return roles


def _check_fit(root: str, folders: Sequence[Parts], roles: tuple[str, ...]) -> None:
    fitting = [f for f in folders if len(f) >= len(roles)]
    if not fitting:
        raise BadData(f"the layout {'/'.join(roles)} wants folders {len(roles)} deep; no image of {root} lies so deep")
    if "split" in roles:
        level = roles.index("split")
        for name in dict.fromkeys(f[level] for f in fitting):
            _check_split(root, name)


def _guessed(root: str, folders: Sequence[Parts]) -> tuple[str, ...]:
    depth = min(len(f) for f in folders)
    lead: list[str] = []
    # a lone folder around everything, as archives unpack
    while len(lead) < depth - 1 and len({f[len(lead)] for f in folders}) == 1 and not _splits(folders, len(lead)):
        lead.append("*")
    inner = [f[len(lead) :] for f in folders]
    depth -= len(lead)
    split = next((level for level in range(min(depth, 3)) if _splits(inner, level)), None)
    if split is None:
        _check_half_split(root, inner)
    free = [level for level in range(depth) if level != split]
    if not free:
        raise BadData(
            f"the folders of {root} are {', '.join(sorted({f[0] for f in inner}))}, which are splits, and the images "
            "lie directly in them: inside each it wants one folder a class"
        )
    roles = ["*"] * depth
    if split is not None:
        roles[split] = "split"
    if len(free) > 1 and _domains(inner, free[0], free[1]):
        roles[free[0]], roles[free[1]] = "domain", "class"
    else:
        _check_level(os.path.join(root, *folders[0][: len(lead)]), tuple(lead), inner, split)
        roles[free[0]] = "class"
    last = max(i for i, role in enumerate(roles) if role != "*")
    return (*lead, *roles[: last + 1])


def _splits(folders: Sequence[Parts], level: int) -> bool:
    return all(f[level].lower() in WORDS for f in folders)


def _check_half_split(root: str, folders: Sequence[Parts]) -> None:
    """Refuses a first level of which some folders are splits and some are not."""
    tops = dict.fromkeys(f[0] for f in folders)
    named = [t for t in tops if t.lower() in WORDS]
    taught = [f for f in folders if WORDS.get(f[0].lower()) == TRAIN]
    inside = len({f[1:2] for f in taught}) > 1 and all(len(f) > 1 for f in taught)
    if len(tops) > 1 and (inside or len({WORDS[t.lower()] for t in named}) > 1):
        other = next(t for t in tops if t not in named)
        raise BadData(
            f"the folders {', '.join(named)} of {root} are splits, but {other} beside them is not; "
            'move it away, or say layout="class" if all of them are classes'
        )


def _check_split(root: str, name: str) -> None:
    if name.lower() not in WORDS:
        raise BadData(f"the folder {name!r} of {root} stands where a split should: {', '.join(WORDS)}")


def _domains(folders: Sequence[Parts], outer: int, inner: int) -> bool:
    """Whether two levels read as domain/class: the outer folders mostly hold the same inner names."""
    held: dict[str, set[str]] = {}
    for f in folders:
        held.setdefault(f[outer], set()).add(unicodedata.normalize("NFC", f[inner]))
    if len(held) < 2:
        return False
    every = set().union(*held.values())
    shared = [name for name in every if sum(name in names for names in held.values()) > 1]
    return len(every) > 1 and len(shared) >= len(every) / 2


def _check_level(root: str, lead: Parts, folders: Sequence[Parts], split: int | None) -> None:
    """Refuses a folder whose subfolders hold class folders: it lies one level too high."""
    upper, lower = [level for level in range(3) if level != split][:2]
    held: dict[str, set[str]] = {}
    for f in folders:
        held.setdefault(f[upper], set()).add("/".join(f[lower : lower + 1]))
    inner = {top: sorted(n for n in names if n and not DATED.fullmatch(n)) for top, names in held.items()}
    sets = [top for top, names in inner.items() if len(names) > 1 and "" not in held[top]]
    mixed = any("" in names for names in held.values())
    if len(held) < 2 or len(sets) * 2 < len(held) + mixed:
        return
    first = sets[0]
    some = f"{first}: {', '.join(inner[first][:3])}{', …' if len(inner[first]) > 3 else ''}"
    raise BadData(
        f"the folder {root} lies one level too high: its folders {', '.join(sorted(sets)[:5])} hold folders of their "
        f"own ({some}). Open one of them, such as {os.path.join(root, *([first] if upper == 0 else []))}; or "
        f"say {_said(lead, split, 'class', '')} if they are the classes, {_said(lead, split, '*', 'class')} if the "
        f"folders inside are, {_said(lead, split, 'domain', 'class')} if they are domains"
    )


def _said(lead: Parts, split: int | None, upper: str, lower: str) -> str:
    """The option that gives the levels these roles."""
    roles = [upper, lower]
    if split is not None:
        roles.insert(split, "split")
    return f'layout="{"/".join([*lead, *filter(None, roles)])}"'
