"""A diagnosis kept in a folder: numbers and words as JSON, what nets said as arrays."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import disk
from workbench.diagnosis.control_group import Controls
from workbench.diagnosis.experiments import Outcome
from workbench.diagnosis.findings import Diagnosis, Finding, Trial
from workbench.diagnosis.gaps import Gap
from workbench.errors import BadData, UnknownName
from workbench.plan import Plan

if TYPE_CHECKING:
    import os

    import pandas as pd

WORDS, ARRAYS = "diagnosis.json", "answers.npz"


def keep(diagnosis: Diagnosis, folder: Path) -> Path:
    """Writes a diagnosis into a folder of its own; images and nets in memory are stored beside it."""
    disk.make_folder(folder)
    held = diagnosis.controls.outcomes if diagnosis.controls else {}
    arrays = {
        f"{name}/{seed}/{part}": getattr(outcome, part)
        for name, outcomes in held.items()
        for seed, outcome in enumerate(outcomes)
        for part in ("ids", "labels", "probabilities")
    }
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]
    disk.write(folder / ARRAYS, packed.getvalue())
    disk.write(folder / WORDS, json.dumps(_told(diagnosis, folder), indent=1))
    return folder


def opened(folder: str | os.PathLike[str]) -> Diagnosis:
    """A diagnosis that was saved.

    Raises:
        UnknownName: there is none in the folder.
        BadData: it is damaged.
    """
    place = Path(folder)
    if not (place / WORDS).exists():
        raise UnknownName(f"no diagnosis is kept in {place}: wb.diagnose(...).save(folder) keeps one")
    try:
        told = json.loads((place / WORDS).read_text(encoding="utf-8"))
        with np.load(place / ARRAYS, allow_pickle=False) as arrays:
            return _opened(told, dict(arrays))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BadData(f"the diagnosis kept in {place} is damaged: {error}") from error


def plainly(diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis for programs to read: words, numbers and plans; what `Diagnosis.to_dict` does."""
    controls, remedy = diagnosis.controls, diagnosis.remedy
    return {
        **{name: getattr(diagnosis, name) for name in ("verdict", "answer", "notes", "seconds", "trainings")},
        "findings": [_plain_finding(found) for found in diagnosis.findings],
        "considered": _records(diagnosis.considered),
        "controls": _records(controls.frame if controls else None),
        "classes": _records(controls.per_class if controls else None),
        "harmed": _records(diagnosis.harmed),
        "stages": _records(diagnosis.stages),
        "plan": json.loads(diagnosis.plan.to_json()),
        "remedy": json.loads(remedy.to_json()) if remedy else None,
    }


def _plain_finding(finding: Finding) -> dict[str, Any]:
    trial, fields = finding.trial, ("cause", "means", "confidence", "words", "strength", "advice")
    gain = {**dataclasses.asdict(trial.gain), "said": trial.said, "runs": trial.runs} if trial else None
    numbers = {name: float(value) if value == value else None for name, value in finding.numbers.items()}
    return {**{name: getattr(finding, name) for name in fields}, "numbers": numbers, "gain": gain}


def _records(frame: pd.DataFrame | None) -> Any:
    return None if frame is None else json.loads(frame.to_json(orient="records", double_precision=12))


def _told(diagnosis: Diagnosis, folder: Path) -> dict[str, Any]:
    controls = diagnosis.controls
    plain = ("answer", "notes", "seconds", "trainings")
    return {
        **{name: getattr(diagnosis, name) for name in plain},
        "plan": _plan(diagnosis.plan, folder / "plan"),
        "findings": [_finding(f, folder / f.cause) for f in diagnosis.findings],
        "considered": _frame(diagnosis.considered),
        "stages": _frame(diagnosis.stages),
        "controls": controls
        and {
            "classes": controls.classes,
            "level": controls.level,
            "outcomes": {
                name: [{"plan": _plan(o.plan, folder / "plan"), "run": o.run, "seconds": o.seconds} for o in found]
                for name, found in controls.outcomes.items()
            },
        },
    }


def _finding(finding: Finding, folder: Path) -> dict[str, Any]:
    trial, fields = finding.trial, ("cause", "means", "confidence", "words", "strength", "advice")
    return {
        **{name: getattr(finding, name) for name in fields},
        "numbers": {name: float(value) for name, value in finding.numbers.items()},
        "drawn": {name: _frame(frame) for name, frame in finding.drawn.items()},
        "trial": trial
        and {
            "plan": _plan(trial.plan, folder),
            "gain": dataclasses.asdict(trial.gain),
            "runs": trial.runs,
            "balanced": trial.balanced,
        },
    }


def _plan(plan: Plan, folder: Path) -> Any:
    """A plan as JSON; what it holds in memory is stored in `folder`, once."""
    changes = {}
    for name, value in plan.held.items():
        changes[name] = value.store_with(disk.make_folder(folder / name))
    return json.loads((plan.but(**changes) if changes else plan).to_json())


def _frame(frame: pd.DataFrame | None) -> Any:
    return None if frame is None else json.loads(frame.to_json(orient="split", index=False, double_precision=12))


def _opened(told: dict[str, Any], arrays: dict[str, np.ndarray]) -> Diagnosis:
    fields = ("answer", "seconds", "trainings")
    return Diagnosis(
        plan=_planned(told["plan"]),
        findings=tuple(_found(f) for f in told["findings"]),
        considered=_framed(told["considered"]),  # type: ignore[arg-type]
        stages=_framed(told["stages"]),
        controls=_controls(told["controls"], arrays),
        notes=tuple(told["notes"]),
        **{name: told[name] for name in fields},
    )


def _controls(told: Any, arrays: dict[str, np.ndarray]) -> Controls | None:
    if told is None:
        return None
    parts = ("ids", "labels", "probabilities")
    outcomes = {
        name: tuple(
            Outcome(
                plan=_planned(one["plan"]),
                run=one["run"],
                seconds=one["seconds"],
                **{part: arrays[f"{name}/{seed}/{part}"] for part in parts},
            )
            for seed, one in enumerate(found)
        )
        for name, found in told["outcomes"].items()
    }
    return Controls(outcomes, tuple(told["classes"]), told["level"])


def _found(told: dict[str, Any]) -> Finding:
    drawn = {name: _framed(frame) for name, frame in told["drawn"].items()}
    return Finding(**{**told, "drawn": drawn, "trial": _tried(told["trial"])})


def _tried(told: Any) -> Trial | None:
    if told is None:
        return None
    gain = Gap(**{**told["gain"], "seeds": tuple(told["gain"]["seeds"])})
    return Trial(_planned(told["plan"]), gain, tuple(told["runs"]), told["balanced"])


def _planned(told: Any) -> Plan:
    return Plan.from_json(json.dumps(told))


def _framed(told: Any) -> pd.DataFrame | None:
    import pandas as pd

    if told is None:
        return None
    frame = pd.DataFrame(told["data"], columns=told["columns"])
    # a column of numbers of which none was measured
    empty = [name for name in frame if frame[name].isna().all()]
    return frame.astype(dict.fromkeys(empty, float))
