"""A source and a target with known amounts of each kind of shift between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName, printable_text
from workbench.forms import Range
from workbench.images.world.dials import DIALS, dialled, listed, redefined, share
from workbench.images.world.factors import FACTORS, values
from workbench.markers import Seed, Share

if TYPE_CHECKING:
    from workbench.images.labelled import Images

KINSHIP = ("same", "related", "unrelated")


@dataclass(frozen=True)
class Pair:
    """A source and a target.

    Attributes:
        source, target: the two sets.
        images: both as the domains `source` and `target` of one set; None where their classes differ.
        words: what lies between them, as a sentence.
        amounts: the true amounts: covariate, label_shift, concept, noise, spurious, tail, related.
    """

    source: Images
    target: Images
    images: Images | None
    words: str
    amounts: Mapping[str, float | str]

    @printable_text
    def __repr__(self) -> str:
        return f"Pair: {self.words}"

    @check_arguments
    def show(self, n: Annotated[int, Range(1, 1000)] = 10, size: Annotated[int, Range(32, 224)] = 96) -> Any:
        """A matplotlib figure of `n` images of the source above `n` of the target, with their labels."""
        from workbench.figures import thumbnails

        pictures, names = [], []
        for images in (self.source, self.target):
            pictures += [images.pixels(row, size) for row in range(n)]
            names += [images.classes[k] for k in images.labels()[:n]]
        return thumbnails(pictures, names, columns=n, title="The source above, the target below")


@check_arguments
def pair(
    *,
    covariate: Share = 0.0,
    label_shift: Share = 0.0,
    concept: Share = 0.0,
    relatedness: str = "same",
    noise: Share = 0.0,
    spurious: Share = 0.0,
    tail: Annotated[float, Range(1.0, 10_000.0)] = 1.0,
    label: str = "shape",
    other: str = "texture",
    style: Sequence[str] = ("photo", "sketch"),
    ranges: Sequence[str] = (),
    classes: Annotated[int, Range(2, 1000)] | None = 8,
    n: Annotated[int, Range(2, 10**8)] = 2000,
    size: Annotated[int, Range(32, 224)] = 64,
    seed: Seed = 0,
    **dials: Any,
) -> Pair:
    """A source and a target, dialled apart.

    Args:
        covariate: share of the target's images in the target's style, and with the other half of the values of
            the factors in `ranges`; 0 to 1.
        label_shift: how far the target's classes are from equally frequent, 0 to 1 (total variation distance,
            as far as so many classes allow).
        concept: share of the target's classes whose labels change places, 0 to 1.
        relatedness: what the source's labels are: of the same classes; of the same factor, but other values
            (related); of the factor `other` (unrelated).
        noise: share of the source's labels drawn anew at random, 0 to 1.
        spurious: chance with which the texture (or `cue=`) is tied to the class in the source, 0 to 1; in the
            target it is not.
        tail: how many times rarer the source's last class is than its first, 1 or more.
        label: the target's factor to learn.
        other: the source's factor to learn, where it is unrelated.
        style: the source's style and the target's.
        ranges: factors whose values part the domains, such as scale or light; with covariate.
        classes: so many values of the label take part; None for all.
        n: images of each.
        size: edge in pixels of a picture looked at by itself; nets get the size that they want.
        seed: of the world.
        dials: further dials of both domains, such as `only` or `cue`.

    Raises:
        UnknownName: a factor, style or dial that does not exist.
        BadValue: an amount out of its range.
    """
    for name, value in (("covariate", covariate), ("label_shift", label_shift), ("concept", concept)):
        share(name, value)
    chosen = _classes(label, classes, relatedness, dials, seed)
    ends = listed("style", style)
    if len(ends) != 2:
        raise BadValue(f"style wants the source's style and the target's; got {style!r}")
    base = {**dials, "only": {**dict(dials.get("only", {})), label: chosen[1]}}
    lower, upper = _halves(ranges, covariate, base)
    source = {**base, "style": ends[0], "noise": noise, "spurious": spurious, "tail": tail, **lower}
    target = {**base, "style": _mix(ends, covariate), "concept": concept, **upper}
    known = dialled(base).allowed(label)
    skew = _skew(len(known), label_shift, seed)
    target["priors"] = {**dict(target.get("priors", {})), label: dict(zip(known, skew.tolist(), strict=True))}
    source_label = label
    if relatedness == "related":
        source["only"] = {**source["only"], label: chosen[0]}
    elif relatedness == "unrelated":
        source_label = other
    size_of = {"n": n, "size": size, "seed": seed}
    return _opened(source, target, source_label, label, size_of, relatedness, skew)


def _opened(
    source: dict[str, Any],
    target: dict[str, Any],
    theirs: str,
    ours: str,
    size: dict[str, Any],
    kin: str,
    skew: np.ndarray,
) -> Pair:
    from workbench.images import images

    together = None
    if kin == "same":
        both = {"source": source, "target": target}
        together = images("world", label=ours, domains=both, source="source", target="target", **size)
        first, second = together.part(domain="source"), together.part(domain="target")
    else:
        first = images("world", label=theirs, domains={"source": source}, **size)
        # the target's images are others than the source's
        second = images("world", label=ours, domains={"target": target}, start=size["n"], **size)
    amounts = _amounts(source, target, first, second, kin, skew)
    return Pair(first, second, together, _words(amounts, source, target, theirs, ours), amounts)


def _classes(
    label: str, count: int | None, relatedness: str, dials: Mapping[str, Any], seed: int
) -> tuple[list[str], list[str]]:
    """Values of the label for a related source, and for the target."""
    if relatedness not in KINSHIP:
        raise UnknownName.of("relatedness", relatedness, KINSHIP)
    for name in dials:
        if name not in DIALS:
            raise UnknownName.of("dial of the world", name, DIALS)
    values(label)
    known = dialled({k: v for k, v in dials.items() if k != "style"}).allowed(label)
    most = len(known) // 2 if relatedness == "related" else len(known)
    wanted = most if count is None else count
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 2:
        raise BadValue(f"classes is a whole number from 2 to {most}; got {count!r}")
    # a factor with fewer values gives all it has
    order = np.random.default_rng([seed, 5]).permutation(len(known))
    wanted = min(wanted, most)
    ours, theirs = order[:wanted], order[wanted : 2 * wanted]
    return [known[i] for i in sorted(theirs)], [known[i] for i in sorted(ours)]


def _halves(ranges: Sequence[str], covariate: float, base: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The lower half of the factors' values for the source; the upper half, in the wanted share, for the target."""
    if not ranges:
        return {}, {}
    low, priors = dict(base["only"]), dict(base.get("priors", {}))
    for factor in listed("ranges", ranges):
        known = dialled(dict(base)).allowed(factor)
        half = len(known) // 2
        if half < 1:
            raise BadValue(f"{factor} has a single value here: there are no two halves of it")
        low[factor] = list(known[:half])
        within = [(1 - covariate) / half] * half + [covariate / (len(known) - half)] * (len(known) - half)
        priors[factor] = dict(zip(known, within, strict=True))
    return {"only": low}, {"priors": priors}


