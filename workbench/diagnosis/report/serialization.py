"""Serialization of a diagnosis to a folder: numbers and text as JSON, predictions as arrays."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import _paths
from workbench.diagnosis.experiments.accuracy_gaps import AccuracyGap
from workbench.diagnosis.experiments.control_group import Controls
from workbench.diagnosis.experiments.plan_outcomes import Outcome
from workbench.diagnosis.findings import Diagnosis, Finding, Trial
from workbench.errors import BadData, UnknownName
from workbench.plan import Plan

if TYPE_CHECKING:
    import os

    import pandas as pd

JSON_FILE, ARRAYS_FILE = "diagnosis.json", "answers.npz"
FINDING_FIELDS = ("cause", "problem", "confidence", "summary", "strength", "advice")
# key or column in older files -> name
OLD_NAMES = {
    "means": "problem",
    "words": "summary",
    "said": "status",
    "drawn": "frames",
    "balanced": "is_class_balanced",
    "images": "n_images",
    "seeds": "n_seeds",
    "considered": "cause_table",
    "trainings": "n_trainings",
}


def save_diagnosis(diagnosis: Diagnosis, folder: Path) -> Path:
    """Save a diagnosis in a folder of its own; images and nets in memory are saved beside it."""
    _paths.make_folder(folder)
    by_control = diagnosis.controls.outcomes if diagnosis.controls else {}
    arrays = {
        f"{name}/{seed}/{field}": getattr(outcome, field)
        for name, outcomes in by_control.items()
        for seed, outcome in enumerate(outcomes)
        for field in ("ids", "labels", "probabilities")
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    _paths.write_file(folder / ARRAYS_FILE, buffer.getvalue())
    _paths.write_file(folder / JSON_FILE, json.dumps(_diagnosis_to_json(diagnosis, folder), indent=1))
    return folder


def open_diagnosis(folder: str | os.PathLike[str]) -> Diagnosis:
    """Open a saved diagnosis.

    Raises:
        UnknownName: there is none in the folder.
        BadData: it is damaged.
    """
    path = Path(folder)
    if not (path / JSON_FILE).exists():
        raise UnknownName(f"no diagnosis is saved in {path}: wb.diagnose(...).save(folder) saves one")
    try:
        record = json.loads((path / JSON_FILE).read_text(encoding="utf-8"))
        with np.load(path / ARRAYS_FILE, allow_pickle=False) as arrays:
            return _diagnosis_from_json(record, dict(arrays))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BadData(f"the diagnosis saved in {path} is damaged: {error}") from error


def to_plain_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """Convert a diagnosis to plain data for other programs, for `Diagnosis.to_dict`: text, numbers and plans."""
    controls, remedy = diagnosis.controls, diagnosis.remedy
    return {
        **{name: getattr(diagnosis, name) for name in ("verdict", "answer", "notes", "seconds", "n_trainings")},
        "findings": [_finding_to_plain_dict(finding) for finding in diagnosis.findings],
        "cause_table": _to_records(diagnosis.cause_table),
        "controls": _to_records(controls.frame if controls else None),
        "classes": _to_records(controls.per_class if controls else None),
        "negative_transfer_set": _to_records(diagnosis.negative_transfer_set),
        "stages": _to_records(diagnosis.stages),
        "plan": json.loads(diagnosis.plan.to_json()),
        "remedy": json.loads(remedy.to_json()) if remedy else None,
    }


def _finding_to_plain_dict(finding: Finding) -> dict[str, Any]:
    trial = finding.trial
    gain = {**dataclasses.asdict(trial.gain), "status": trial.status, "runs": trial.runs} if trial else None
    numbers = {name: float(value) if value == value else None for name, value in finding.numbers.items()}
    return {**{name: getattr(finding, name) for name in FINDING_FIELDS}, "numbers": numbers, "gain": gain}


def _to_records(frame: pd.DataFrame | None) -> Any:
    return None if frame is None else json.loads(frame.to_json(orient="records", double_precision=12))


def _diagnosis_to_json(diagnosis: Diagnosis, folder: Path) -> dict[str, Any]:
    controls = diagnosis.controls
    return {
        **{name: getattr(diagnosis, name) for name in ("answer", "notes", "seconds", "n_trainings")},
        "plan": _plan_to_json(diagnosis.plan, folder / "plan"),
        "findings": [_finding_to_json(f, folder / f.cause) for f in diagnosis.findings],
        "cause_table": _frame_to_json(diagnosis.cause_table),
        "stages": _frame_to_json(diagnosis.stages),
        "controls": controls
        and {
            "classes": controls.classes,
            "level": controls.level,
            "outcomes": {
                name: [
                    {"plan": _plan_to_json(o.plan, folder / "plan"), "run": o.run, "seconds": o.seconds}
                    for o in outcomes
                ]
                for name, outcomes in controls.outcomes.items()
            },
        },
    }


def _finding_to_json(finding: Finding, folder: Path) -> dict[str, Any]:
    trial = finding.trial
    return {
        **{name: getattr(finding, name) for name in (*FINDING_FIELDS, "is_observed")},
        "numbers": {name: float(value) for name, value in finding.numbers.items()},
        "frames": {name: _frame_to_json(frame) for name, frame in finding.frames.items()},
        "trial": trial
        and {
            "plan": _plan_to_json(trial.plan, folder),
            "gain": dataclasses.asdict(trial.gain),
            "runs": trial.runs,
            "is_class_balanced": trial.is_class_balanced,
        },
    }


def _plan_to_json(plan: Plan, folder: Path) -> Any:
    """Convert a plan to JSON; objects that it holds in memory are stored in `folder`, once."""
    changes = {}
    for name, value in plan.in_memory.items():
        changes[name] = value.store_with(_paths.make_folder(folder / name))
    return json.loads((plan.replace(**changes) if changes else plan).to_json())


def _frame_to_json(frame: pd.DataFrame | None) -> Any:
    return None if frame is None else json.loads(frame.to_json(orient="split", index=False, double_precision=12))


def _diagnosis_from_json(record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Diagnosis:
    record = _rename_old(record)
    table = _frame_from_json(record["cause_table"])
    if table is None:
        raise ValueError("the table of causes is missing")
    table = table.rename(columns=OLD_NAMES)
    harmless = set(table["cause"][table["status"] == "does no harm"])
    return Diagnosis(
        plan=_plan_from_json(record["plan"]),
        findings=tuple(_finding_from_json(finding, harmless) for finding in record["findings"]),
        cause_table=table,
        stages=_frame_from_json(record["stages"]),
        controls=_controls_from_json(record["controls"], arrays),
        notes=tuple(record["notes"]),
        **{name: record[name] for name in ("answer", "seconds", "n_trainings")},
    )


def _rename_old(record: dict[str, Any]) -> dict[str, Any]:
    return {OLD_NAMES.get(name, name): value for name, value in record.items()}


def _controls_from_json(record: Any, arrays: dict[str, np.ndarray]) -> Controls | None:
    if record is None:
        return None
    fields = ("ids", "labels", "probabilities")
    outcomes = {
        name: tuple(
            Outcome(
                plan=_plan_from_json(outcome["plan"]),
                run=outcome["run"],
                seconds=outcome["seconds"],
                **{field: arrays[f"{name}/{seed}/{field}"] for field in fields},
            )
            for seed, outcome in enumerate(by_seed)
        )
        for name, by_seed in record["outcomes"].items()
    }
    return Controls(outcomes, tuple(record["classes"]), record["level"])


def _finding_from_json(record: dict[str, Any], harmless: set[str]) -> Finding:
    """Convert JSON to a finding.

    Args:
        harmless: causes that do no harm, which holds for observed problems only; older files lack `is_observed`.
    """
    record = {"is_observed": record["cause"] in harmless, **_rename_old(record)}
    frames = {name: _frame_from_json(frame) for name, frame in record["frames"].items()}
    return Finding(**{**record, "frames": frames, "trial": _trial_from_json(record["trial"])})


def _trial_from_json(record: Any) -> Trial | None:
    if record is None:
        return None
    record, gain = _rename_old(record), _rename_old(record["gain"])
    gap = AccuracyGap(**{**gain, "n_seeds": tuple(gain["n_seeds"])})
    return Trial(_plan_from_json(record["plan"]), gap, tuple(record["runs"]), record["is_class_balanced"])


def _plan_from_json(record: Any) -> Plan:
    return Plan.from_json(json.dumps(record))


def _frame_from_json(record: Any) -> pd.DataFrame | None:
    import pandas as pd

    if record is None:
        return None
    frame = pd.DataFrame(record["data"], columns=record["columns"])
    # a numeric column without any value
    empty = [name for name in frame if frame[name].isna().all()]
    return frame.astype(dict.fromkeys(empty, float))
