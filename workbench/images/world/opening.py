"""The world as images: domains drawn by their dials, factors in the frame, any of them as labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.errors import BadValue, UnknownName
from workbench.images.items import UNDECIDED, Items, Labels
from workbench.images.world.dials import DIALS, Dials, classes_of, dialled, drawn, labelled, listed
from workbench.images.world.factors import FACTORS, NAMES, values
from workbench.images.world.origin import Drawn

SIZES = (32, 224)
BLOCK = 65_536
DOMAIN = 2**40  # places of one domain in the endless world


@dataclass(frozen=True)
class Asked:
    """What `wb.images("world", ...)` is told beside splits and classes.

    Args:
        n: images of each domain.
        size: edge in pixels of a picture looked at by itself, 32 to 224; nets get the size that they want.
        label: the factor, or factors, to learn.
        seed: of the world.
        start: place of the first image in the endless world.
        clutter: further objects on the background, 0 to 8.
        domains: name -> dials of a domain; without it, each style given is a domain.
        dials: of all domains, unless their own say otherwise.
    """

    n: int = 2000
    size: int = 64
    label: Any = "shape"
    seed: int = 0
    start: int = 0
    clutter: int = 0
    domains: Mapping[str, Mapping[str, Any]] | None = None
    dials: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        whole("n", self.n, 2, 100_000_000)
        whole("size", self.size, *SIZES)
        whole("seed", self.seed, 0, 2**32 - 1)
        whole("start", self.start, 0, DOMAIN // 2)
        whole("clutter", self.clutter, 0, 8)
        for factor in self.labels:
            values(factor)
        if len(set(self.labels)) < len(self.labels):
            raise BadValue("label names the same factor twice")
        self.places()

    @property
    def labels(self) -> list[str]:
        """The factors to learn."""
        return listed("label", self.label)

    def places(self) -> dict[str, Dials]:
        """The domains and their dials.

        Raises:
            UnknownName, BadValue: a dial that is not there or out of its range.
        """
        if self.domains is not None:
            if not isinstance(self.domains, Mapping) or not self.domains:
                raise BadValue('domains of the world are named dials, such as {"source": {"style": "photo"}}')
            return {str(name): dialled({**self.dials, **own}) for name, own in self.domains.items()}
        style = self.dials.get("style", "photo")
        if isinstance(style, (str, Mapping)):
            return {style if isinstance(style, str) else "mixed": dialled(self.dials)}
        return {name: dialled({**self.dials, "style": name}) for name in listed("style", style)}


ASKED = tuple(f.name for f in dataclasses.fields(Asked) if f.name != "dials") + DIALS


class ScenePainter:
    """Draws the images of one opened world by their rows.

    Args:
        codes: (N, factors) uint8.
        index: (N,) int64, places in the endless world.
        seed: of the world.
        clutter: further objects on the background.
    """

    def __init__(self, codes: np.ndarray, index: np.ndarray, seed: int, clutter: int) -> None:
        self.codes, self.index, self.seed, self.clutter = codes, index, seed, clutter

    def __call__(self, places: np.ndarray, size: int) -> np.ndarray:
        """Squares (n, 3, size, size) uint8."""
        import torch

        from workbench.images.world.rendering import rendered

        codes = torch.from_numpy(self.codes[places].astype(np.int64))
        return rendered(codes, torch.from_numpy(self.index[places]), size, self.seed, self.clutter).numpy()

    def recipe(self, place: int) -> bytes:
        """Seed, place in the endless world, clutter and factors."""
        return f"world {self.seed} {self.index[place]} {self.clutter} ".encode() + self.codes[place].tobytes()


def asked(given: Mapping[str, Any]) -> Asked:
    """The options that are the world's own.

    Raises:
        BadValue, UnknownName: one out of its range.
    """
    dials = {name: value for name, value in given.items() if name in DIALS}
    return Asked(**{name: value for name, value in given.items() if name not in DIALS}, dials=dials)


def items_of(given: Mapping[str, Any]) -> Items:
    """The rows of a world: everything is decided, nothing is drawn."""
    wanted = asked(given)
    domains = wanted.places()
    for name, dials in domains.items():
        if dials.spurious > 0 and dials.cue in wanted.labels:
            raise BadValue(f"in {name} the cue {dials.cue!r} is the label itself; tie another factor to it")
    classes = [classes_of(label, list(domains.values())) for label in wanted.labels]
    parts = [_domain(wanted, place, dials, classes) for place, dials in enumerate(domains.values())]
    codes, labels, index = (np.concatenate([part[i] for part in parts]) for i in range(3))
    names = [f"{name}-{wanted.start + i:06d}" for name in domains for i in range(wanted.n)]
    return Items(
        name="world",
        origin=Drawn(ScenePainter(codes, index, wanted.seed, wanted.clutter), wanted.size),
        at=np.arange(len(codes)),
        ids=names,
        labels=_labels(wanted.labels, labels, classes),
        splits=np.full(len(codes), UNDECIDED, np.int8),
        domains=np.repeat(np.arange(len(domains), dtype=np.int16), wanted.n),
        domain_names=tuple(domains),
        extra=described(codes),
    )


def described(codes: np.ndarray) -> Any:
    """Factors as a frame of their values' names."""
    import pandas as pd

    columns = {f: pd.Categorical.from_codes(codes[:, i].astype(np.int64), FACTORS[f]) for i, f in enumerate(NAMES)}
    return pd.DataFrame(columns)


def whole(name: str, value: Any, low: int, high: int) -> None:
    """Refuses what is no whole number in a range.

    Raises:
        BadValue: with the range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise BadValue(f"{name} of the world is a whole number from {low} to {high}; got {value!r}")


def _domain(
    wanted: Asked, place: int, dials: Dials, classes: Sequence[tuple[str, ...]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors (n, factors), labels (n, labels) and places (n,) of one domain."""
    import torch

    from workbench.images.world.dice import Dice

    index = np.arange(wanted.n, dtype=np.int64) + (wanted.start + place * DOMAIN)
    codes, labels = [], []
    for start in range(0, wanted.n, BLOCK):
        dice = Dice(wanted.seed, torch.from_numpy(index[start : start + BLOCK]))
        codes.append(drawn(dials, wanted.labels, classes, dice))
        pairs = zip(wanted.labels, classes, strict=True)
        labels.append(np.stack([labelled(codes[-1], dials, n, known, dice) for n, known in pairs], axis=1))
    return np.concatenate(codes), np.concatenate(labels), index


def _labels(factors: list[str], labels: np.ndarray, classes: Sequence[tuple[str, ...]]) -> Labels:
    if len(factors) == 1:
        return Labels("classes", labels[:, 0], {"": classes[0]})
    return Labels("tasks", labels, dict(zip(factors, classes, strict=True)))


def check_names(given: Mapping[str, Any], others: Sequence[str]) -> None:
    """Refuses an option that neither the world nor `wb.images` knows.

    Raises:
        UnknownName: with the nearest.
    """
    for name in given:
        if name not in ASKED and name not in others:
            raise UnknownName.of('option of wb.images("world")', name, [*ASKED, *others])
