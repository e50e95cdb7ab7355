"""Pairs of a source and a target with known amounts of each kind of shift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from workbench.annotated_types import Fraction, Seed
from workbench.argument_checks import check_arguments
from workbench.data.world.domain_settings import (
    SETTING_NAMES,
    check_fraction,
    parse_settings,
    shift_concept,
    to_string_list,
)
from workbench.data.world.factors import FACTORS, factor_values
from workbench.errors import BadValue, UnknownName, escape_returned_text
from workbench.formatting import join_names
from workbench.forms import Range

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["DomainPair", "make_domain_pair"]

RELATEDNESS = ("same", "related", "unrelated")


@dataclass(frozen=True)
class DomainPair:
    """Source and target with known shifts.

    Attributes:
        source, target: the two sets.
        images: both as the domains `source` and `target` of one set; None if their classes differ.
        description: the shifts between them, as a sentence.
        amounts: the true amounts: covariate, label_shift, concept, noise, spurious, tail, related.
    """

    source: Images
    target: Images
    images: Images | None
    description: str
    amounts: Mapping[str, float | str]

    @escape_returned_text
    def __repr__(self) -> str:
        return f"DomainPair: {self.description}"

    @check_arguments
    def show(
        self, n_images: Annotated[int, Range(1, 1000)] = 10, image_size: Annotated[int, Range(32, 224)] = 96
    ) -> Any:
        """Draw `n_images` images of the source above as many of the target, with labels, by matplotlib."""
        from workbench.figures import image_grid

        pictures, names = [], []
        for images in (self.source, self.target):
            pictures += [images.pixels(row, image_size) for row in range(n_images)]
            names += [images.classes[k] for k in images.labels()[:n_images]]
        return image_grid(pictures, names, columns=n_images, title="The source above, the target below")


@check_arguments
def make_domain_pair(
    *,
    covariate: Fraction = 0.0,
    label_shift: Fraction = 0.0,
    concept: Fraction = 0.0,
    relatedness: str = "same",
    noise: Fraction = 0.0,
    spurious: Fraction = 0.0,
    tail: Annotated[float, Range(1.0, 10_000.0)] = 1.0,
    label: str = "shape",
    unrelated_label: str = "texture",
    style: Sequence[str] = ("photo", "sketch"),
    shifted_factors: Sequence[str] = (),
    n_classes: Annotated[int, Range(2, 1000)] | None = 8,
    n: Annotated[int, Range(2, 10**8)] = 2000,
    size: Annotated[int, Range(32, 224)] = 64,
    seed: Seed = 0,
    **settings: Any,
) -> DomainPair:
    """Create a source and a target with the given shifts.

    Args:
        covariate: share of the target's images in the target's style, and with the upper half of the values of
            the factors in `shifted_factors`; 0 to 1.
        label_shift: total variation distance of the target's class frequencies from uniform, 0 to 1, as far as the
            number of classes allows.
        concept: share of the target's classes whose labels are swapped, 0 to 1.
        relatedness: labels of the source: the same classes (same); other values of the same factor (related); the
            factor `unrelated_label` (unrelated).
        noise: share of the source's labels replaced at random, 0 to 1.
        spurious: probability with which the texture (or `cue=`) is tied to the class in the source, 0 to 1; in the
            target it is independent.
        tail: frequency of the source's first class divided by that of its last, 1 or more.
        label: factor to learn in the target.
        unrelated_label: factor to learn in the source, if unrelated.
        style: style of the source and of the target.
        shifted_factors: factors whose values differ between the domains, such as scale or light; with covariate.
        n_classes: number of values of the label; None for all.
        n: number of images of each domain.
        size: image size in pixels for display; nets get images rendered at their own input size.
        seed: seed of the world.
        settings: further settings of both domains, such as `only` or `cue`.

    Raises:
        UnknownName: a factor, style or setting that does not exist.
        BadValue: an amount out of its range.
    """
    for name, value in (("covariate", covariate), ("label_shift", label_shift), ("concept", concept)):
        check_fraction(name, value)
    chosen = _choose_classes(label, n_classes, relatedness, settings, seed)
    styles = to_string_list("style", style)
    if len(styles) != 2:
        raise BadValue(f"style: expected the source's and the target's style, got {style!r}")
    shared = {**settings, "only": {**dict(settings.get("only", {})), label: chosen[1]}}
    lower, upper = _split_factors(shifted_factors, covariate, shared)
    source = {**shared, "style": styles[0], "noise": noise, "spurious": spurious, "tail": tail, **lower}
    target = {**shared, "style": _mix_styles(styles, covariate), "concept": concept, **upper}
    values = parse_settings(shared).allowed_values(label)
    class_shares = _skewed_class_shares(len(values), label_shift, seed)
    target["priors"] = {**dict(target.get("priors", {})), label: dict(zip(values, class_shares.tolist(), strict=True))}
    source_label = label
    if relatedness == "related":
        source["only"] = {**source["only"], label: chosen[0]}
    elif relatedness == "unrelated":
        source_label = unrelated_label
    options = {"n": n, "size": size, "seed": seed}
    return _open_images(source, target, source_label, label, options, relatedness, class_shares)


def _open_images(
    source: dict[str, Any],
    target: dict[str, Any],
    source_label: str,
    target_label: str,
    options: dict[str, Any],
    relatedness: str,
    class_shares: np.ndarray,
) -> DomainPair:
    from workbench.data.image_loading import load_images

    images = None
    if relatedness == "same":
        domains = {"source": source, "target": target}
        images = load_images(
            "world", label=target_label, domains=domains, source_domain="source", target_domain="target", **options
        )
        first, second = images.subset(domain="source"), images.subset(domain="target")
    else:
        first = load_images("world", label=source_label, domains={"source": source}, **options)
        # the target's images differ from the source's
        second = load_images("world", label=target_label, domains={"target": target}, start=options["n"], **options)
    amounts = _measure_shifts(source, target, first, second, relatedness, class_shares)
    return DomainPair(
        first, second, images, _describe_shifts(amounts, source, target, source_label, target_label), amounts
    )


def _choose_classes(
    label: str, n_classes: int | None, relatedness: str, settings: Mapping[str, Any], seed: int
) -> tuple[list[str], list[str]]:
    """Choose values of the label for a related source, and for the target."""
    if relatedness not in RELATEDNESS:
        raise UnknownName.of("relatedness", relatedness, RELATEDNESS)
    for name in settings:
        if name not in SETTING_NAMES:
            raise UnknownName.of("setting of a domain", name, SETTING_NAMES)
    factor_values(label)
    values = parse_settings({k: v for k, v in settings.items() if k != "style"}).allowed_values(label)
    max_classes = len(values) // 2 if relatedness == "related" else len(values)
    n_chosen = max_classes if n_classes is None else n_classes
    if isinstance(n_chosen, bool) or not isinstance(n_chosen, int) or n_chosen < 2:
        raise BadValue(f"n_classes: expected an integer from 2 to {max_classes}, got {n_classes!r}")
    # a factor with fewer values contributes all of them
    order = np.random.default_rng([seed, 5]).permutation(len(values))
    n_chosen = min(n_chosen, max_classes)
    target_values, source_values = order[:n_chosen], order[n_chosen : 2 * n_chosen]
    return [values[i] for i in sorted(source_values)], [values[i] for i in sorted(target_values)]


def _split_factors(
    shifted_factors: Sequence[str], covariate: float, settings: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the source the lower half of the factors' values, and the target the upper half with share `covariate`."""
    if not shifted_factors:
        return {}, {}
    low, priors = dict(settings["only"]), dict(settings.get("priors", {}))
    for factor in to_string_list("shifted_factors", shifted_factors):
        values = parse_settings(dict(settings)).allowed_values(factor)
        half = len(values) // 2
        if half < 1:
            raise BadValue(f"{factor} has a single value here and cannot be split; allow more of its values")
        low[factor] = list(values[:half])
        within = [(1 - covariate) / half] * half + [covariate / (len(values) - half)] * (len(values) - half)
        priors[factor] = dict(zip(values, within, strict=True))
    return {"only": low}, {"priors": priors}


