"""What a score is: a function of arrays whose docstring tells its paper, its needs, its cost and when it breaks."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import pandas as pd

from workbench.arguments import check_arguments
from workbench.registry import Registry

F = TypeVar("F", bound=Callable[..., float])
COLUMNS = ("name", "what", "needs", "source", "cost", "better", "breaks")
_FACT = re.compile(r"^(Needs|Source|Cost|Better|Breaks): (.*?)(?=\n\n|\n[A-Z][a-z]+: |\Z)", re.MULTILINE | re.DOTALL)


class Score(Protocol):
    """A registered score.

    Attributes:
        name: as `wb.scores` knows it.
        needs: the arguments without which it cannot be computed, by name.
        source: its paper.
        cost: in N images, D features, K classes, S source classes.
        better: `higher` or `lower`: which end promises the better transfer.
        breaks: when it is not to be trusted.
    """

    name: str
    needs: tuple[str, ...]
    source: str
    cost: str
    better: str
    breaks: str

    def __call__(self, *arrays: Any, **options: Any) -> float:
        """The score of the arrays that it needs, in that order."""
        ...


class Scores(Registry[Any]):
    """The scores by name: functions where the other registries hold classes."""

    @check_arguments
    def add(self, name: str) -> Callable[[F], F]:  # type: ignore[override]
        """Function decorator: registers a score, and reads what it tells of itself from its docstring."""
        register = super().add(name)

        def describe(function: F) -> F:
            told = facts(function)
            needs = tuple(word.strip() for word in told.get("needs", "").split(","))
            described = {"better": "higher", "source": "", "cost": "", "breaks": "", **told, "needs": needs}
            checked = check_arguments(function)
            for fact, value in described.items():
                setattr(checked, fact, value)
            register(checked)  # type: ignore[arg-type]
            return checked

        return describe

    @check_arguments
    def table(self) -> pd.DataFrame:
        """The scores as a frame, by name."""
        rows = [{"name": name, **_row(score)} for name, score in self.classes().items()]
        return pd.DataFrame(rows, columns=list(COLUMNS))


def facts(function: Callable[..., Any]) -> dict[str, str]:
    """The paragraphs `Needs:`, `Source:`, `Cost:`, `Better:` and `Breaks:` of a docstring, each on one line."""
    found = _FACT.findall(inspect.getdoc(function) or "")
    return {word.lower(): " ".join(text.split()).removesuffix(".") for word, text in found}


def _row(score: Any) -> dict[str, str]:
    what = (inspect.getdoc(score) or "").partition("\n")[0]
    return {"what": what, "needs": ", ".join(score.needs)} | {key: getattr(score, key) for key in COLUMNS[3:]}
