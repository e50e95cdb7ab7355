"""What a domain of the world can be told, and how its images' factors follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName
from workbench.images.world.factors import FACTORS, HIDDEN, NAMES, code, values

# half of all objects stand free, and the more is hidden the rarer
PRIORS = {"occlusion": tuple(0.5 if h == 0 else 0.14 * (1 - h) for h in HIDDEN)}
LIMIT = 2**40  # images of one domain in the endless world


@check_arguments
@dataclass(frozen=True)
class Dials:
    """The settings of one domain.

    Args:
        style: one style, several, or shares of styles such as `{"photo": 3, "sketch": 1}`.
        only: the values that factors are kept to, such as `{"hue": ["red", "blue"]}`.
        priors: shares of a factor's values, such as `{"shape": {"star": 5}}`; those not named have 1.
        tail: how many times rarer the last class is than the first, 1 or more; those between fall geometrically.
        noise: share of the labels that are drawn anew at random, 0 to 1.
        spurious: chance with which `cue` is tied to the label, 0 to 1.
        cue: the factor that may be tied.
        concept: share of the classes whose labels change places, 0 to 1.
    """

    style: Any = "photo"
    only: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    priors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    tail: float = 1.0
    noise: float = 0.0
    spurious: float = 0.0
    cue: str = "texture"
    concept: float = 0.0

    def __post_init__(self) -> None:
        for name in ("noise", "spurious", "concept"):
            share(name, getattr(self, name))
        if not _number(self.tail) or not 1 <= self.tail <= 10_000:
            raise BadValue(
                f"tail is how many times rarer the last class is than the first, 1 to 10000; got {self.tail!r}"
            )
        values(self.cue)
        for factor, wanted in dict(self.only).items():
            if factor == "style":
                raise BadValue(
                    'styles are chosen with style=, such as style=["photo", "sketch"]; leave style out of only'
                )
            for value in listed(f"only[{factor!r}]", wanted):
                code(factor, value)
        for factor, weights in dict(self.priors).items():
            _check_weights(factor, weights)
        self.styles()

    @check_arguments
    def styles(self) -> dict[str, float]:
        """The styles and their shares.

        Raises:
            UnknownName: no such style.
            BadValue: no style, or a share that is not positive.
        """
        given = self.style if isinstance(self.style, Mapping) else dict.fromkeys(listed("style", self.style), 1.0)
        for name, weight in given.items():
            code("style", name)
            if not _number(weight) or weight < 0:
                raise BadValue(f"the share of the style {name!r} is a number of 0 or more; got {weight!r}")
        if sum(given.values()) <= 0:
            raise BadValue("style wants at least one style with a share above 0")
        return {str(name): float(weight) for name, weight in given.items()}

    @check_arguments
    def allowed(self, factor: str) -> tuple[str, ...]:
        """The values that a factor takes in this domain."""
        values(factor)
        if factor == "style":
            return tuple(name for name in FACTORS["style"] if self.styles().get(name, 0) > 0)
        wanted = self.only.get(factor)
        chosen = None if wanted is None else set(map(str, listed(factor, wanted)))
        return tuple(v for v in FACTORS[factor] if chosen is None or v in chosen)

    @check_arguments
    def shares(self, factor: str) -> np.ndarray:
        """How often each value of a factor occurs, (values of the factor,), adding up to 1."""
        weights = np.array(PRIORS.get(factor, (1.0,) * len(FACTORS[factor])), np.float64)
        given: Mapping[str, float] = self.styles() if factor == "style" else self.priors.get(factor, {})
        if factor == "style":
            weights[:] = 0
        elif given:
            weights[:] = 1
        for value, weight in given.items():
            weights[code(factor, value)] = weight
        allowed = set(self.allowed(factor))
        weights[[v not in allowed for v in FACTORS[factor]]] = 0
        if weights.sum() <= 0:
            raise BadValue(f"no value of {factor} is left: only= and priors= exclude each other")
        return weights / weights.sum()


DIALS = tuple(f.name for f in fields(Dials))


def dialled(given: Mapping[str, Any]) -> Dials:
    """Dials from plain data.

    Raises:
        UnknownName: no such dial.
        BadValue: a setting out of its range.
    """
    if not isinstance(given, Mapping):
        raise BadValue(f'the dials of a domain are a mapping such as {{"style": "sketch"}}; got {given!r}')
    for name in given:
        if name not in DIALS:
            raise UnknownName.of("dial of the world", name, DIALS)
    return Dials(**given)


def classes_of(label: str, domains: Sequence[Dials]) -> tuple[str, ...]:
    """The values of a factor that occur in any of the domains, in the factor's order.

    Raises:
        BadValue: it has a single value, so that there is nothing to tell apart.
    """
    found = {
        value for dials in domains for value in dials.allowed(label) if dials.shares(label)[code(label, value)] > 0
    }
    if len(found) < 2:
        raise BadValue(
            f"the label {label!r} has a single value here ({', '.join(found)}): there is nothing to tell apart; "
            "allow more of its values, or take another factor as label"
        )
    return tuple(v for v in FACTORS[label] if v in found)


def drawn(dials: Dials, labels: Sequence[str], classes: Sequence[tuple[str, ...]], dice: Any) -> np.ndarray:
    """The factors of some images, (B, factors) uint8.

    Args:
        labels: the factors that are labels; the first is the one that `tail` and `spurious` refer to.
        classes: their classes.
        dice: of these images.
    """
    out = np.empty((len(dice.index), len(NAMES)), np.uint8)
    for column, factor in enumerate(NAMES):
        weights = dials.shares(factor)
        if factor == labels[0] and dials.tail > 1:
            weights = weights * tailed(factor, classes[0], dials.tail)
        edges = np.cumsum(weights / weights.sum())
        # classes are dealt, so that a small set has them all in their shares; everything else is thrown
        stream = f"value of {factor}"
        luck = dice.deal(stream, len(classes[0])) if factor == labels[0] else dice.roll(stream)[:, 0]
        out[:, column] = np.searchsorted(edges / edges[-1], luck.cpu().numpy().astype(np.float64), side="right")
    if dials.spurious > 0 and dials.cue != labels[0]:
        _tie(out, dials, labels[0], classes[0], dice)
    return out


def tailed(factor: str, classes: tuple[str, ...], tail: float) -> np.ndarray:
    """Weights that fall geometrically from the first class to the last (Cui et al. 2019, arXiv:1901.05555)."""
    weights = np.ones(len(FACTORS[factor]))
    for rank, name in enumerate(classes):
        weights[code(factor, name)] = tail ** (-rank / (len(classes) - 1))
    return weights


def labelled(codes: np.ndarray, dials: Dials, label: str, classes: tuple[str, ...], dice: Any) -> np.ndarray:
    """The labels of some images, (B,) int64: the factor's value, where neither concept nor noise changes it."""
    place = np.full(len(FACTORS[label]), -1, np.int64)
    for index, name in enumerate(classes):
        place[code(label, name)] = index
    found = redefined(len(classes), dials.concept)[place[codes[:, NAMES.index(label)]]]
    if dials.noise > 0:
        hit = dice.roll(f"noise on {label}")[:, 0].cpu().numpy() < dials.noise
        found = np.where(hit, dice.pick(f"noisy {label}", len(classes)).cpu().numpy(), found)
    return found


