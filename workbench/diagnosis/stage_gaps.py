"""How far two domains lie apart at each stage: those of the images, or what the backbone learnt from and these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.source_images import source_images
from workbench.embeddings import features
from workbench.errors import WorkbenchError
from workbench.probes.two_sample import mmd
from workbench.scores import scores

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.images import Images

MOST = 256  # images of a domain
UNKNOWN = (
    "how far these images lie from those that the backbone learnt from is not said: it is not known which they were"
)


def stage_gaps(case: Case) -> dict[str, dict[str, float]]:
    """By stage, `gap`, a proxy A-distance, and `mmd`, a squared mean discrepancy; empty without a second domain."""
    sides = two_domains(case)
    if sides is None:
        return {}
    stages = [stage.name for stage in case.net.stages[:-1] if stage.shape is not None]
    held = [features(case.net, some(side), stages) for side in sides]
    pairs = {stage: (held[0][stage].array, held[1][stage].array) for stage in stages}
    measures = {"gap": _distance, "mmd": _discrepancy}
    return {name: {stage: measure(*pair) for stage, pair in pairs.items()} for name, measure in measures.items()}


def two_domains(case: Case) -> tuple[Images, Images] | None:
    """The domain trained on and the one judged by; else what the backbone learnt from and the training images."""
    if case.target is not None:
        return case.images, case.target
    learnt = source_images(case.net) if case.pretrained else None
    return None if learnt is None else (learnt, case.images.part("train"))


def from_source(case: Case) -> float:
    """How far what the backbone learnt from lies from the training images, as its first stages see it; NaN: unknown."""
    if "from source" not in case.kept:
        case.kept["from source"] = _from_source(case)
    return case.kept["from source"]


def _from_source(case: Case) -> float:
    learnt = source_images(case.net)
    if learnt is None:
        return float("nan")
    stage = next(stage.name for stage in case.net.stages if stage.shape is not None)
    held = [features(case.net, some(side), [stage])[stage] for side in (learnt, case.images.part("train"))]
    return _distance(held[0].array, held[1].array)


def some(side: Images) -> Images:
    """At most so many of a domain's images, from all over it."""
    rows = np.unique(np.linspace(0, len(side) - 1, min(MOST, len(side))).astype(int))
    return side.part(rows=rows)


def _distance(here: np.ndarray, there: np.ndarray) -> float:
    try:
        return float(scores["proxy_a_distance"](here, there))
    except WorkbenchError:
        return float("nan")


def _discrepancy(here: np.ndarray, there: np.ndarray) -> float:
    if not (np.isfinite(here).all() and np.isfinite(there).all()):
        return float("nan")
    return mmd(here.astype(np.float64), there.astype(np.float64), np.random.default_rng(0), shuffles=0)[0]
