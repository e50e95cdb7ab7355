"""What is diagnosed: a backbone on images, a plan, or a run; made ready, or told why not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.control_group import FEWEST
from workbench.errors import BadData, BadValue
from workbench.plan import Plan
from workbench.runs.assembly import located, open_images
from workbench.runs.record import Run

if TYPE_CHECKING:
    from workbench.images import Images

HELD_BACK = 0.25  # of the training images, where there are no others to judge by
UPDATES, EPOCHS = 300, (4, 30)  # of the plan that a bare backbone is diagnosed with


@dataclass(frozen=True)
class Subject:
    """What is diagnosed.

    Attributes:
        plan: what the person trains.
        images: opened, with images to judge by.
        notes: what was done about what is missing.
        run: the finished run that is asked about, if it is one.
        hopeless: why nothing can be trained and judged; empty where it can.
    """

    plan: Plan
    images: Images
    notes: tuple[str, ...] = ()
    run: Run | None = None
    hopeless: str = ""


def subject(what: Any, images: Images | None, settings: dict[str, Any]) -> Subject:
    """A plan and its images from whatever was given.

    Raises:
        BadValue: a backbone without images.
        BadData: several labels an image.
    """
    run = what if isinstance(what, Run) else None
    if run is not None:
        plan, data = _of_run(run), images or run.images
    elif isinstance(what, Plan):
        plan, data = what, images if images is not None else open_images(what)
    else:
        if images is None:
            raise BadValue("a backbone is diagnosed on images: wb.diagnose(backbone, images); a plan or a run has them")
        plan, data = Plan(what, images, "lp-ft"), images
        settings = {"epochs": _epochs(data), **settings}
    if data.kind != "classes":
        raise BadData(f"a diagnosis is made of one class an image; {data.name} holds {data.kind}")
    plan = plan.but(**settings) if settings else plan
    notes, data = _judgeable(data)
    if run is not None and run.status.state == "failed":
        notes += (f"the run failed ({run.status.sentence}), so that its plan is diagnosed",)
    done = run if run is not None and run.status.state == "done" and not settings else None
    return Subject(plan.but(data=data), data, (*notes, *_gaps(data)), done, _hopeless(data))


def _of_run(run: Run) -> Plan:
    plan = run.plan
    return plan.but(backbone=located(plan.backbone, Path(run.folder)), data=located(plan.data, Path(run.folder)))


def _epochs(data: Images) -> int:
    steps = max(1, math.ceil(len(data.source.part("train")) / 32))
    return int(np.clip(round(UPDATES / steps), *EPOCHS))


def _judgeable(data: Images) -> tuple[tuple[str, ...], Images]:
    """The images, some of those that are trained on held back where there are none to judge by."""
    train = data.source.part("train")
    if len(data.source.part("valid")) or len(train) < 2:
        return (), data
    from workbench.images.items import SPLITS
    from workbench.images.stored import HeldImages
    from workbench.probes.samples import halves

    held = train._rows[halves(train.labels(), 0, 1 - HELD_BACK)[1]]
    splits = data._items.splits.copy()
    splits[held] = SPLITS.index("valid")
    words = f"there was no validation split: {len(held)} of {len(train)} training images were held back to judge by"
    items = replace(data._items, splits=splits, shelves={})
    return (words,), HeldImages(items, data._rows, source=data._source, target=data._target)


def _gaps(data: Images) -> tuple[str, ...]:
    """Classes that cannot be learnt, and classes that cannot be judged."""
    parts = [np.bincount(data.source.part(s).labels(), minlength=len(data.classes)) for s in ("train", "valid")]
    told = []
    for mine, other, words in (
        (*parts, "no training images, so they"),
        (*parts[::-1], "no validation images, so they"),
    ):
        missing = [str(c) for c, n, m in zip(data.classes, mine, other, strict=True) if n == 0 and m > 0]
        if missing:
            does = "cannot be learnt" if words.startswith("no t") else "are not judged"
            told.append(f"{', '.join(missing[:5])}{' …' if len(missing) > 5 else ''} have {words} {does}")
    return tuple(told)


def _hopeless(data: Images) -> str:
    train, valid = (data.source.part(s) for s in ("train", "valid"))
    kinds = len(set(train.labels().tolist()))
    if kinds < 2:
        return f"the training images are all of {kinds or 'no'} class, so that there is nothing to tell apart"
    if len(valid) < FEWEST:
        return f"{len(valid)} images to judge by are too few to compare anything; {FEWEST} are the least"
    return ""
