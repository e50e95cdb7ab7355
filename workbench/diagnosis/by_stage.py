"""Where a transfer goes wrong: a row a stage, before and after the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.stage_gaps import UNKNOWN, stage_gaps
from workbench.diagnosis.stage_gradients import stage_gradients
from workbench.diagnosis.stage_transplants import KINDS, UNTIMELY, curve
from workbench.embeddings import features
from workbench.errors import WorkbenchError
from workbench.probes.alignment import cka
from workbench.runs.record import run

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.case import Case
    from workbench.diagnosis.inquiry import Inquiry
    from workbench.nets import Net

COLUMNS = ["stage", "rate", "probe", "untrained", "rank", "drift", "cka", "gradient", "gap", "mmd", *KINDS]


def stage_table(case: Case, inquiry: Inquiry | None = None) -> pd.DataFrame:
    """A row a stage before the head: see `Diagnosis.stages`; what cannot be measured is NaN.

    Args:
        inquiry: what was trained; None where nothing was, which leaves out what takes long.
    """
    import pandas as pd

    rows = [_row(case, stage.name, place) for place, stage in enumerate(case.net.stages[:-1])]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    if case.outcome is not None and case.outcome.run:
        after = run(case.outcome.run).net()
        frame["drift"] = drifts(case.net, after)
        frame["cka"] = _cka(case, after, list(frame["stage"]))
    if inquiry is not None:
        frame["gradient"] = frame["stage"].map(stage_gradients(case)).astype(float)
        for measure, found in stage_gaps(case).items():
            frame[measure] = frame["stage"].map(found).astype(float)
        for kind in KINDS:
            frame[kind] = curve(inquiry, kind, list(frame["stage"]))
    return frame


def unsaid(case: Case, frame: pd.DataFrame) -> list[str]:
    """Why columns are empty that could have been filled."""
    if not case.pretrained:
        return []
    empty = {"gap": UNKNOWN, "transplant": UNTIMELY}
    return [words for column, words in empty.items() if frame[column].isna().all()]


def _row(case: Case, stage: str, place: int) -> tuple[object, ...]:
    rate = float(case.rates[place].mean())
    try:
        held = case.features("train").get(stage)
        seen = (case.probe(stage), case.probe(stage, pretrained=False)) if held is not None else (np.nan, np.nan)
        rank = effective_rank(held.array) if held is not None else np.nan
    except WorkbenchError:
        seen, rank = (np.nan, np.nan), np.nan
    return (stage, rate, *seen, rank, *(np.nan,) * (len(COLUMNS) - 5))


def drifts(before: Net, after: Net) -> list[float]:
    """How far the weights of each stage before the head moved, relative to their size."""
    old, new = before.state_dict(), after.state_dict()
    found = []
    for stage in before.stages[:-1]:
        names = [n for n in stage.tensors if n in old and n in new and old[n].ndim > 1]
        apart = sum(float((old[n].double() - new[n].double()).square().sum()) for n in names)
        size = sum(float(old[n].double().square().sum()) for n in names)
        found.append(float(np.sqrt(apart / size)) if size else float("nan"))
    return found


def _cka(case: Case, after: Net, stages: list[str]) -> list[float]:
    known = [s for s in stages if s in case.features("valid")]
    new = features(after, case.images, known, split="valid")
    old = case.features("valid")
    return [_similar(old[s].array, new[s].array) if s in known else float("nan") for s in stages]


def _similar(old: np.ndarray, new: np.ndarray) -> float:
    try:
        return cka(old, new)
    except WorkbenchError:
        return float("nan")


def effective_rank(x: np.ndarray) -> float:
    """The exponential of the entropy of the shares of variance (Roy and Vetterli 2007): directions that count."""
    values = np.linalg.svd(x.astype(np.float64) - x.mean(0), compute_uv=False) ** 2
    share = values[values > 0] / values.sum() if values.sum() > 0 else np.ones(1)
    return float(np.exp(-(share @ np.log(share))))
