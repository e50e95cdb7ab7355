"""Another backbone for the same images: the built-in ones ranked by what a linear head makes of their features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.diagnosis.case import crossed
from workbench.embeddings import features
from workbench.nets import load, zoos
from workbench.plan import Choice, Plan

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.case import Case


def ranked(case: Case) -> pd.DataFrame:
    """The built-in backbones by the accuracy of linear heads on training images held back: name, accuracy."""
    import pandas as pd

    if "ranked" not in case.kept:
        rows = [(name, _known(case, name)) for name in (f"wb/{n}" for n in zoos.builtin())]
        frame = pd.DataFrame(rows, columns=["name", "accuracy"])
        case.kept["ranked"] = frame.sort_values("accuracy", ascending=False, kind="stable").reset_index(drop=True)
    return case.kept["ranked"]


def with_another(case: Case) -> Plan:
    """The plan with the best of the other built-in backbones."""
    return case.plan.but(backbone=Choice(str(others(case)["name"].iloc[0])))


def others(case: Case) -> pd.DataFrame:
    """The ranking without the case's own."""
    frame = ranked(case)
    return frame[frame["name"] != case.plan.backbone.name]


def nearer(case: Case) -> float:
    """How much more accurate a linear head is on the best of the others than on the case's own features."""
    own = case.features("train")["features"]
    known = crossed(own.array, own.labels, len(case.images.classes))
    return float(others(case)["accuracy"].iloc[0]) - known


def _known(case: Case, name: str) -> float:
    part = case.images.part("train")
    found = features(load(name), part)
    return crossed(found.array, found.labels, len(case.images.classes))
