"""Negative-transfer set of a diagnosis: its images, and saliency maps of both nets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.diagnosis.evidence.context import DiagnosisContext
from workbench.diagnosis.experiments.control_plans import SCRATCH, YOURS
from workbench.errors import WorkbenchError
from workbench.probes import saliency
from workbench.runs.build import open_images
from workbench.runs.run import load_run

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from workbench.data.labeled_images import Images
    from workbench.diagnosis.findings import Diagnosis
    from workbench.probes.attribution._saliency import Saliency

N_IMAGES = 8


@dataclass(frozen=True)
class NegativeTransferSet:
    """Images that training from scratch classifies correctly and the plan does not, the most confident mistakes first.

    Attributes:
        frame: rows of `Diagnosis.negative_transfer_set` that are shown.
        pictures: images as stored, uint8 (H, W, 3) each; empty if the images are gone.
        saliency_maps: "from scratch" and "your plan" -> saliency of the first net of each; empty if not computed.
        note: reason why something is missing.
        n_images: images of the whole set.
    """

    frame: pd.DataFrame
    pictures: tuple[np.ndarray, ...] = ()
    saliency_maps: Mapping[str, Saliency] = field(default_factory=dict)
    note: str = ""
    n_images: int = 0


def build_negative_transfer_set(
    diagnosis: Diagnosis, n_images: int = N_IMAGES, *, with_saliency: bool = True, image_size: int = 112
) -> NegativeTransferSet | None:
    """Build the negative-transfer set of a diagnosis; None if it has no controls.

    Args:
        n_images: images at most.
        with_saliency: compute saliency maps too, which takes a moment.
        image_size: least shorter side of an image, in pixels.
    """
    frame = diagnosis.negative_transfer_set
    if frame is None:
        return None
    head = frame.head(n_images)
    try:
        images = open_eval_images(diagnosis)
        row_of_id = {str(name): row for row, name in enumerate(images.frame["id"])}
        rows = [row_of_id[name] for name in head["id"]]
        pictures = tuple(images.pixels(row, image_size) for row in rows)
        maps = _compute_saliency_maps(diagnosis, images.subset(rows=rows)) if with_saliency and rows else {}
    except (WorkbenchError, KeyError, OSError) as error:
        return NegativeTransferSet(head, note=f"the images cannot be shown: {error}", n_images=len(frame))
    is_missing = with_saliency and rows and len(maps) < 2
    note = "saliency maps are missing: the runs of these nets are gone" if is_missing else ""
    return NegativeTransferSet(head, pictures, maps if len(maps) == 2 else {}, note, len(frame))


def open_eval_images(diagnosis: Diagnosis) -> Images:
    """Open the evaluation images of a diagnosis."""
    plan = diagnosis.plan
    return DiagnosisContext(plan, open_images(plan)).eval_images


def _compute_saliency_maps(diagnosis: Diagnosis, images: Images) -> dict[str, Saliency]:
    """Compute saliency of each net for the class that it predicts: one is correct, the other is not."""
    outcomes = diagnosis.controls.outcomes if diagnosis.controls else {}
    maps = {}
    for name in (SCRATCH, YOURS):
        folder = outcomes[name][0].run if outcomes.get(name) else ""
        try:
            if folder:
                maps[name] = saliency(load_run(folder).net(), images)
        except WorkbenchError:  # the run was deleted, or the net has no feature maps
            continue
    return maps
