"""Base class of causes: strength of the evidence, and the experiment that can refute the cause."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.evidence.context import DiagnosisContext
    from workbench.plan import Plan


SLOW_CHECK_STRENGTH = 0.1  # strength from which on a cause runs its slow checks


@dataclass(frozen=True)
class Evidence:
    """Evidence for a cause before anything is trained for it.

    Attributes:
        strength: 0 (none) to 1 (hardly any other explanation possible).
        summary: summary of the evidence, as a sentence with its numbers.
        numbers: the same numbers by name.
        frames: frames that show the evidence, by title.
        is_observed: True if the problem is directly visible, so that an experiment measures only its effect.
    """

    strength: float
    summary: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    is_observed: bool = False


NO_EVIDENCE = Evidence(0.0, "")


class Cause(ABC):
    """Possible reason why a transfer is worse than it should be.

    Attributes:
        name: name in the registry.
        problem: description of the problem, as the end of a sentence.
        advice: how to fix it, as a sentence.
        paper: reference for the problem.
        has_experiment: False if no experiment can fix the problem, so that the evidence is all there is.
        is_class_balanced: True if every class has the same weight in the experiment's accuracy.
        is_validity_threat: True if it invalidates the measurements themselves, so that it is fixed before all others.
        allow_nan: True if it can be checked with weights that are NaN or infinite.
        alternative_causes: causes with the same symptoms that are fixed first; the likelier they are, the less likely
            is this one.
    """

    name: ClassVar[str]
    problem: ClassVar[str]
    advice: ClassVar[str]
    paper: ClassVar[str]
    has_experiment: ClassVar[bool] = True
    is_class_balanced: ClassVar[bool] = False
    is_validity_threat: ClassVar[bool] = False
    allow_nan: ClassVar[bool] = False
    alternative_causes: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def evidence(self, context: DiagnosisContext) -> Evidence:
        """Collect the evidence, with no training beyond linear heads."""

    def fix_plan(self, context: DiagnosisContext) -> Plan | None:
        """Return the user's plan with this one problem fixed; None if a plan cannot fix it.

        The plan is experiment and remedy in one: if it gains nothing, the cause is refuted.
        """
        return None

    def fix_images(self, context: DiagnosisContext) -> Any:
        """Return the images with this one problem fixed; None if the problem is not in the images."""
        return None


causes: Registry[Cause] = Registry("cause", "workbench.diagnosis.causes")


def compare_values(column: str, values: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    """Build a frame with one row per value, under the column title that also names the frame."""
    import pandas as pd

    return {column: pd.DataFrame(values.items(), columns=["what", column])}
