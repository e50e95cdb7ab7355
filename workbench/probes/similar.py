"""How alike the stages of one net are, or those of two: what a training moved, what two nets share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue, UnknownName, printable_text
from workbench.probes.alignment import all_pairs, enough, is_constant
from workbench.probes.correlations import mean_drift, pwcca, svcca
from workbench.probes.samples import table
from workbench.threads import spare

if TYPE_CHECKING:
    import pandas as pd

METHODS = {"cka": "linear CKA, debiased", "svcca": "SVCCA", "pwcca": "PWCCA"}


@dataclass(frozen=True)
class Similarity:
    """How alike stages are in what they say of the same images.

    Attributes:
        matrix: (R, C), 1 for the same up to a rotation and a scale (CKA) or any linear map (SVCCA, PWCCA); about 0
            for unrelated; 0 where a stage is constant.
        rows: stages of the first net, stem first.
        columns: stages of the second, or of the first again.
        method: cka, svcca or pwcca.
        names: what the nets are called; the same name twice for one net with itself.
        images: how many were compared.
        frame: a row a stage that both nets have: stage, similarity, drift (of the mean, in units of the spread; NaN
            where the widths differ), those left out that are constant in both. Empty for one net.
        constant: stages that say the same of every image, as "net: stage".
    """

    matrix: np.ndarray
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    method: str
    names: tuple[str, str]
    images: int
    frame: pd.DataFrame
    constant: tuple[str, ...]

    @property
    def moved(self) -> pd.DataFrame:
        """The shared stages, the one that differs most first."""
        return self.frame.sort_values("similarity", kind="stable", ignore_index=True)

    @printable_text
    def __str__(self) -> str:
        what = f"{METHODS[self.method]} of {self.images} images"
        if not len(self.frame):
            return f"{what}: {self.names[0]} with {self.names[1]}, {len(self.rows)} by {len(self.columns)} stages"
        least, most = self.moved.iloc[0], self.moved.iloc[-1]
        return (
            f"{what}: {least['stage']} differs most ({least['similarity']:.2f}), "
            f"{most['stage']} least ({most['similarity']:.2f})"
        )


@check_arguments
@spare()
def similarity(
    a: Any,
    b: Any = None,
    images: Any = None,
    *,
    method: str = "cka",
    stages: Sequence[str | None] | None = None,
    names: tuple[str, str] | None = None,
    **options: Any,
) -> Similarity:
    """How alike stages are: of one net among themselves, of two nets, of one before and after a training.

    Args:
        a: a net; or features by stage, as `wb.features(net, images, stages)` and `features_by_stage` give them, or as
            arrays (N, D).
        b: the same of the second net, whose classes and input size may differ; None compares the stages of `a`.
        images: what nets are shown; unused for features.
        method: cka (Kornblith et al. 2019, debiased), svcca (Raghu et al. 2017) or pwcca (Morcos et al. 2018).
        stages: of nets, those to compare; all but the head if None.
        names: what the two are called.
        options: `split`, `domain` and `device`, as `features_by_stage` takes them.

    Raises:
        UnknownName: no such method or stage.
        BadValue: nets without images, or features that are no tables or not of the same images.
        BadData: too few images, or features that are not finite.
    """
    if a is None:
        raise BadValue("similarity compares a net, as wb.load(name) gives it, or features by stage; got None")
    if method not in METHODS:
        raise UnknownName.of("measure of similarity", method, METHODS)
    named = names or (("the net", "the net") if b is None else ("the first", "the second"))
    sides = [
        _features(x, images, stages, name, options) for x, name in zip([a, b], named, strict=True) if x is not None
    ]
    first, second = _aligned(sides) if len(sides) > 1 else (sides[0][0], {})
    counts = {len(x) for x in [*first.values(), *second.values()]}
    if len(counts) > 1:
        raise BadValue(f"stages are compared over the same images, row by row; there are {sorted(counts)} rows")
    enough(next(iter(counts)))
    matrix = _matrix(method, first, second)
    return Similarity(
        matrix=matrix,
        rows=tuple(first),
        columns=tuple(second or first),
        method=method,
        names=(str(named[0]), str(named[1])),
        images=next(iter(counts)),
        frame=_shared(matrix, first, second),
        constant=tuple(
            f"{name}: {stage}"
            for name, side in zip(named, (first, second), strict=True)
            for stage, x in side.items()
            if is_constant(x)
        ),
    )


def _features(
    of: Any, images: Any, stages: Any, name: str, options: dict[str, Any]
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Tables by stage, and the images' names if they are known."""
    if hasattr(of, "stages") and hasattr(of, "features"):
        if images is None:
            raise BadValue(f"{name} is a net: say on which images, such as similarity(before, after, images)")
        from workbench.probes.stage_features import features_by_stage

        of = features_by_stage(of, images, stages, **options)
    elif images is not None or stages is not None or options:
        raise BadValue(f"images, stages and options are read of nets; {name} is features already: leave them out")
    if not isinstance(of, Mapping):
        of = {getattr(of, "layer", None) or getattr(of, "stage", "features"): of}
    if not of:
        raise BadValue(f"{name} has no stage to compare")
    held = list(of.values())
    ids = getattr(held[0], "ids", None)
    arrays = [next((getattr(v, n) for n in ("x", "array") if hasattr(v, n)), v) for v in held]
    return {
        str(stage): table(x, f"{name}'s {stage}") for stage, x in zip(of, arrays, strict=True)
    }, ids if ids is None else np.asarray(ids)


def _aligned(sides: list[tuple[dict[str, np.ndarray], np.ndarray | None]]) -> tuple[dict, dict]:
    """Both sides' tables over the images that both could read, in one order."""
    (first, ids), (second, others) = sides
    if ids is None or others is None or (len(ids) == len(others) and (ids == others).all()):
        return first, second
    both, rows, columns = np.intersect1d(ids, others, return_indices=True)
    if not len(both):
        raise BadData("the two sets of features have no image in common: take both of the same images")
    return {k: x[rows] for k, x in first.items()}, {k: x[columns] for k, x in second.items()}


def _matrix(method: str, first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> np.ndarray:
    if method == "cka":
        return all_pairs(list(first.values()), list(second.values()) or None)
    measure = svcca if method == "svcca" else pwcca
    return np.array([[measure(x, y) for y in (second or first).values()] for x in first.values()])


def _shared(matrix: np.ndarray, first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (
            name,
            float(matrix[list(first).index(name), list(second).index(name)]),
            mean_drift(x, second[name]) if x.shape[1] == second[name].shape[1] else np.nan,
        )
        for name, x in first.items()
        if name in second and not (is_constant(x) and is_constant(second[name]))
    ]
    return pd.DataFrame(rows, columns=["stage", "similarity", "drift"])
