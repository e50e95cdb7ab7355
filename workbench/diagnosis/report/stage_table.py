"""Measurements per stage, before and after training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import entropy

from workbench.diagnosis.evidence.stage_domain_gaps import UNKNOWN_SOURCE_NOTE, measure_stage_domain_gaps
from workbench.diagnosis.evidence.stage_gradients import measure_stage_gradients
from workbench.diagnosis.experiments.stage_transplants import KINDS, NO_TIME_NOTE, transplant_accuracies
from workbench.errors import WorkbenchError
from workbench.feature_extraction import extract_features
from workbench.probes.representations._cka import cka
from workbench.runs.run import load_run

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.diagnosis.experiments.experiment_budget import BudgetedExperiments
    from workbench.nets.net import Net

COLUMNS = ["stage", "rate", "probe", "untrained", "rank", "drift", "cka", "gradient", "gap", "mmd", *KINDS]


def build_stage_table(context: DiagnosisContext, experiments: BudgetedExperiments | None = None) -> pd.DataFrame:
    """Build a table with one row per stage before the head; for the columns see `Diagnosis.stages`.

    Values that cannot be measured are NaN.

    Args:
        experiments: trainings that were run; None if none were, which omits the slow measurements.
    """
    import pandas as pd

    rows = [_measure_stage(context, stage.name, index) for index, stage in enumerate(context.net.stages[:-1])]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    if context.outcome is not None and context.outcome.run:
        after = load_run(context.outcome.run).net()
        frame["drift"] = weight_drift_per_stage(context.net, after)
        frame["cka"] = _cka_per_stage(context, after, list(frame["stage"]))
    if experiments is not None:
        frame["gradient"] = frame["stage"].map(measure_stage_gradients(context)).astype(float)
        for measure, by_stage in measure_stage_domain_gaps(context).items():
            frame[measure] = frame["stage"].map(by_stage).astype(float)
        for kind in KINDS:
            frame[kind] = transplant_accuracies(experiments, kind, list(frame["stage"]))
    return frame


def explain_empty_columns(context: DiagnosisContext, frame: pd.DataFrame) -> list[str]:
    """Return one note per column that is empty for a reason that the user can change."""
    if not context.is_pretrained:
        return []
    notes = {"gap": UNKNOWN_SOURCE_NOTE, "transplant": NO_TIME_NOTE}
    return [note for column, note in notes.items() if frame[column].isna().all()]


def _measure_stage(context: DiagnosisContext, stage: str, index: int) -> tuple[object, ...]:
    rate = float(context.lr_grid[index].mean())
    probe, untrained, rank = np.nan, np.nan, np.nan
    try:
        features = context.extract_stage_features("train").get(stage)
        if features is not None:
            probe, untrained = context.probe_accuracy(stage), context.probe_accuracy(stage, pretrained=False)
            rank = effective_rank(features.array)
    except WorkbenchError:
        probe, untrained, rank = np.nan, np.nan, np.nan
    return (stage, rate, probe, untrained, rank, *(np.nan,) * (len(COLUMNS) - 5))


def weight_drift_per_stage(before: Net, after: Net) -> list[float]:
    """Compute the relative weight change per stage before the head, ||after - before|| / ||before||.

    Only tensors with at least two dimensions count; NaN for a stage without any.
    """
    old, new = before.state_dict(), after.state_dict()
    drifts = []
    for stage in before.stages[:-1]:
        names = [n for n in stage.tensor_names if n in old and n in new and old[n].ndim > 1]
        change = sum(float((old[n].double() - new[n].double()).square().sum()) for n in names)
        size = sum(float(old[n].double().square().sum()) for n in names)
        drifts.append(float(np.sqrt(change / size)) if size else float("nan"))
    return drifts


def _cka_per_stage(context: DiagnosisContext, after: Net, stages: list[str]) -> list[float]:
    old = context.extract_stage_features("valid")
    new = extract_features(after, context.images, [s for s in stages if s in old], split="valid")
    return [_cka_or_nan(old[s].array, new[s].array) if s in old else float("nan") for s in stages]


def _cka_or_nan(old: np.ndarray, new: np.ndarray) -> float:
    try:
        return cka(old, new)
    except WorkbenchError:
        return float("nan")


def effective_rank(x: np.ndarray) -> float:
    """Compute the effective rank of features x (N, D): exp of the entropy of the variance shares.

    Source: Roy and Vetterli 2007.
    """
    values = np.linalg.svd(x.astype(np.float64) - x.mean(0), compute_uv=False) ** 2
    return float(np.exp(entropy(values))) if values.sum() > 0 else 1.0
