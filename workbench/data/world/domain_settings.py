"""Settings of a domain of the world, and the factors and labels of its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

import numpy as np

from workbench.argument_checks import check_arguments
from workbench.data.world.factors import FACTOR_NAMES, FACTORS, OCCLUSIONS, factor_values, value_index
from workbench.errors import BadValue, UnknownName

__all__ = ["DomainSettings"]

# half of all objects are not occluded; larger occlusions are rarer
DEFAULT_PRIORS = {"occlusion": tuple(0.5 if h == 0 else 0.14 * (1 - h) for h in OCCLUSIONS)}
MAX_IMAGES_PER_DOMAIN = 2**40  # maximum number of images of one domain


@check_arguments
@dataclass(frozen=True)
class DomainSettings:
    """Settings of one domain.

    Args:
        style: one style, several, or weights of styles such as `{"photo": 3, "sketch": 1}`.
        only: allowed values of factors, such as `{"hue": ["red", "blue"]}`.
        priors: weights of a factor's values, such as `{"shape": {"star": 5}}`; values not named have weight 1.
        tail: frequency of the first class divided by that of the last, 1 or more; geometric between them.
        noise: share of the labels that are replaced at random, 0 to 1.
        spurious: probability with which `cue` is tied to the label, 0 to 1.
        cue: factor that may be tied.
        concept: share of the classes whose labels are swapped, 0 to 1.
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
            check_fraction(name, getattr(self, name))
        if not _is_number(self.tail) or not 1 <= self.tail <= 10_000:
            raise BadValue(
                f"tail: expected the ratio of the first class's frequency to the last's, 1 to 10000, got {self.tail!r}"
            )
        factor_values(self.cue)
        for factor, values in dict(self.only).items():
            if factor == "style":
                raise BadValue(
                    'styles are chosen with style=, such as style=["photo", "sketch"]; leave style out of only'
                )
            for value in to_string_list(f"only[{factor!r}]", values):
                value_index(factor, value)
        for factor, weights in dict(self.priors).items():
            _check_weights(factor, weights)
        self.style_weights()

    @check_arguments
    def style_weights(self) -> dict[str, float]:
        """Return the styles and their weights.

        Raises:
            UnknownName: no such style.
            BadValue: no style, or a weight that is not positive.
        """
        weights = (
            self.style if isinstance(self.style, Mapping) else dict.fromkeys(to_string_list("style", self.style), 1.0)
        )
        for name, weight in weights.items():
            value_index("style", name)
            if not _is_number(weight) or weight < 0:
                raise BadValue(f"style {name!r}: expected a weight of 0 or more, got {weight!r}")
        if sum(weights.values()) <= 0:
            raise BadValue("style: expected at least one style with a weight above 0")
        return {str(name): float(weight) for name, weight in weights.items()}

    @check_arguments
    def allowed_values(self, factor: str) -> tuple[str, ...]:
        """Return the values of a factor that occur in this domain."""
        factor_values(factor)
        if factor == "style":
            return tuple(name for name in FACTORS["style"] if self.style_weights().get(name, 0) > 0)
        only = self.only.get(factor)
        chosen = None if only is None else set(map(str, to_string_list(factor, only)))
        return tuple(v for v in FACTORS[factor] if chosen is None or v in chosen)

    @check_arguments
    def value_probabilities(self, factor: str) -> np.ndarray:
        """Return the probability of each value of a factor, (values of the factor,), with sum 1."""
        weights = np.array(DEFAULT_PRIORS.get(factor, (1.0,) * len(FACTORS[factor])), np.float64)
        given: Mapping[str, float] = self.style_weights() if factor == "style" else self.priors.get(factor, {})
        if factor == "style":
            weights[:] = 0
        elif given:
            weights[:] = 1
        for value, weight in given.items():
            weights[value_index(factor, value)] = weight
        allowed = set(self.allowed_values(factor))
        weights[[v not in allowed for v in FACTORS[factor]]] = 0
        if weights.sum() <= 0:
            raise BadValue(
                f"no value of {factor} remains: only= and priors= exclude each other; "
                "allow one that has a prior above 0"
            )
        return weights / weights.sum()


SETTING_NAMES = tuple(f.name for f in fields(DomainSettings))
SETTING_DEFAULTS = {f.name: f.default if f.default is not MISSING else None for f in fields(DomainSettings)}


def parse_settings(settings: Mapping[str, Any]) -> DomainSettings:
    """Create the settings of a domain from plain data.

    Raises:
        UnknownName: no such setting.
        BadValue: a setting out of its range.
    """
    if not isinstance(settings, Mapping):
        raise BadValue(f'settings of a domain: expected a mapping such as {{"style": "sketch"}}, got {settings!r}')
    for name in settings:
        if name not in SETTING_NAMES:
            raise UnknownName.of("setting of a domain", name, SETTING_NAMES)
    return DomainSettings(**settings)


def list_classes(label: str, domains: Sequence[DomainSettings]) -> tuple[str, ...]:
    """List the values of a factor that occur in any of the domains, in the factor's order.

    Raises:
        BadValue: there is a single value, hence no classification task.
    """
    values = {
        value
        for settings in domains
        for value in settings.allowed_values(label)
        if settings.value_probabilities(label)[value_index(label, value)] > 0
    }
    if len(values) < 2:
        raise BadValue(
            f"the label {label!r} has a single value here ({', '.join(values)}), hence nothing to classify; "
            "allow more of its values, or take another factor as label"
        )
    return tuple(v for v in FACTORS[label] if v in values)


