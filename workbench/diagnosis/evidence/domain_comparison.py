"""Comparison of the domain trained on with the domain evaluated on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.data.items import SPLITS
from workbench.feature_extraction import extract_features
from workbench.probes.domains._domain_gap import domain_gap
from workbench.probes.domains.shift_tests import classify_shift
from workbench.probes.validation import MIN_IMAGES

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.probes.domains._domain_gap import DomainGap
    from workbench.probes.domains.shift_tests import ShiftKind


@dataclass(frozen=True)
class DomainComparison:
    """Comparison of two domains in a backbone's features.

    Attributes:
        kind: kind of domain shift, with probabilities.
        gap: distance between the domains.
        source_accuracy: accuracy of a linear head on the validation images of the domain that it was trained on.
        target_accuracy: its accuracy on the evaluation images of the other domain.
    """

    kind: ShiftKind
    gap: DomainGap
    source_accuracy: float
    target_accuracy: float

    @property
    def accuracy_drop(self) -> float:
        """Accuracy that a linear head loses from the source to the target."""
        return self.source_accuracy - self.target_accuracy

    @property
    def accuracies(self) -> dict[str, float]:
        """Accuracies of the linear head, by domain."""
        return {"where it learnt": self.source_accuracy, "in the other domain": self.target_accuracy}


def compare_domains(context: DiagnosisContext) -> DomainComparison | None:
    """Compare the domain trained on with the domain evaluated on.

    Features are those of the backbone before any training, which was fitted to neither domain.

    Returns:
        The comparison; None if there is no second domain or too few images.
    """
    if (
        context.target is None
        or min(len(context.images), len(context.target)) < MIN_IMAGES
        or not len(context.eval_images)
    ):
        return None
    source, target, evaluated = (
        extract_features(context.net, images) for images in (context.images, context.target, context.eval_images)
    )
    train, valid = (context.extract_stage_features(split)["features"] for split in ("train", "valid"))
    return DomainComparison(
        kind=classify_shift(source.array, source.labels, target.array, target.labels),
        gap=domain_gap(source.array, target.array),
        source_accuracy=context.linear_head_accuracy(train, valid) if len(valid) else float("nan"),
        target_accuracy=context.linear_head_accuracy(train, evaluated),
    )


def add_target_images(context: DiagnosisContext) -> Images | None:
    """Add the target's training images to those trained on; None if the target has none."""
    if context.target is None or not len(context.target.subset("train")):
        return None
    items, rows = context.data.items, context.data.rows
    selected = np.concatenate(
        [context.images.subset("train").rows, context.target.subset("train").rows, _validation_rows(context)]
    )
    return context.data.with_items(items, rows[np.isin(rows, selected)])


def _validation_rows(context: DiagnosisContext) -> np.ndarray:
    items, rows = context.data.items, context.images.rows
    return rows[items.splits[rows] == SPLITS.index("valid")]