def _mix(ends: list[str], covariate: float) -> Any:
    if ends[0] == ends[1] or covariate == 0:
        return ends[0]
    return ends[1] if covariate == 1 else {ends[0]: 1 - covariate, ends[1]: covariate}


def _skew(count: int, amount: float, seed: int) -> np.ndarray:
    """Geometrically falling shares of the classes, at a total variation distance of `amount` from equal ones."""
    equal = np.full(count, 1 / count)
    order = np.random.default_rng([seed, 6]).permutation(count)

    def falling(steepness: float) -> np.ndarray:
        shares = np.empty(count)
        shares[order] = np.exp(-steepness * np.arange(count))
        return shares / shares.sum()

    low, high = 0.0, 6.0  # at 6 the second class is 400 times rarer than the first
    for _ in range(50):
        middle = 0.5 * (low + high)
        enough = 0.5 * np.abs(falling(middle) - equal).sum() >= amount
        low, high = (low, middle) if enough else (middle, high)
    return np.maximum(falling(low), 0.001) if amount else equal


def _amounts(
    source: Mapping[str, Any], target: Mapping[str, Any], first: Images, second: Images, kin: str, skew: np.ndarray
) -> dict[str, float | str]:
    frame, styles = second.frame, dialled(source).styles()
    away = float((~frame["style"].isin(list(styles))).mean())
    for factor, kept in dialled(source).only.items():
        if factor in dialled(target).priors and factor != _label(second):
            away = max(away, float((~frame[factor].isin(list(kept))).mean()))
    moved = redefined(len(second.classes), float(target.get("concept", 0)))
    label = _label(first)
    wrong = float((first.frame["label"] != first.frame[label].astype(str)).mean()) if label else 0.0
    return {
        "covariate": away,
        "label_shift": float(0.5 * np.abs(skew / skew.sum() - 1 / len(skew)).sum()),
        "concept": float((moved[_own(second)] != _own(second)).mean()),
        "noise": wrong,
        "spurious": float(source.get("spurious", 0)),
        "tail": float(source.get("tail", 1)),
        "related": kin,
    }


def _own(images: Images) -> np.ndarray:
    """Each image's true class by its factor."""
    label = _label(images)
    place = {name: i for i, name in enumerate(images.classes)}
    return images.frame[label].astype(str).map(place).to_numpy(np.int64)


def _label(images: Images) -> str:
    """The factor that a set's classes are of."""
    return next(factor for factor, known in FACTORS.items() if set(images.classes) <= set(known))


def _words(
    amounts: Mapping[str, Any], source: Mapping[str, Any], target: Mapping[str, Any], theirs: str, ours: str
) -> str:
    said = []
    if amounts["related"] != "same":
        what = f"other values of {ours}" if amounts["related"] == "related" else theirs
        said.append(f"the source was labelled by {what}")
    if amounts["covariate"]:
        styles = " and ".join(dialled(target).styles())
        said.append(f"{amounts['covariate']:.0%} of the target's images look different ({styles})")
    if amounts["label_shift"] >= 0.005:
        said.append(f"its classes are unevenly frequent (distance {amounts['label_shift']:.2f})")
    if amounts["concept"]:
        said.append(f"{amounts['concept']:.0%} of its images bear redefined labels")
    if amounts["noise"]:
        said.append(f"{amounts['noise']:.0%} of the source's labels are wrong")
    if amounts["spurious"]:
        said.append(
            f"the source's {source.get('cue', 'texture')} gives its class away in {amounts['spurious']:.0%} of cases"
        )
    if amounts["tail"] > 1:
        said.append(f"its rarest class is {amounts['tail']:g} times rarer than the commonest")
    return f"{ours}: {'; '.join(said) or 'source and target are alike'}"