def _mix_styles(styles: list[str], covariate: float) -> Any:
    if styles[0] == styles[1] or covariate == 0:
        return styles[0]
    return styles[1] if covariate == 1 else {styles[0]: 1 - covariate, styles[1]: covariate}


def _skewed_class_shares(n_classes: int, distance: float, seed: int) -> np.ndarray:
    """Return geometrically decaying class shares, at a total variation distance of `distance` from uniform ones."""
    equal = np.full(n_classes, 1 / n_classes)
    order = np.random.default_rng([seed, 6]).permutation(n_classes)

    def falling(steepness: float) -> np.ndarray:
        shares = np.empty(n_classes)
        shares[order] = np.exp(-steepness * np.arange(n_classes))
        return shares / shares.sum()

    low, high = 0.0, 6.0  # at 6 the second class is 400 times less frequent than the first
    for _ in range(50):
        middle = 0.5 * (low + high)
        enough = 0.5 * np.abs(falling(middle) - equal).sum() >= distance
        low, high = (low, middle) if enough else (middle, high)
    return np.maximum(falling(low), 0.001) if distance else equal


def _measure_shifts(
    source: Mapping[str, Any],
    target: Mapping[str, Any],
    source_images: Images,
    target_images: Images,
    relatedness: str,
    class_shares: np.ndarray,
) -> dict[str, float | str]:
    frame, styles = target_images.frame, parse_settings(source).style_weights()
    covariate = float((~frame["style"].isin(list(styles))).mean())
    for factor, allowed in parse_settings(source).only.items():
        if factor in parse_settings(target).priors and factor != _label_factor(target_images):
            covariate = max(covariate, float((~frame[factor].isin(list(allowed))).mean()))
    new_labels = shift_concept(len(target_images.classes), float(target.get("concept", 0)))
    label = _label_factor(source_images)
    noise_fraction = (
        float((source_images.frame["label"] != source_images.frame[label].astype(str)).mean()) if label else 0.0
    )
    return {
        "covariate": covariate,
        "label_shift": float(0.5 * np.abs(class_shares / class_shares.sum() - 1 / len(class_shares)).sum()),
        "concept": float((new_labels[_true_labels(target_images)] != _true_labels(target_images)).mean()),
        "noise": noise_fraction,
        "spurious": float(source.get("spurious", 0)),
        "tail": float(source.get("tail", 1)),
        "related": relatedness,
    }


