"""The negative-transfer set to look at: its pictures, and where the two nets look in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.diagnosis.case import Case
from workbench.diagnosis.control_plans import SCRATCH, YOURS
from workbench.errors import WorkbenchError
from workbench.probes import saliency
from workbench.runs.assembly import open_images
from workbench.runs.record import run

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from workbench.diagnosis.findings import Diagnosis
    from workbench.images import Images
    from workbench.probes.looking import Saliency

SHOWN = 8


@dataclass(frozen=True)
class Harm:
    """Some images that training from scratch gets right and the plan wrong, the surest mistakes first.

    Attributes:
        frame: the rows of `Diagnosis.harmed` that are shown.
        pictures: as they lie on disk, uint8 (H, W, 3) each; empty where the images are gone.
        looks: "from scratch" and "your plan" -> where the first net of each looks; empty until it was asked.
        note: why something is missing.
        total: images of the whole set.
    """

    frame: pd.DataFrame
    pictures: tuple[np.ndarray, ...] = ()
    looks: Mapping[str, Saliency] = field(default_factory=dict)
    note: str = ""
    total: int = 0


def harm(diagnosis: Diagnosis, count: int = SHOWN, *, look: bool = True, edge: int = 112) -> Harm | None:
    """The negative-transfer set of a diagnosis; None where it has no controls.

    Args:
        count: images at most.
        look: whether to ask the nets, which takes a moment.
        edge: pixels that a picture's shorter side has at least.
    """
    frame = diagnosis.harmed
    if frame is None:
        return None
    head = frame.head(count)
    try:
        part = judged(diagnosis)
        place = {str(name): row for row, name in enumerate(part.frame["id"])}
        rows = [place[name] for name in head["id"]]
        pictures = tuple(part.pixels(row, edge) for row in rows)
        looks = _looks(diagnosis, part.part(rows=rows)) if look and rows else {}
    except (WorkbenchError, KeyError, OSError) as error:
        return Harm(head, note=f"the images cannot be shown: {error}", total=len(frame))
    missing = "where the nets look cannot be shown: their runs are gone" if look and rows and len(looks) < 2 else ""
    return Harm(head, pictures, looks if len(looks) == 2 else {}, missing, len(frame))


def judged(diagnosis: Diagnosis) -> Images:
    """The images that a diagnosis was made on: those that everything is judged by."""
    plan = diagnosis.plan
    return Case(plan, open_images(plan)).judged


def _looks(diagnosis: Diagnosis, images: Images) -> dict[str, Saliency]:
    """Of each net for the class that it names itself: one is right, the other is not."""
    outcomes = diagnosis.controls.outcomes if diagnosis.controls else {}
    found = {}
    for name in (SCRATCH, YOURS):
        folder = outcomes[name][0].run if outcomes.get(name) else ""
        try:
            if folder:
                found[name] = saliency(run(folder).net(), images)
        except WorkbenchError:  # the run was deleted, or the net has no places to look at
            continue
    return found
