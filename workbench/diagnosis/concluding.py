"""From evidence and experiments to findings, in the order in which an expert would put them right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.diagnosis.causes import Evidence, causes
from workbench.diagnosis.control_plans import YOURS
from workbench.diagnosis.courses import courses
from workbench.diagnosis.findings import NAMED, Finding, Trial
from workbench.diagnosis.weighing import weighed, yielding

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from workbench.diagnosis.inquiry import Inquiry

COLUMNS = ["cause", "strength", "confidence", "gain", "low", "high", "said", "words"]


def concluded(inquiry: Inquiry, seen: Mapping[str, Evidence]) -> tuple[tuple[Finding, ...], pd.DataFrame]:
    """The findings, and a row a cause that was considered."""
    import pandas as pd

    made: dict[str, Finding] = {}
    for name in seen:
        _conclude(inquiry, seen, name, made)
    every = sorted(made.values(), key=urgency)
    frame = pd.DataFrame([_row(finding) for finding in every], columns=COLUMNS)
    return tuple(f for f in every if f.confidence >= NAMED), frame


def urgency(finding: Finding) -> tuple[float, ...]:
    """What is put right first comes first.

    What makes the measurements themselves false goes before all else; then the more certain (by tenths), then the
    one that gains more.
    """
    first = not (causes[finding.cause].misleads and finding.confidence >= NAMED)
    gained = finding.gain.value if finding.gain else 0.0
    return float(first), -round(finding.confidence, 1), -gained, -finding.strength


def _conclude(inquiry: Inquiry, seen: Mapping[str, Evidence], name: str, made: dict[str, Finding]) -> Finding:
    """The finding of a cause, after those of the causes that it yields to."""
    if name in made:
        return made[name]
    cause, found = causes[name], seen[name]
    trial = _trial(inquiry, name, cause.balanced)
    others = [_conclude(inquiry, seen, other, made).confidence for other in cause.yields_to if other in seen]
    left = yielding(found.strength, others)
    sure = weighed(left, trial.gain if trial else None, cause.triable and not found.fact)
    made[name] = Finding(
        cause=name,
        means=cause.means,
        confidence=max(sure, left) if found.fact else sure,
        words=found.words,
        numbers=dict(found.numbers),
        drawn={**found.drawn, **_course(inquiry, name, trial)},
        strength=found.strength,
        trial=trial,
        advice=cause.advice,
        fact=found.fact,
    )
    return made[name]


def _course(inquiry: Inquiry, name: str, trial: Trial | None) -> dict[str, pd.DataFrame]:
    """How the plan's training and the experiment's went, where there was one."""
    if trial is None:
        return {}
    named = {YOURS: YOURS, name: "put right"}
    frame = courses({words: inquiry.outcomes[key][0] for key, words in named.items() if key in inquiry.outcomes})
    return {"loss on validation images": frame} if len(frame) else {}


def _trial(inquiry: Inquiry, name: str, balanced: bool) -> Trial | None:
    gain = inquiry.gain(name, YOURS, balanced)
    if gain is None:
        return None
    outcomes = inquiry.outcomes[name]
    return Trial(inquiry.plans[name], gain, tuple(o.run for o in outcomes), balanced)


def _row(finding: Finding) -> tuple[object, ...]:
    gain, nothing = finding.gain, float("nan")
    numbers = (gain.value, gain.low, gain.high) if gain else (nothing,) * 3
    return (finding.cause, finding.strength, np.round(finding.confidence, 4), *numbers, finding.said, finding.words)
