"""What `wb.images` can be told, checked before anything is opened."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import BadValue, UnknownName
from workbench.images.grey_levels import checked_range
from workbench.images.label_words import to_word
from workbench.images.shifts import shift
from workbench.plan import plain

Words = str | Sequence[str] | None
KINDS = ("classes", "tags", "tasks")


@dataclass(frozen=True)
class Options:
    """The options of `wb.images`, with their defaults; its docstring says what each is for."""

    label: Words = None
    path: str | None = None
    split: str | None = None
    domain: str | None = None
    root: str | None = None
    layout: str = "auto"
    source: Words = None
    target: Words = None
    domains: Mapping[str, Any] | Words = None
    shift: Any = None
    valid: float = 0.2
    test: float = 0.0
    seed: int = 0
    per_class: int | None = None
    classes: Sequence[str] | None = None
    pixel_range: Any = None
    max_pixels: int | None = None
    kind: str | None = None
    separator: str | None = None

    def __post_init__(self) -> None:
        for name in ("valid", "test"):
            _share(name, getattr(self, name))
        if self.valid + self.test >= 1:
            raise BadValue(
                f"valid and test together leave nothing to train on: {self.valid:g} + {self.test:g} is not below 1"
            )
        _whole("seed", self.seed, 0, 2**32 - 1)
        if self.per_class is not None:
            _whole("per_class", self.per_class, 1, None)
        if self.classes is not None:
            self._check_classes(self.classes)
        if self.pixel_range is not None:
            object.__setattr__(self, "pixel_range", checked_range(self.pixel_range))
        if self.max_pixels is not None:
            _whole("max_pixels", self.max_pixels, 1, None)
        if self.kind is not None and self.kind not in KINDS:
            raise UnknownName.of("kind of labels", self.kind, KINDS)
        if self.separator is not None and (not isinstance(self.separator, str) or not self.separator):
            raise BadValue(
                f'separator is what stands between several tags in a cell, such as " "; got {self.separator!r}'
            )
        for name in ("label", "source", "target", "domains"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, (str, Mapping)) and not isinstance(value, Iterable):
                raise BadValue(f"{name} of wb.images is a name or a list of names; got {value!r}")
        for made in self.domains.values() if isinstance(self.domains, Mapping) else (self.shift,):
            shift(made)
        if isinstance(self.domains, Mapping) and self.shift is not None:
            raise BadValue("shift and domains={name: shift} say the same thing twice; give one of them")

    def _check_classes(self, classes: Sequence[str]) -> None:
        if isinstance(classes, str) or not isinstance(classes, Sequence):
            raise BadValue(f'classes wants a list of names, such as ["cat", "dog"]; got {classes!r}')
        if not len(classes):
            raise BadValue("classes names no class; leave it out to keep them all")
        if len({to_word(str(name), named=True) for name in classes}) < len(classes):
            raise BadValue("classes names the same class twice")

    def changed(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON holds it."""
        pairs = ((f.name, getattr(self, f.name), f.default) for f in dataclasses.fields(self))
        return {name: plain(_worded(value)) for name, value, default in pairs if value != default}


# a person who reads of it here looks for it here
CROPPING = 'how pictures are cropped belongs to the net: load(…, preprocessing={"crop_mode": "border"})'
NAMES = tuple(f.name for f in dataclasses.fields(Options))


def check(given: Mapping[str, Any]) -> Options:
    """The options as given.

    Raises:
        UnknownName: an option that does not exist.
        BadValue: a value out of its range.
    """
    for name in given:
        if name not in NAMES:
            hint = CROPPING if name == "crop_mode" else ""
            raise UnknownName.of("option of wb.images", name, NAMES, hint)
    return Options(**given)


def words(value: Words) -> list[str]:
    """One word or several as a list."""
    if value is None:
        return []
    if not isinstance(value, str) and (isinstance(value, Mapping) or not isinstance(value, Iterable)):
        raise BadValue(f"this is a name or a list of names; got {value!r}")
    return [value] if isinstance(value, str) else [str(v) for v in value]


def _worded(value: Any) -> Any:
    from workbench.images.shifts import Shift

    if isinstance(value, Shift):
        return str(value)
    if isinstance(value, Mapping):
        return {k: _worded(v) for k, v in value.items()}
    return value


def _share(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise BadValue(f"{name} is a share of the images, from 0 to below 1; got {value!r}")


def _whole(name: str, value: Any, low: int, high: int | None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        bound = f"from {low}" if high is None else f"from {low} to {high}"
        raise BadValue(f"{name} is a whole number {bound}; got {value!r}")
