"""Findings from evidence and experiments, in the order in which to fix them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes import Evidence, causes
from workbench.diagnosis.experiments.control_plans import YOURS
from workbench.diagnosis.experiments.learning_curves import validation_loss_curves
from workbench.diagnosis.findings import MIN_CONFIDENCE, Finding, Trial
from workbench.diagnosis.report.confidence import compute_confidence, explain_away

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from workbench.diagnosis.experiments.experiment_budget import BudgetedExperiments

COLUMNS = ["cause", "strength", "confidence", "gain", "low", "high", "status", "summary"]


def draw_conclusions(
    experiments: BudgetedExperiments, evidence: Mapping[str, Evidence]
) -> tuple[tuple[Finding, ...], pd.DataFrame]:
    """Return the findings, and a frame with one row per cause considered."""
    import pandas as pd

    by_cause: dict[str, Finding] = {}
    for name in evidence:
        _conclude_cause(experiments, evidence, name, by_cause)
    findings = sorted(by_cause.values(), key=urgency_key)
    frame = pd.DataFrame([_cause_row(finding) for finding in findings], columns=COLUMNS)
    return tuple(f for f in findings if f.confidence >= MIN_CONFIDENCE), frame


def urgency_key(finding: Finding) -> tuple[float, ...]:
    """Return a sort key: what to fix first comes first.

    Causes that invalidate the measurements come before all others; then higher confidence (in steps of 0.1), then
    higher gain, then stronger evidence.
    """
    is_first = causes[finding.cause].is_validity_threat and finding.confidence >= MIN_CONFIDENCE
    gain = finding.gain.value if finding.gain else 0.0
    return float(not is_first), -round(finding.confidence, 1), -gain, -finding.strength


def _conclude_cause(
    experiments: BudgetedExperiments, evidence: Mapping[str, Evidence], name: str, findings: dict[str, Finding]
) -> Finding:
    """Compute the finding of a cause, after those of its `alternative_causes`."""
    if name in findings:
        return findings[name]
    cause, own_evidence = causes[name], evidence[name]
    trial = _build_trial(experiments, name, cause.is_class_balanced)
    others = [
        _conclude_cause(experiments, evidence, other, findings).confidence
        for other in cause.alternative_causes
        if other in evidence
    ]
    strength = explain_away(own_evidence.strength, others)
    is_testable = cause.has_experiment and not own_evidence.is_observed
    confidence = compute_confidence(strength, trial.gain if trial else None, is_testable)
    findings[name] = Finding(
        cause=name,
        problem=cause.problem,
        confidence=max(confidence, strength) if own_evidence.is_observed else confidence,
        summary=own_evidence.summary,
        numbers=dict(own_evidence.numbers),
        frames={**own_evidence.frames, **_loss_curves(experiments, name, trial)},
        strength=own_evidence.strength,
        trial=trial,
        advice=cause.advice,
        is_observed=own_evidence.is_observed,
    )
    return findings[name]


def _loss_curves(experiments: BudgetedExperiments, name: str, trial: Trial | None) -> dict[str, pd.DataFrame]:
    """Collect the validation loss curves of the plan and of the cause's experiment; empty without an experiment."""
    if trial is None:
        return {}
    titles = {YOURS: YOURS, name: "fixed"}
    frame = validation_loss_curves(
        {title: experiments.outcomes[key][0] for key, title in titles.items() if key in experiments.outcomes}
    )
    return {"loss on validation images": frame} if len(frame) else {}


def _build_trial(experiments: BudgetedExperiments, name: str, is_class_balanced: bool) -> Trial | None:
    gain = experiments.accuracy_gain(name, YOURS, is_class_balanced)
    if gain is None:
        return None
    outcomes = experiments.outcomes[name]
    return Trial(experiments.plans[name], gain, tuple(o.run for o in outcomes), is_class_balanced)


def _cause_row(finding: Finding) -> tuple[object, ...]:
    gain = finding.gain
    numbers = (gain.value, gain.low, gain.high) if gain else (np.nan,) * 3
    return (finding.cause, finding.strength, np.round(finding.confidence, 4), *numbers, finding.status, finding.summary)
