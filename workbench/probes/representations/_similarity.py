"""Similarity of the stages of one net or of two, such as before and after training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._threads import limit_to_free_cores
from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue, UnknownName, escape_returned_text
from workbench.probes.representations._cka import check_n_images, cka_matrix, is_constant
from workbench.probes.representations.cca import mean_drift, pwcca, svcca
from workbench.probes.validation import to_feature_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Similarity", "similarity"]

METHOD_TITLES = {"cka": "linear CKA, debiased", "svcca": "SVCCA", "pwcca": "PWCCA"}


@dataclass(frozen=True)
class Similarity:
    """Similarity of stages by their features of the same images.

    Attributes:
        matrix: (R, C), 1 for features equal up to rotation and scale (CKA) or up to a linear map (SVCCA, PWCCA); about
            0 for unrelated features; 0 if a stage is constant.
        rows: stages of the first net, stem first.
        columns: stages of the second, or of the first again.
        method: cka, svcca or pwcca.
        names: of the nets; the same name twice for one net with itself.
        n_images: number of images compared.
        frame: one row per stage that both nets have: stage, similarity, drift (of the mean, in units of the standard
            deviation; NaN for different widths), without stages that are constant in both. Empty for one net.
        constant_stages: stages whose features are the same for every image, as "net: stage".
    """

    matrix: np.ndarray
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    method: str
    names: tuple[str, str]
    n_images: int
    frame: pd.DataFrame
    constant_stages: tuple[str, ...]

    @property
    def stages_by_change(self) -> pd.DataFrame:
        """Shared stages, sorted by similarity, least similar first."""
        return self.frame.sort_values("similarity", kind="stable", ignore_index=True)

    @escape_returned_text
    def __str__(self) -> str:
        title = f"{METHOD_TITLES[self.method]} of {self.n_images} images"
        if not len(self.frame):
            return f"{title}: {self.names[0]} with {self.names[1]}, {len(self.rows)} by {len(self.columns)} stages"
        least, most = self.stages_by_change.iloc[0], self.stages_by_change.iloc[-1]
        return (
            f"{title}: {least['stage']} differs most ({least['similarity']:.2f}), "
            f"{most['stage']} least ({most['similarity']:.2f})"
        )


@check_arguments
@limit_to_free_cores()
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
    """Measure the similarity of stages: of one net with itself, of two nets, or of one net before and after training.

    Args:
        a: a net; or features by stage, as from `wb.extract_features(net, images, stages)` and
            `extract_features_by_stage`, or as arrays (N, D).
        b: the same of the second net, whose classes and input size may differ; None compares the stages of `a`.
        images: input of the nets; unused for features.
        method: cka (Kornblith et al. 2019, debiased), svcca (Raghu et al. 2017) or pwcca (Morcos et al. 2018).
        stages: of nets, those to compare; all but the head if None.
        names: of the two nets.
        options: `split`, `domain` and `device`, as for `extract_features_by_stage`.

    Raises:
        UnknownName: no such method or stage.
        BadValue: nets without images, or features that are not tables or not of the same images.
        BadData: too few images, or features that are not finite.
    """
    if a is None:
        raise BadValue("expected a net, as from wb.load_net(name), or features by stage; got None")
    if method not in METHOD_TITLES:
        raise UnknownName.of("measure of similarity", method, METHOD_TITLES)
    named = names or (("the net", "the net") if b is None else ("the first", "the second"))
    sides = [
        _parse_features(x, images, stages, name, options)
        for x, name in zip([a, b], named, strict=True)
        if x is not None
    ]
    first, second = _select_common_images(sides) if len(sides) > 1 else (sides[0][0], {})
    counts = {len(x) for x in [*first.values(), *second.values()]}
    if len(counts) > 1:
        raise BadValue(f"expected features of the same images, row by row; there are {sorted(counts)} rows")
    check_n_images(next(iter(counts)))
    matrix = _similarity_matrix(method, first, second)
    return Similarity(
        matrix=matrix,
        rows=tuple(first),
        columns=tuple(second or first),
        method=method,
        names=(str(named[0]), str(named[1])),
        n_images=next(iter(counts)),
        frame=_shared_stages_frame(matrix, first, second),
        constant_stages=tuple(
            f"{name}: {stage}"
            for name, side in zip(named, (first, second), strict=True)
            for stage, x in side.items()
            if is_constant(x)
        ),
    )


def _parse_features(
    net_or_features: Any, images: Any, stages: Any, name: str, options: dict[str, Any]
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Return tables by stage, and the images' names if known."""
    if hasattr(net_or_features, "stages") and hasattr(net_or_features, "features"):
        if images is None:
            raise BadValue(f"{name} is a net, which needs images, such as similarity(before, after, images)")
        from workbench.probes.stage_features import extract_features_by_stage

        net_or_features = extract_features_by_stage(net_or_features, images, stages, **options)
    elif images is not None or stages is not None or options:
        raise BadValue(
            f"images, stages and options are arguments for nets; {name} is given as features: leave them out"
        )
    if not isinstance(net_or_features, Mapping):
        net_or_features = {
            getattr(net_or_features, "layer", None) or getattr(net_or_features, "stage", "features"): net_or_features
        }
    if not net_or_features:
        raise BadValue(f"{name} has no stage to compare")
    values = list(net_or_features.values())
    ids = getattr(values[0], "ids", None)
    arrays = [next((getattr(v, n) for n in ("x", "array") if hasattr(v, n)), v) for v in values]
    return {
        str(stage): to_feature_table(x, f"{name}'s {stage}") for stage, x in zip(net_or_features, arrays, strict=True)
    }, ids if ids is None else np.asarray(ids)


def _select_common_images(sides: list[tuple[dict[str, np.ndarray], np.ndarray | None]]) -> tuple[dict, dict]:
    """Return both nets' tables for the images that both have, in one order."""
    (first, ids), (second, others) = sides
    if ids is None or others is None or (len(ids) == len(others) and (ids == others).all()):
        return first, second
    common, rows, columns = np.intersect1d(ids, others, return_indices=True)
    if not len(common):
        raise BadData("the two sets of features have no image in common: extract both from the same images")
    return {k: x[rows] for k, x in first.items()}, {k: x[columns] for k, x in second.items()}


def _similarity_matrix(method: str, first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> np.ndarray:
    if method == "cka":
        return cka_matrix(list(first.values()), list(second.values()) or None)
    measure = svcca if method == "svcca" else pwcca
    return np.array([[measure(x, y) for y in (second or first).values()] for x in first.values()])


def _shared_stages_frame(
    matrix: np.ndarray, first: dict[str, np.ndarray], second: dict[str, np.ndarray]
) -> pd.DataFrame:
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
