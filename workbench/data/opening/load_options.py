"""Options of `wb.load_images`, validated before anything is opened."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.data.domain_shifts import parse_shift
from workbench.data.labels.label_normalization import normalize_label
from workbench.data.pixels.pixel_ranges import parse_pixel_range
from workbench.errors import BadValue, UnknownName
from workbench.plan import to_plain_data

NameOrNames = str | Sequence[str] | None
LABEL_KINDS = ("classes", "tags", "tasks")


@dataclass(frozen=True)
class LoadOptions:
    """Options of `wb.load_images` with their defaults, described in its docstring."""

    label: NameOrNames = None
    path: str | None = None
    split: str | None = None
    domain: str | None = None
    root: str | None = None
    layout: str = "auto"
    source_domain: NameOrNames = None
    target_domain: NameOrNames = None
    domains: Mapping[str, Any] | NameOrNames = None
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
            _check_fraction(name, getattr(self, name))
        if self.valid + self.test >= 1:
            raise BadValue(
                f"expected valid + test below 1, got {self.valid:g} + {self.test:g}, which leaves no training images"
            )
        _check_integer("seed", self.seed, 0, 2**32 - 1)
        if self.per_class is not None:
            _check_integer("per_class", self.per_class, 1, None)
        if self.classes is not None:
            self._check_classes(self.classes)
        if self.pixel_range is not None:
            object.__setattr__(self, "pixel_range", parse_pixel_range(self.pixel_range))
        if self.max_pixels is not None:
            _check_integer("max_pixels", self.max_pixels, 1, None)
        if self.kind is not None and self.kind not in LABEL_KINDS:
            raise UnknownName.of("kind of labels", self.kind, LABEL_KINDS)
        if self.separator is not None and (not isinstance(self.separator, str) or not self.separator):
            raise BadValue(
                f'expected as separator the text between several tags in a cell, such as " "; got {self.separator!r}'
            )
        for name in ("label", "source_domain", "target_domain", "domains"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, (str, Mapping)) and not isinstance(value, Iterable):
                raise BadValue(f"expected for {name} of wb.load_images a name or a list of names, got {value!r}")
        for shift in self.domains.values() if isinstance(self.domains, Mapping) else (self.shift,):
            parse_shift(shift)
        if isinstance(self.domains, Mapping) and self.shift is not None:
            raise BadValue("shift and domains={name: shift} are alternatives; give one of them")

    def _check_classes(self, classes: Sequence[str]) -> None:
        if isinstance(classes, str) or not isinstance(classes, Sequence):
            raise BadValue(f'expected classes as a list of names, such as ["cat", "dog"]; got {classes!r}')
        if not len(classes):
            raise BadValue("classes is empty; leave it out to keep all classes")
        if len({normalize_label(str(name), allow_any_text=True) for name in classes}) < len(classes):
            raise BadValue("classes names the same class twice")

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return the default of every option."""
        return {f.name: f.default for f in dataclasses.fields(cls)}

    def non_default_options(self) -> dict[str, Any]:
        """Return the options that differ from the defaults, as JSON types."""
        pairs = ((f.name, getattr(self, f.name), f.default) for f in dataclasses.fields(self))
        return {name: to_plain_data(_to_plain_value(value)) for name, value, default in pairs if value != default}


# hint for users who look for the crop mode here
CROP_MODE_HINT = 'the crop mode is a setting of the net: load_net(…, preprocessing={"crop_mode": "border"})'
OPTION_NAMES = tuple(f.name for f in dataclasses.fields(LoadOptions))


def parse_options(keywords: Mapping[str, Any]) -> LoadOptions:
    """Parse keyword arguments into options.

    Raises:
        UnknownName: an option that does not exist.
        BadValue: a value out of its range.
    """
    for name in keywords:
        if name not in OPTION_NAMES:
            hint = CROP_MODE_HINT if name == "crop_mode" else ""
            raise UnknownName.of("option of wb.load_images", name, OPTION_NAMES, hint)
    return LoadOptions(**keywords)


def to_name_list(value: NameOrNames) -> list[str]:
    """Convert one name or several to a list."""
    if value is None:
        return []
    if not isinstance(value, str) and (isinstance(value, Mapping) or not isinstance(value, Iterable)):
        raise BadValue(f"expected a name or a list of names, got {value!r}")
    return [value] if isinstance(value, str) else [str(v) for v in value]


def _to_plain_value(value: Any) -> Any:
    from workbench.data.domain_shifts import Shift

    if isinstance(value, Shift):
        return str(value)
    if isinstance(value, Mapping):
        return {k: _to_plain_value(v) for k, v in value.items()}
    return value


def _check_fraction(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise BadValue(f"expected {name} as a fraction of the images, from 0 to below 1; got {value!r}")


def _check_integer(name: str, value: Any, low: int, high: int | None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        bound = f"from {low}" if high is None else f"from {low} to {high}"
        raise BadValue(f"{name} is a whole number {bound}; got {value!r}")
