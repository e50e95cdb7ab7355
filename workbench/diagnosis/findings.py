"""Results of a diagnosis: findings with their evidence, the experiment that could have refuted each, and the remedy."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from workbench.argument_checks import check_arguments
from workbench.diagnosis.experiments.accuracy_gaps import AccuracyGap, accuracy_gap
from workbench.diagnosis.experiments.control_plans import RANDOM, SCRATCH, YOURS, build_control_plans
from workbench.diagnosis.report.confidence import MIN_GAIN
from workbench.errors import escape_returned_text
from workbench.formatting import join_names
from workbench.forms import Range
from workbench.plan import Plan

if TYPE_CHECKING:
    import os

    import pandas as pd

    from workbench.diagnosis.experiments.control_group import Controls

__all__ = ["Diagnosis", "Finding", "Trial"]

MIN_CONFIDENCE = 0.5  # least confidence of a finding
LINE_WIDTH = 100  # characters per line


@dataclass(frozen=True)
class Trial:
    """Experiment that could have refuted a cause: the same plan with that one thing fixed.

    Attributes:
        plan: plan as trained, with the first seed.
        gain: its accuracy minus that of the user's plan, on the same images with the same seeds.
        runs: folder names of its runs, one per seed; `wb.load_run(name)` opens one.
        is_class_balanced: True if every class has the same weight in the gain.
    """

    plan: Plan
    gain: AccuracyGap
    runs: tuple[str, ...] = ()
    is_class_balanced: bool = False

    @property
    def status(self) -> str:
        """Status of the cause: "confirmed" (a clear gain), "refuted" (no relevant gain), or "open"."""
        if self.gain.low > 0:
            return "confirmed"
        return "refuted" if self.gain.value < MIN_GAIN or self.gain.high < 2 * MIN_GAIN else "open"


@dataclass(frozen=True)
class Finding:
    """Cause with its evidence, experiment and advice.

    Attributes:
        cause: name in the registry.
        problem: description of the problem, as a sentence.
        confidence: 0 to 1, from the evidence and the experiment.
        summary: summary of the evidence, with its numbers.
        numbers: the same numbers by name.
        frames: frames that show the evidence, by title; may be empty.
        strength: strength of the evidence alone, 0 to 1.
        trial: the experiment; None if there is none, or time ran out.
        advice: how to fix it, as a sentence.
        is_observed: True if the data show the problem directly, so that an experiment measures only its effect.
    """

    cause: str
    problem: str
    confidence: float
    summary: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    strength: float = 0.0
    trial: Trial | None = None
    advice: str = ""
    is_observed: bool = False

    @property
    def remedy(self) -> Plan | None:
        """Plan with the problem fixed, ready for `wb.fit`; None if it was not tested."""
        return self.trial.plan if self.trial else None

    @property
    def gain(self) -> AccuracyGap | None:
        """Accuracy gap of the remedy to the plan."""
        return self.trial.gain if self.trial else None

    @property
    def status(self) -> str:
        """Status: "confirmed", "refuted", "open", "not tried", or "does no harm" (observed problem, no gain)."""
        if self.trial is None:
            return "not tried"
        return "does no harm" if self.is_observed and self.trial.status == "refuted" else self.trial.status

    @escape_returned_text
    def __str__(self) -> str:
        gain = f"; gain of the fix: {self.gain}, {self.status}" if self.gain else ""
        return f"{self.cause} ({self.confidence:.0%}): {self.summary}{gain}"


@check_arguments
@dataclass(frozen=True)
class Diagnosis:
    """Result of `wb.diagnose`: why a transfer performs as it does.

    Attributes:
        plan: plan that was diagnosed.
        answer: answer on negative transfer, one of `ANSWERS`.
        findings: likely causes, what to fix first coming first; may be empty.
        cause_table: one row per cause of the registry: cause, strength, confidence, gain, low, high, status, summary.
        controls: comparison of the plan with its controls; None in a quick look.
        stages: one row per stage: stage, rate, probe (accuracy of a linear head), untrained (the same with random
            weights), rank (effective rank of the features), drift (relative change of the weights), cka (of the
            features, before against after training), gradient (of the loss under a linear head, relative to the
            weights), gap and mmd (proxy A-distance and squared maximum mean discrepancy between the two domains, or
            between the backbone's training images and these images, where the former can be generated), transplant
            (accuracy after a short training with only the stages up to this one transferred, and frozen) and tuned
            (the same with all stages trainable); NaN where not measured, with the reason in the notes.
        notes: limits of the diagnosis, and changes made to the input.
        seconds: duration.
        n_trainings: number of trainings, including those read from earlier diagnoses.
    """

    plan: Plan
    answer: str
    findings: tuple[Finding, ...]
    cause_table: pd.DataFrame
    controls: Controls | None = None
    stages: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    n_trainings: int = 0

    @property
    def verdict(self) -> str:
        """Summary in one or two sentences."""
        return f"{self._describe_transfer()} {self._describe_causes()}"

    @property
    def remedy(self) -> Plan | None:
        """Plan to continue with: that of the first confirmed finding, else the best significantly better control."""
        remedy = self._find_remedy()
        return remedy[1] if remedy else None

    @property
    def gain(self) -> AccuracyGap | None:
        """Accuracy gap of that plan to the diagnosed one."""
        remedy = self._find_remedy()
        return remedy[2] if remedy else None

    @property
    def negative_transfer_set(self) -> pd.DataFrame | None:
        """Negative-transfer set: images that training from scratch classifies correctly and the plan does not."""
        return self.controls.negative_transfer_set if self.controls else None

    @property
    def frame(self) -> pd.DataFrame:
        """Findings as a frame: cause, confidence, summary, gain, low, high, status."""
        names = [finding.cause for finding in self.findings]
        rows = self.cause_table.set_index("cause").loc[names].reset_index()
        return rows[["cause", "confidence", "summary", "gain", "low", "high", "status"]]

    @check_arguments
    def to_dict(self) -> dict[str, Any]:
        """Return everything but images and arrays, ready for JSON."""
        from workbench.diagnosis.report.serialization import to_plain_dict

        return to_plain_dict(self)

    @check_arguments
    def report(self, file: str | os.PathLike[str], n_images: Annotated[int, Range(0, 1000)] = 8) -> Path:
        """Write the diagnosis as one HTML file that can be read without a kernel or a network.

        Args:
            file: path such as "out.html"; an existing file is overwritten.
            n_images: images of the negative-transfer set, each with saliency maps of both nets; 0 omits them.

        Raises:
            BadData: the file cannot be written.
        """
        from workbench.diagnosis.report.html_report import write_report

        return write_report(self, file, n_images)

    @check_arguments
    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Save the diagnosis in a folder; `Diagnosis.open` opens it again."""
        from workbench.diagnosis.report.serialization import save_diagnosis

        return save_diagnosis(self, Path(folder))

    @staticmethod
    @check_arguments
    def open(folder: str | os.PathLike[str]) -> Diagnosis:
        """Open a diagnosis that was saved in a folder.

        Raises:
            UnknownName: there is none.
            BadData: it is damaged.
        """
        from workbench.diagnosis.report.serialization import open_diagnosis

        return open_diagnosis(folder)

    @escape_returned_text
    def __str__(self) -> str:
        items = [(f"{i}. ", finding) for i, finding in enumerate(self.findings, 1)]
        parts = [("", self.verdict), *items, *(("- ", note) for note in self.notes)]
        return "\n".join(_wrap_text(mark, str(text)) for mark, text in parts)

    def _find_remedy(self) -> tuple[str, Plan, AccuracyGap] | None:
        for finding in self.findings:
            if finding.trial and finding.trial.status == "confirmed":
                return finding.cause, finding.trial.plan, finding.trial.gain
        better = [name for name in self.controls.better_controls if name != RANDOM] if self.controls else []
        if not self.controls or not better:
            return None
        best, yours = (self.controls.correct_by_seed(name) for name in (better[0], YOURS))
        return better[0], build_control_plans(self.plan)[better[0]], accuracy_gap(best, yours, self.controls.level)

    def _describe_transfer(self) -> str:
        if self.controls is None:
            return f"{ANSWERS[self.answer]}."
        gap = self.controls.accuracy_gap()
        sentence = f"{ANSWERS[self.answer]}: {gap} against training from scratch, on {gap.n_images} images."
        better = [name for name in self.controls.better_controls if name != SCRATCH]
        return sentence + (f" Significantly better: {join_names(better)}." if better else "")

    def _describe_causes(self) -> str:
        if not self.findings:
            remedy = self._find_remedy()
            better = f" Another plan is better all the same: {remedy[0]}, which gains {remedy[2]}." if remedy else ""
            return f"No cause is likely.{better}"
        first = self.findings[0]
        likely = "Most likely" if first.confidence >= 0.8 else "Perhaps"
        gain = f"; fixing it gains {first.gain}" if first.trial and first.trial.status == "confirmed" else ""
        others = [f.cause for f in self.findings[1:]]
        return f"{likely} {first.problem} ({first.cause}){gain}." + (f" Also: {', '.join(others)}." if others else "")


def _wrap_text(mark: str, text: str) -> str:
    """Wrap text to the line width of notebooks, which would otherwise break lines within words."""
    wrapper = textwrap.TextWrapper(LINE_WIDTH, mark, " " * len(mark), break_long_words=False, break_on_hyphens=False)
    return wrapper.fill(text)


# answer on negative transfer -> beginning of a sentence
ANSWERS: Mapping[str, Any] = {
    "negative transfer": "There is negative transfer",
    "transfer helps": "There is no negative transfer, the transfer helps",
    "no difference": "There is no negative transfer and no gain from the transfer either",
    "not enough data to tell": "There are too few data to decide whether there is negative transfer",
    "nothing is transferred": "There is no transfer, because the backbone has no pretrained weights",
    "not asked": "Negative transfer was not tested",
}
