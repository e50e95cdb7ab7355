"""What a diagnosis says: findings with their evidence, the experiment that could have refuted each, and the remedy."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from workbench.arguments import check_arguments
from workbench.diagnosis.control_plans import RANDOM, SCRATCH, YOURS, controls_of
from workbench.diagnosis.gaps import Gap, gap
from workbench.diagnosis.weighing import LEAST
from workbench.errors import printable_text
from workbench.forms import Range
from workbench.plan import Plan

if TYPE_CHECKING:
    import os

    import pandas as pd

    from workbench.diagnosis.control_group import Controls

NAMED = 0.5  # confidence from which on a cause is a finding
WIDE = 100  # letters of a line


@dataclass(frozen=True)
class Trial:
    """The experiment that could have refuted a cause: the same plan with that one thing put right.

    Attributes:
        plan: what was carried out, with the first seed.
        gain: its accuracy less that of the person's plan, on the same images with the same seeds.
        runs: folders of its runs, one a seed; `wb.run(name)` opens one.
        balanced: whether every class weighs the same in the gain.
    """

    plan: Plan
    gain: Gap
    runs: tuple[str, ...] = ()
    balanced: bool = False

    @property
    def said(self) -> str:
        """Whether the cause is "confirmed" (a clear gain), "refuted" (no gain to speak of), or "open"."""
        if self.gain.low > 0:
            return "confirmed"
        return "refuted" if self.gain.value < LEAST or self.gain.high < 2 * LEAST else "open"


@dataclass(frozen=True)
class Finding:
    """One cause, and what speaks for it.

    Attributes:
        cause: its name in the registry.
        means: what is wrong, as a sentence.
        confidence: 0 to 1, from the evidence and the experiment.
        words: what was seen, with its numbers.
        numbers: the same by name.
        drawn: frames that show it, by what they are; may be empty.
        strength: of the evidence alone, 0 to 1.
        trial: the experiment; None where there is none, or the time ran out.
        advice: what to do, as a sentence.
        fact: whether it is there to see, so that an experiment says what putting it right is worth, not that it is so
    """

    cause: str
    means: str
    confidence: float
    words: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    drawn: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    strength: float = 0.0
    trial: Trial | None = None
    advice: str = ""
    fact: bool = False

    @property
    def remedy(self) -> Plan | None:
        """The plan with this put right, ready for `wb.fit`; None where none was tried."""
        return self.trial.plan if self.trial else None

    @property
    def gain(self) -> Gap | None:
        """What the remedy is worth."""
        return self.trial.gain if self.trial else None

    @property
    def said(self) -> str:
        """What the experiment said: "confirmed", "refuted", "open", "not tried", or of a fact, that it does no harm."""
        if self.trial is None:
            return "not tried"
        return "does no harm" if self.fact and self.trial.said == "refuted" else self.trial.said

    @printable_text
    def __str__(self) -> str:
        tried = f"; put right: {self.gain}, {self.said}" if self.gain else ""
        return f"{self.cause} ({self.confidence:.0%}): {self.words}{tried}"


@check_arguments
@dataclass(frozen=True)
class Diagnosis:
    """Why a transfer is as it is.

    Attributes:
        plan: what was diagnosed.
        answer: to whether there is negative transfer: one of `ANSWERS`.
        findings: the causes that are likely at work, what to put right first coming first; may be empty.
        considered: a row a cause of the registry: cause, strength, confidence, gain, low, high, said, words.
        controls: the plan held against its controls; None in a quick look.
        stages: a row a stage: stage, rate, probe (accuracy of a linear head), untrained (the same without the weights),
            rank (effective, of the features), drift (of the weights, relative), cka (before against after), gradient
            (of the loss under a linear head, relative to the weights), gap and mmd (proxy A-distance and squared
            maximum mean discrepancy of the two domains, or of what the backbone learnt from and these images, where
            that can be made anew), transplant (accuracy after a short training with only the stages up to this one
            transferred, and frozen) and tuned (the same with all stages moving); NaN where not measured, and the notes
            say why.
        notes: what cannot be said, and what was done about it.
        seconds: that it took.
        trainings: that it took, those read from earlier ones included.
    """

    plan: Plan
    answer: str
    findings: tuple[Finding, ...]
    considered: pd.DataFrame
    controls: Controls | None = None
    stages: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    trainings: int = 0

    @property
    def verdict(self) -> str:
        """The whole in a sentence or two."""
        return f"{self._transfer()} {self._why()}"

    @property
    def remedy(self) -> Plan | None:
        """The plan to go on with: the first finding's whose experiment gained, else the best control clearly ahead."""
        found = self._way_on()
        return found[1] if found else None

    @property
    def gain(self) -> Gap | None:
        """What that plan is worth over the diagnosed one."""
        found = self._way_on()
        return found[2] if found else None

    @property
    def harmed(self) -> pd.DataFrame | None:
        """The negative-transfer set: images that training from scratch gets right and the plan wrong."""
        return self.controls.harmed if self.controls else None

    @property
    def frame(self) -> pd.DataFrame:
        """The findings as a table: cause, confidence, words, gain, low, high, said."""
        named = [finding.cause for finding in self.findings]
        rows = self.considered.set_index("cause").loc[named].reset_index()
        return rows[["cause", "confidence", "words", "gain", "low", "high", "said"]]

    @check_arguments
    def to_dict(self) -> dict[str, Any]:
        """Everything but pictures and arrays, ready for JSON."""
        from workbench.diagnosis.keeping import plainly

        return plainly(self)

    @check_arguments
    def report(self, file: str | os.PathLike[str], pictures: Annotated[int, Range(0, 1000)] = 8) -> Path:
        """Writes it as one file of HTML that can be read without a kernel or a network.

        Args:
            file: such as "out.html"; an earlier one is written over.
            pictures: of the negative-transfer set, each with where both nets look; 0 leaves them out.

        Raises:
            BadData: the file cannot be written.
        """
        from workbench.diagnosis.report import write

        return write(self, file, pictures)

    @check_arguments
    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Keeps it in a folder, which `Diagnosis.open` opens again."""
        from workbench.diagnosis.keeping import keep

        return keep(self, Path(folder))

    @staticmethod
    @check_arguments
    def open(folder: str | os.PathLike[str]) -> Diagnosis:
        """The diagnosis that was saved in a folder.

        Raises:
            UnknownName: there is none.
            BadData: it is damaged.
        """
        from workbench.diagnosis.keeping import opened

        return opened(folder)

    @printable_text
    def __str__(self) -> str:
        items = [(f"{i}. ", finding) for i, finding in enumerate(self.findings, 1)]
        parts = [("", self.verdict), *items, *(("- ", note) for note in self.notes)]
        return "\n".join(_wrapped(mark, str(text)) for mark, text in parts)

    def _way_on(self) -> tuple[str, Plan, Gap] | None:
        for found in self.findings:
            if found.trial and found.trial.said == "confirmed":
                return found.cause, found.trial.plan, found.trial.gain
        ahead = [name for name in self.controls.worse_than if name != RANDOM] if self.controls else []
        if not self.controls or not ahead:
            return None
        best, yours = (self.controls.right(name) for name in (ahead[0], YOURS))
        return ahead[0], controls_of(self.plan)[ahead[0]], gap(best, yours, self.controls.level)

    def _transfer(self) -> str:
        if self.controls is None:
            return f"{ANSWERS[self.answer]}."
        found = self.controls.gap()
        told = f"{ANSWERS[self.answer]}: {found} against training from scratch, on {found.images} images."
        behind = [name for name in self.controls.worse_than if name != SCRATCH]
        return told + (f" It is clearly behind {' and '.join(behind)}." if behind else "")

    def _why(self) -> str:
        if not self.findings:
            found = self._way_on()
            better = f" Go on with another plan all the same: {found[0]}, which gains {found[2]}." if found else ""
            return f"No cause that is looked for stands out.{better}"
        first = self.findings[0]
        likely = "Most likely" if first.confidence >= 0.8 else "Perhaps"
        better = f"; put right, it gains {first.gain}" if first.trial and first.trial.said == "confirmed" else ""
        others = [f.cause for f in self.findings[1:]]
        return f"{likely} {first.means} ({first.cause}){better}." + (f" Also: {', '.join(others)}." if others else "")


def _wrapped(mark: str, text: str) -> str:
    """Lines that fit where a notebook shows text, which would break them within words."""
    wrapper = textwrap.TextWrapper(WIDE, mark, " " * len(mark), break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(text)


# what was found about the transfer -> as a sentence begins with it
ANSWERS: Mapping[str, Any] = {
    "negative transfer": "There is negative transfer",
    "transfer helps": "There is no negative transfer, the transfer helps",
    "no difference": "There is no negative transfer and no gain from the transfer either",
    "not enough data to tell": "There are not enough data to tell whether there is negative transfer",
    "nothing is transferred": "Nothing is transferred, since the backbone has no pretrained weights",
    "not asked": "Whether there is negative transfer was not tried",
}
