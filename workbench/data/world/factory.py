"""Images of the world: domains by their settings, factors in the frame, any factor as label."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.data.items import UNDECIDED, Items, Labels
from workbench.data.world.domain_settings import (
    SETTING_NAMES,
    DomainSettings,
    assign_labels,
    list_classes,
    parse_settings,
    sample_factors,
    to_string_list,
)
from workbench.data.world.factors import FACTOR_NAMES, FACTORS, factor_values
from workbench.data.world.rendered_pixels import RenderedPixels
from workbench.errors import BadValue, UnknownName

SIZE_RANGE = (32, 224)
BLOCK_SIZE = 65_536
DOMAIN_STRIDE = 2**40  # indices per domain in the unlimited world


@dataclass(frozen=True)
class WorldOptions:
    """Options of `wb.load_images("world", ...)` besides splits and classes.

    Args:
        n: number of images per domain.
        size: image size in pixels for display, 32 to 224; nets get images rendered at their own input size.
        label: factor, or factors, to learn.
        seed: seed of the world.
        start: index of the first image in the unlimited world.
        clutter: number of additional objects on the background, 0 to 8.
        domains: name -> settings of a domain; by default each style given is a domain.
        settings: settings of all domains, unless a domain overrides them.
    """

    n: int = 2000
    size: int = 64
    label: Any = "shape"
    seed: int = 0
    start: int = 0
    clutter: int = 0
    domains: Mapping[str, Mapping[str, Any]] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_integer("n", self.n, 2, 100_000_000)
        check_integer("size", self.size, *SIZE_RANGE)
        check_integer("seed", self.seed, 0, 2**32 - 1)
        check_integer("start", self.start, 0, DOMAIN_STRIDE // 2)
        check_integer("clutter", self.clutter, 0, 8)
        for factor in self.label_factors:
            factor_values(factor)
        if len(set(self.label_factors)) < len(self.label_factors):
            raise BadValue("label: expected different factors, got one twice")
        self.settings_by_domain()

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return the default of every option, those of the domains aside."""
        return {f.name: f.default for f in dataclasses.fields(cls) if f.name != "settings"}

    @property
    def label_factors(self) -> list[str]:
        """Factors to learn."""
        return to_string_list("label", self.label)

    def settings_by_domain(self) -> dict[str, DomainSettings]:
        """Return the domains and their settings.

        Raises:
            UnknownName, BadValue: a setting that does not exist or is out of its range.
        """
        if self.domains is not None:
            if not isinstance(self.domains, Mapping) or not self.domains:
                raise BadValue(
                    'domains: expected a mapping from names to settings, such as {"source": {"style": "photo"}}'
                )
            return {
                str(name): parse_settings({**self.settings, **overrides}) for name, overrides in self.domains.items()
            }
        style = self.settings.get("style", "photo")
        if isinstance(style, (str, Mapping)):
            return {style if isinstance(style, str) else "mixed": parse_settings(self.settings)}
        return {name: parse_settings({**self.settings, "style": name}) for name in to_string_list("style", style)}


OPTION_NAMES = (*WorldOptions.defaults(), *SETTING_NAMES)


class SceneRenderer:
    """Renderer of the images of one world by their rows.

    Args:
        codes: (N, factors) uint8.
        index: (N,) int64, indices in the unlimited world.
        seed: seed of the world.
        clutter: number of additional objects on the background.
    """

    def __init__(self, codes: np.ndarray, index: np.ndarray, seed: int, clutter: int) -> None:
        self.codes, self.index, self.seed, self.clutter = codes, index, seed, clutter

    def __call__(self, rows: np.ndarray, size: int) -> np.ndarray:
        """Render images (n, 3, size, size) uint8."""
        import torch

        from workbench.data.world.rendering import render_scenes

        codes = torch.from_numpy(self.codes[rows].astype(np.int64))
        return render_scenes(codes, torch.from_numpy(self.index[rows]), size, self.seed, self.clutter).numpy()

    def content_key(self, row: int) -> bytes:
        """Return seed, index in the unlimited world, clutter and factors as bytes."""
        return f"world {self.seed} {self.index[row]} {self.clutter} ".encode() + self.codes[row].tobytes()


