"""Registry of scores: functions of arrays whose docstring gives paper, needs, cost and failure cases."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import pandas as pd

from workbench.argument_checks import check_arguments
from workbench.registry import Registry

F = TypeVar("F", bound=Callable[..., float])
SCORE_COLUMNS = ("name", "description", "needs", "paper", "cost", "better", "breaks")
_FACT_PATTERN = re.compile(
    r"^(Needs|Source|Cost|Better|Breaks|Default): (.*?)(?=\n\n|\n[A-Z][a-z]+: |\Z)", re.MULTILINE | re.DOTALL
)


class Score(Protocol):
    """Registered score.

    Attributes:
        name: name in `wb.list_scores()`.
        needs: names of the required arguments.
        paper: its paper.
        cost: in terms of N images, D features, K classes, S source classes.
        better: `higher` or `lower`: the end that promises better transfer.
        breaks: cases in which it is not reliable.
        default: empty for a part in `wb.rank_backbones` by default; otherwise no, with the reason.
    """

    name: str
    needs: tuple[str, ...]
    paper: str
    cost: str
    better: str
    breaks: str
    default: str

    def __call__(self, *arrays: Any, **options: Any) -> float:
        """Compute the score of the arrays that it needs, in that order."""
        ...


class ScoreRegistry(Registry[Any]):
    """Registry of functions where the other registries hold classes."""

    @check_arguments
    def add(self, name: str) -> Callable[[F], F]:  # type: ignore[override]
        """Decorate a function to register it as a score, with the facts in its docstring."""
        register = super().add(name)

        def describe(function: F) -> F:
            facts = parse_docstring_facts(function)
            needs = tuple(word.strip() for word in facts.get("needs", "").split(","))
            described = {"better": "higher", "cost": "", "breaks": "", "default": "", **facts, "needs": needs}
            described["paper"] = described.pop("source", "")
            checked = check_arguments(function)
            for fact, value in described.items():
                setattr(checked, fact, value)
            register(checked)  # type: ignore[arg-type]
            return checked

        return describe

    @check_arguments
    def describe(self) -> pd.DataFrame:
        """Describe the scores in a frame, one row per score."""
        rows = [{"name": name, **_score_row(score)} for name, score in self.classes().items()]
        return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))


def parse_docstring_facts(function: Callable[..., Any]) -> dict[str, str]:
    """Parse the paragraphs `Needs:`, `Source:` … `Default:` of a docstring, each into one line."""
    pairs = _FACT_PATTERN.findall(inspect.getdoc(function) or "")
    return {word.lower(): " ".join(text.split()).removesuffix(".") for word, text in pairs}


def _score_row(score: Any) -> dict[str, str]:
    first_line = (inspect.getdoc(score) or "").partition("\n")[0]
    facts = {key: getattr(score, key) for key in SCORE_COLUMNS[3:]}
    return {"description": first_line, "needs": ", ".join(score.needs), **facts}
