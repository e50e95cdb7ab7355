"""What lies between the domain that is trained on and the one that is judged: measured once for all causes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.embeddings import features
from workbench.images.items import SPLITS
from workbench.probes.gap import domain_gap
from workbench.probes.samples import FEWEST
from workbench.probes.shift_tests import shift_kind

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case
    from workbench.images import Images
    from workbench.probes.gap import DomainGap
    from workbench.probes.shift_tests import ShiftKind


@dataclass(frozen=True)
class Apart:
    """Two domains in a backbone's features.

    Attributes:
        kind: of the shift.
        gap: how far they lie apart.
        here: accuracy of a linear head on the validation images of the domain that it learnt from.
        there: on the validation images of the other.
    """

    kind: ShiftKind
    gap: DomainGap
    here: float
    there: float

    @property
    def drop(self) -> float:
        """What a linear head loses from one to the other."""
        return self.here - self.there

    @property
    def accuracies(self) -> dict[str, float]:
        """Of the linear head, by where it is judged."""
        return {"where it learnt": self.here, "in the other domain": self.there}


def apart(case: Case) -> Apart | None:
    """The shift between the domain trained on and the one judged by; None where there is no other, or too little of it.

    Features are those of the backbone as the plan begins with it: it has learnt from neither.
    """
    if "apart" not in case.kept:
        case.kept["apart"] = _measured(case)
    return case.kept["apart"]


def _measured(case: Case) -> Apart | None:
    if case.target is None or min(len(case.images), len(case.target)) < FEWEST or not len(case.judged):
        return None
    source, target, there = (features(case.net, part) for part in (case.images, case.target, case.judged))
    train, valid = (case.features(part)["features"] for part in ("train", "valid"))
    return Apart(
        kind=shift_kind(source.array, source.labels, target.array, target.labels),
        gap=domain_gap(source.array, target.array),
        here=case.head_accuracy(train, valid) if len(valid) else float("nan"),
        there=case.head_accuracy(train, there),
    )


def of_both(case: Case) -> Images | None:
    """The images with the target's training images among those that are trained on; None where it has none."""
    from workbench.images.stored import HeldImages

    if case.target is None or not len(case.target.part("train")):
        return None
    items, rows = case.data._items, case.data._rows
    wanted = np.concatenate([case.images.part("train")._rows, case.target.part("train")._rows, _valid(case)])
    return HeldImages(items, rows[np.isin(rows, wanted)])


def _valid(case: Case) -> np.ndarray:
    items, rows = case.data._items, case.images._rows
    return rows[items.splits[rows] == SPLITS.index("valid")]