def sample_factors(
    settings: DomainSettings, labels: Sequence[str], classes: Sequence[tuple[str, ...]], rng: Any
) -> np.ndarray:
    """Sample the factors of images, (B, factors) uint8.

    Args:
        labels: factors that are labels; `tail` and `spurious` apply to the first.
        classes: classes of each label.
        rng: random generator of these images.
    """
    codes = np.empty((len(rng.index), len(FACTOR_NAMES)), np.uint8)
    for column, factor in enumerate(FACTOR_NAMES):
        weights = settings.value_probabilities(factor)
        if factor == labels[0] and settings.tail > 1:
            weights = weights * long_tail_weights(factor, classes[0], settings.tail)
        edges = np.cumsum(weights / weights.sum())
        # classes are stratified, so that a small set has all of them in proportion; other factors are independent draws
        stream = f"value of {factor}"
        uniforms = rng.stratified(stream, len(classes[0])) if factor == labels[0] else rng.random(stream)[:, 0]
        codes[:, column] = np.searchsorted(edges / edges[-1], uniforms.cpu().numpy().astype(np.float64), side="right")
    if settings.spurious > 0 and settings.cue != labels[0]:
        _apply_spurious_cue(codes, settings, labels[0], classes[0], rng)
    return codes


def long_tail_weights(factor: str, classes: tuple[str, ...], tail: float) -> np.ndarray:
    """Compute weights that decay geometrically from the first class to the last (Cui et al. 2019, arXiv:1901.05555)."""
    weights = np.ones(len(FACTORS[factor]))
    for rank, name in enumerate(classes):
        weights[value_index(factor, name)] = tail ** (-rank / (len(classes) - 1))
    return weights


def assign_labels(
    codes: np.ndarray, settings: DomainSettings, label: str, classes: tuple[str, ...], rng: Any
) -> np.ndarray:
    """Assign the labels of images, (B,) int64: the factor's value, unless concept shift or noise changes it."""
    class_of_value = np.full(len(FACTORS[label]), -1, np.int64)
    for index, name in enumerate(classes):
        class_of_value[value_index(label, name)] = index
    labels = shift_concept(len(classes), settings.concept)[class_of_value[codes[:, FACTOR_NAMES.index(label)]]]
    if settings.noise > 0:
        is_noisy = rng.random(f"noise on {label}")[:, 0].cpu().numpy() < settings.noise
        labels = np.where(is_noisy, rng.integers(f"noisy {label}", len(classes)).cpu().numpy(), labels)
    return labels


def shift_concept(n_classes: int, fraction: float) -> np.ndarray:
    """Return the new label of each class after a concept shift: some classes move on by one, the others stay."""
    moved = round(fraction * n_classes)
    moved = 2 if moved == 1 else moved  # a single class has no other to swap with
    chosen = np.sort(np.random.default_rng(n_classes).permutation(n_classes)[:moved])
    out = np.arange(n_classes)
    out[chosen] = np.roll(chosen, 1)
    return out


def cue_of_class(labels: np.ndarray, n_cues: int) -> np.ndarray:
    """Return the cue that is tied to each class."""
    return (labels * 5 + 2) % n_cues if n_cues % 5 else (labels * 3 + 1) % n_cues


def check_fraction(name: str, value: Any) -> None:
    """Check that a value is a fraction.

    Raises:
        BadValue: not a number from 0 to 1.
    """
    if not _is_number(value) or not 0 <= value <= 1:
        raise BadValue(f"{name}: expected a number from 0 to 1, got {value!r}")


def to_string_list(name: str, value: Any) -> list[str]:
    """Convert one string or several to a list.

    Raises:
        BadValue: another type, or an empty sequence.
    """
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Sequence) or not value:
        raise BadValue(f"{name}: expected one value or a list of values, got {value!r}")
    return [str(v) for v in value]


def _apply_spurious_cue(
    codes: np.ndarray, settings: DomainSettings, label: str, classes: tuple[str, ...], rng: Any
) -> None:
    cues = np.array([value_index(settings.cue, v) for v in settings.allowed_values(settings.cue)])
    values = codes[:, FACTOR_NAMES.index(label)].astype(np.int64)
    class_of_value = np.full(len(FACTORS[label]), 0, np.int64)
    for index, name in enumerate(classes):
        class_of_value[value_index(label, name)] = index
    tied = rng.random("tie")[:, 0].cpu().numpy() < settings.spurious
    column = FACTOR_NAMES.index(settings.cue)
    codes[:, column] = np.where(tied, cues[cue_of_class(class_of_value[values], len(cues))], codes[:, column])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _check_weights(factor: str, weights: Any) -> None:
    factor_values(factor)
    if not isinstance(weights, Mapping):
        raise BadValue(f'priors[{factor!r}] is a mapping from values to weights, such as {{"{FACTORS[factor][0]}": 5}}')
    for value, weight in weights.items():
        value_index(factor, value)
        if not _is_number(weight) or weight < 0:
            raise BadValue(f"prior of {factor} {value!r}: expected a number of 0 or more, got {weight!r}")