def _true_labels(images: Images) -> np.ndarray:
    """Return each image's true class, from its factor."""
    label = _label_factor(images)
    index_of_class = {name: i for i, name in enumerate(images.classes)}
    return images.frame[label].astype(str).map(index_of_class).to_numpy(np.int64)


def _label_factor(images: Images) -> str:
    """Return the factor whose values are the classes of a set."""
    return next(factor for factor, values in FACTORS.items() if set(images.classes) <= set(values))


def _describe_shifts(
    amounts: Mapping[str, Any],
    source: Mapping[str, Any],
    target: Mapping[str, Any],
    source_label: str,
    target_label: str,
) -> str:
    descriptions = []
    if amounts["related"] != "same":
        what = f"other values of {target_label}" if amounts["related"] == "related" else source_label
        descriptions.append(f"the source is labeled by {what}")
    if amounts["covariate"]:
        styles = join_names(parse_settings(target).style_weights())
        descriptions.append(f"{amounts['covariate']:.0%} of the target's images have another appearance ({styles})")
    if amounts["label_shift"] >= 0.005:
        descriptions.append(f"its classes are imbalanced (total variation distance {amounts['label_shift']:.2f})")
    if amounts["concept"]:
        descriptions.append(f"{amounts['concept']:.0%} of its images have swapped labels")
    if amounts["noise"]:
        descriptions.append(f"{amounts['noise']:.0%} of the source's labels are wrong")
    if amounts["spurious"]:
        descriptions.append(
            f"the source's {source.get('cue', 'texture')} predicts its class in {amounts['spurious']:.0%} of cases"
        )
    if amounts["tail"] > 1:
        descriptions.append(f"its rarest class is {amounts['tail']:g} times less frequent than the most frequent one")
    return f"{target_label}: {'; '.join(descriptions) or 'no shift between source and target'}"
