"""What every cause can do: say how much speaks for it, and give the experiment that would refute it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.registry import Registry

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.case import Case
    from workbench.plan import Plan


SUSPECT = 0.1  # strength so far, from which on a cause looks at what takes longer


@dataclass(frozen=True)
class Evidence:
    """What speaks for a cause before anything is trained for it.

    Attributes:
        strength: 0 (nothing) to 1 (hardly anything else could be the reason).
        words: what was seen, as a sentence with its numbers.
        numbers: the same by name.
        drawn: frames that show it, by what they are.
        fact: whether it is there to see, so that an experiment says what putting it right is worth, not that it is so
    """

    strength: float
    words: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    drawn: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    fact: bool = False


NOTHING = Evidence(0.0, "")


class Cause(ABC):
    """One reason for which a transfer is worse than it should be.

    Attributes:
        name: as the registry knows it.
        means: what is wrong, as the end of a sentence.
        advice: what to do, as a sentence.
        source: where it is described.
        triable: whether an experiment can put it right; else the evidence is all there is.
        balanced: whether the experiment is judged with every class weighing the same.
        misleads: whether it makes the measurements themselves false, so that it is put right before all else.
        by_weights: whether it can be told of weights that are no numbers.
        yields_to: causes that bring the same about, and are put right first: as far as they are likely, this is not.
    """

    name: ClassVar[str]
    means: ClassVar[str]
    advice: ClassVar[str]
    source: ClassVar[str]
    triable: ClassVar[bool] = True
    balanced: ClassVar[bool] = False
    misleads: ClassVar[bool] = False
    by_weights: ClassVar[bool] = False
    yields_to: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def evidence(self, case: Case) -> Evidence:
        """What speaks for it; no training beyond linear heads."""

    def without(self, case: Case) -> Plan | None:
        """The person's plan with this one thing put right; None where a plan cannot do that.

        It is the experiment and the remedy in one: if it gains nothing, the cause is refuted.
        """
        return None

    def data_without(self, case: Case) -> Any:
        """The images with this one thing put right; None where it is not in the images."""
        return None


causes: Registry[Cause] = Registry("cause", "workbench.diagnosis.causes")


def compared(column: str, rows: Mapping[str, float]) -> dict[str, pd.DataFrame]:
    """A frame of a few numbers side by side, a row each, under what they count."""
    import pandas as pd

    return {column: pd.DataFrame(rows.items(), columns=["what", column])}


def rising(value: float, at: float, width: float) -> float:
    """0 to 1: half where `value` is `at`, and within `width` of it most of the way."""
    return 1 / (1 + math.exp(-max(min((value - at) / width * 2.2, 50.0), -50.0)))