def parse_options(options: Mapping[str, Any]) -> WorldOptions:
    """Parse the options of the world.

    Raises:
        BadValue, UnknownName: an option out of its range.
    """
    settings = {name: value for name, value in options.items() if name in SETTING_NAMES}
    return WorldOptions(
        **{name: value for name, value in options.items() if name not in SETTING_NAMES}, settings=settings
    )


def build_items(options: Mapping[str, Any]) -> Items:
    """Build the items of a world: all factors are decided, no image is rendered."""
    parsed = parse_options(options)
    domains = parsed.settings_by_domain()
    for name, settings in domains.items():
        if settings.spurious > 0 and settings.cue in parsed.label_factors:
            raise BadValue(f"in {name} the cue {settings.cue!r} is the label itself; choose another factor as cue")
    classes = [list_classes(label, list(domains.values())) for label in parsed.label_factors]
    parts = [
        _sample_domain(parsed, domain_index, settings, classes)
        for domain_index, settings in enumerate(domains.values())
    ]
    codes, labels, index = (np.concatenate([part[i] for part in parts]) for i in range(3))
    names = [f"{name}-{parsed.start + i:06d}" for name in domains for i in range(parsed.n)]
    return Items(
        name="world",
        pixel_source=RenderedPixels(SceneRenderer(codes, index, parsed.seed, parsed.clutter), parsed.size),
        source_index=np.arange(len(codes)),
        ids=names,
        labels=_build_labels(parsed.label_factors, labels, classes),
        splits=np.full(len(codes), UNDECIDED, np.int8),
        domains=np.repeat(np.arange(len(domains), dtype=np.int16), parsed.n),
        domain_names=tuple(domains),
        extra=factor_frame(codes),
    )


def factor_frame(codes: np.ndarray) -> Any:
    """Return the factors as a frame of the names of their values."""
    import pandas as pd

    columns = {
        f: pd.Categorical.from_codes(codes[:, i].astype(np.int64), FACTORS[f]) for i, f in enumerate(FACTOR_NAMES)
    }
    return pd.DataFrame(columns)


def check_integer(name: str, value: Any, low: int, high: int) -> None:
    """Check that a value is an integer within a range.

    Raises:
        BadValue: another type, or out of range; the message contains the range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise BadValue(f"{name}: expected an integer from {low} to {high}, got {value!r}")


def _sample_domain(
    options: WorldOptions, domain_index: int, settings: DomainSettings, classes: Sequence[tuple[str, ...]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sample factors (n, factors), labels (n, labels) and indices (n,) of one domain."""
    import torch

    from workbench.data.world.indexed_random import IndexedGenerator

    index = np.arange(options.n, dtype=np.int64) + (options.start + domain_index * DOMAIN_STRIDE)
    codes, labels = [], []
    for start in range(0, options.n, BLOCK_SIZE):
        rng = IndexedGenerator(options.seed, torch.from_numpy(index[start : start + BLOCK_SIZE]))
        codes.append(sample_factors(settings, options.label_factors, classes, rng))
        pairs = zip(options.label_factors, classes, strict=True)
        labels.append(
            np.stack([assign_labels(codes[-1], settings, n, class_names, rng) for n, class_names in pairs], axis=1)
        )
    return np.concatenate(codes), np.concatenate(labels), index


def _build_labels(factors: list[str], labels: np.ndarray, classes: Sequence[tuple[str, ...]]) -> Labels:
    if len(factors) == 1:
        return Labels("classes", labels[:, 0], {"": classes[0]})
    return Labels("tasks", labels, dict(zip(factors, classes, strict=True)))


def check_option_names(options: Mapping[str, Any], other_names: Sequence[str]) -> None:
    """Check that every option is one of the world or of `wb.load_images`.

    Raises:
        UnknownName: an unknown option; the message contains the nearest.
    """
    for name in options:
        if name not in OPTION_NAMES and name not in other_names:
            raise UnknownName.of('option of wb.load_images("world")', name, [*OPTION_NAMES, *other_names])
