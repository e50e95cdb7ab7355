"""Inputs of a diagnosis: a backbone on images, a plan, or a run, made ready or refused with a reason."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.experiments.control_group import MIN_IMAGES
from workbench.errors import BadData, BadValue
from workbench.formatting import summarize_names
from workbench.plan import Plan
from workbench.runs.build import open_images, resolve_paths
from workbench.runs.run import Run

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

HOLDOUT_FRACTION = 0.25  # fraction of the training images held out, where there are no validation images
# optimiser steps aimed at, and range of epochs, of the default plan for a backbone
N_UPDATES, EPOCH_RANGE = 300, (4, 30)


@dataclass(frozen=True)
class DiagnosisInputs:
    """Inputs of a diagnosis, made ready.

    Attributes:
        plan: plan of the user.
        images: opened images, with images to evaluate on.
        notes: how missing parts were supplied.
        run: the finished run, if that is the input.
        untrainable_reason: reason why nothing can be trained and evaluated; empty if it can.
    """

    plan: Plan
    images: Images
    notes: tuple[str, ...] = ()
    run: Run | None = None
    untrainable_reason: str = ""


def prepare_inputs(what: Any, images: Images | None, settings: dict[str, Any]) -> DiagnosisInputs:
    """Prepare a plan and its images from a backbone, a plan or a run.

    Raises:
        BadValue: a backbone without images.
        BadData: several labels per image.
    """
    run = what if isinstance(what, Run) else None
    if run is not None:
        plan, data = _plan_of_run(run), images or run.images
    elif isinstance(what, Plan):
        plan, data = what, images if images is not None else open_images(what)
    else:
        if images is None:
            raise BadValue(
                "expected images with a backbone: wb.diagnose(backbone, images); only a plan or a run brings its own"
            )
        plan, data = Plan(what, images, "lp-ft"), images
        settings = {"epochs": _default_epochs(data), **settings}
    if data.kind != "classes":
        raise BadData(f"a diagnosis needs one class per image; {data.name} holds {data.kind}")
    plan = plan.replace(**settings) if settings else plan
    notes, data = _ensure_validation_split(data)
    if run is not None and run.status.state == "failed":
        notes += (f"the run failed ({run.status.message}); its plan is diagnosed instead",)
    finished = run if run is not None and run.status.state == "done" and not settings else None
    return DiagnosisInputs(
        plan.replace(data=data), data, (*notes, *_missing_class_notes(data)), finished, _explain_untrainable(data)
    )


def _plan_of_run(run: Run) -> Plan:
    plan = run.plan
    return plan.replace(
        backbone=resolve_paths(plan.backbone, Path(run.folder)), data=resolve_paths(plan.data, Path(run.folder))
    )


def _default_epochs(data: Images) -> int:
    steps = max(1, math.ceil(len(data.source.subset("train")) / 32))
    return int(np.clip(round(N_UPDATES / steps), *EPOCH_RANGE))


def _ensure_validation_split(data: Images) -> tuple[tuple[str, ...], Images]:
    """Return the images; without a validation split, some training images are held out to evaluate on."""
    train = data.source.subset("train")
    if len(data.source.subset("valid")) or len(train) < 2:
        return (), data
    from workbench.data.items import SPLITS
    from workbench.probes.validation import split_halves

    holdout = train.rows[split_halves(train.labels(), 0, 1 - HOLDOUT_FRACTION)[1]]
    splits = data.items.splits.copy()
    splits[holdout] = SPLITS.index("valid")
    note = f"there was no validation split: {len(holdout)} of {len(train)} training images were held out for evaluation"
    return (note,), data.with_splits(splits)


def _missing_class_notes(data: Images) -> tuple[str, ...]:
    """Name the classes without training images, and those without validation images."""
    counts = [np.bincount(data.source.subset(s).labels(), minlength=len(data.classes)) for s in ("train", "valid")]
    notes = []
    for own, other, problem in (
        (*counts, "no training images, so they cannot be learned"),
        (*counts[::-1], "no validation images, so they are not evaluated"),
    ):
        missing = [str(c) for c, n, m in zip(data.classes, own, other, strict=True) if n == 0 and m > 0]
        if missing:
            notes.append(f"{summarize_names(missing, 5)} have {problem}")
    return tuple(notes)


def _explain_untrainable(data: Images) -> str:
    train, valid = (data.source.subset(s) for s in ("train", "valid"))
    n_classes = len(set(train.labels().tolist()))
    if n_classes < 2:
        return f"the training images have {n_classes or 'no'} class; at least 2 classes are needed"
    if len(valid) < MIN_IMAGES:
        return f"{len(valid)} validation images are too few for a comparison; at least {MIN_IMAGES} are needed"
    return ""