def redefined(count: int, concept: float) -> np.ndarray:
    """What each class is called after a change of concept: some move on by one, the others stay."""
    moved = round(concept * count)
    moved = 2 if moved == 1 else moved  # one class alone has none to change places with
    chosen = np.sort(np.random.default_rng(count).permutation(count)[:moved])
    out = np.arange(count)
    out[chosen] = np.roll(chosen, 1)
    return out


def partner(index: np.ndarray, cues: int) -> np.ndarray:
    """The cue that is tied to each class."""
    return (index * 5 + 2) % cues if cues % 5 else (index * 3 + 1) % cues


def share(name: str, value: Any) -> None:
    """Refuses what is no share.

    Raises:
        BadValue: not a number from 0 to 1.
    """
    if not _number(value) or not 0 <= value <= 1:
        raise BadValue(f"{name} is a share from 0 to 1; got {value!r}")


def listed(what: str, given: Any) -> list[str]:
    """One word or several as a list.

    Raises:
        BadValue: something else, or nothing.
    """
    if isinstance(given, str):
        return [given]
    if not isinstance(given, Sequence) or not given:
        raise BadValue(f"{what} wants one value or a list of them; got {given!r}")
    return [str(v) for v in given]


def _tie(out: np.ndarray, dials: Dials, label: str, classes: tuple[str, ...], dice: Any) -> None:
    cues = np.array([code(dials.cue, v) for v in dials.allowed(dials.cue)])
    own = out[:, NAMES.index(label)].astype(np.int64)
    place = np.full(len(FACTORS[label]), 0, np.int64)
    for index, name in enumerate(classes):
        place[code(label, name)] = index
    tied = dice.roll("tie")[:, 0].cpu().numpy() < dials.spurious
    column = NAMES.index(dials.cue)
    out[:, column] = np.where(tied, cues[partner(place[own], len(cues))], out[:, column])


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _check_weights(factor: str, weights: Any) -> None:
    values(factor)
    if not isinstance(weights, Mapping):
        raise BadValue(f'priors[{factor!r}] is a mapping from values to shares, such as {{"{FACTORS[factor][0]}": 5}}')
    for value, weight in weights.items():
        code(factor, value)
        if not _number(weight) or weight < 0:
            raise BadValue(f"the share of {factor} {value!r} is a number of 0 or more; got {weight!r}")
