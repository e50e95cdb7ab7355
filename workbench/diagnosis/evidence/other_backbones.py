"""Other backbones for the same images: built-in ones, ranked by linear probes on their features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.diagnosis.evidence.cross_validation import cross_validated_accuracy
from workbench.feature_extraction import extract_features
from workbench.nets.catalogue import zoo_index
from workbench.nets.loading.net_loader import load_net
from workbench.plan import Choice, Plan

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.evidence.context import DiagnosisContext


def rank_builtin_backbones(context: DiagnosisContext) -> pd.DataFrame:
    """Rank the built-in backbones by cross-validated linear-probe accuracy on the training images: name, accuracy."""
    import pandas as pd

    rows = [(f"wb/{name}", _backbone_accuracy(context, f"wb/{name}")) for name in zoo_index.locate_builtin_nets()]
    frame = pd.DataFrame(rows, columns=["name", "accuracy"])
    return frame.sort_values("accuracy", ascending=False, kind="stable").reset_index(drop=True)


def replace_backbone(context: DiagnosisContext) -> Plan:
    """Return the plan with the best other built-in backbone."""
    return context.plan.replace(backbone=Choice(str(rank_other_backbones(context)["name"].iloc[0])))


def rank_other_backbones(context: DiagnosisContext) -> pd.DataFrame:
    """Return the ranking without the plan's own backbone."""
    frame = context.backbone_ranking
    return frame[frame["name"] != context.plan.backbone.name]


def best_backbone_gain(context: DiagnosisContext) -> float:
    """Compute the gain in linear-probe accuracy of the best other backbone over the plan's own."""
    return float(rank_other_backbones(context)["accuracy"].iloc[0]) - context.cv_train_accuracy


def _backbone_accuracy(context: DiagnosisContext, name: str) -> float:
    features = extract_features(load_net(name), context.images.subset("train"))
    return cross_validated_accuracy(features.array, features.labels, len(context.images.classes))
