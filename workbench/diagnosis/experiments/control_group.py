"""Test for negative transfer: a plan compared with controls on the same images, with seeds and confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from workbench.argument_checks import check_arguments
from workbench.diagnosis.experiments import control_plans
from workbench.diagnosis.experiments.accuracy_gaps import AccuracyGap, accuracy_gap, accuracy_gap_per_class
from workbench.diagnosis.experiments.plan_outcomes import ExperimentRunner, Outcome
from workbench.diagnosis.experiments.progress_bar import ProgressBar
from workbench.errors import BadData, BadValue, UnknownName, describe_known_names, escape_returned_text
from workbench.formatting import join_names
from workbench.forms import Range
from workbench.plan import Plan

if TYPE_CHECKING:
    import pandas as pd

    from workbench.data.labeled_images import Images

__all__ = ["Controls", "fit_controls"]

MIN_IMAGES = 20  # held-out images below which there is no verdict
NARROW_HALF_WIDTH = 0.04  # half-width of an interval around zero, up to which the verdict is "no difference"
VERDICTS = ("negative transfer", "transfer helps", "no difference", "not enough data to tell")


@dataclass(frozen=True)
class Controls:
    """Outcomes of a plan and of its controls on the same held-out images.

    Attributes:
        outcomes: control name -> one outcome per seed; "your plan" comes first.
        classes: the K class names.
        level: confidence level of the intervals.
    """

    outcomes: Mapping[str, tuple[Outcome, ...]]
    classes: tuple[str, ...]
    level: float = 0.95

    @check_arguments
    def correct_by_seed(self, name: str) -> np.ndarray:
        """Return which images are classified correctly, (seeds, N) bool."""
        return np.stack([outcome.is_correct for outcome in self.outcomes[name]])

    @check_arguments
    def accuracy_gap(self, control: str = control_plans.SCRATCH) -> AccuracyGap:
        """Compute the accuracy gap: your plan minus a control."""
        return accuracy_gap(self.correct_by_seed(control_plans.YOURS), self.correct_by_seed(control), self.level)

    @property
    def frame(self) -> pd.DataFrame:
        """Frame with one row per plan: name, accuracy, gap (your plan minus it), low, high, p, seconds and runs."""
        import pandas as pd

        rows = []
        for name, outcomes in self.outcomes.items():
            gap = self.accuracy_gap(name) if name != control_plans.YOURS else None
            numbers = (gap.value, gap.low, gap.high, gap.p) if gap else (np.nan,) * 4
            accuracy = float(np.mean([o.accuracy for o in outcomes]))
            rows.append((name, accuracy, *numbers, sum(o.seconds for o in outcomes), [o.run for o in outcomes]))
        return pd.DataFrame(rows, columns=["name", "accuracy", "gap", "low", "high", "p", "seconds", "runs"])

    @property
    def verdict(self) -> str:
        """One of "negative transfer", "transfer helps", "no difference" and "not enough data to tell"."""
        gap = self.accuracy_gap()
        if gap.n_images < MIN_IMAGES:
            return VERDICTS[3]
        if gap.is_significant:
            return VERDICTS[0] if gap.value < 0 else VERDICTS[1]
        return VERDICTS[2] if (gap.high - gap.low) / 2 <= NARROW_HALF_WIDTH else VERDICTS[3]

    @property
    def better_controls(self) -> tuple[str, ...]:
        """Names of the controls that are significantly better than your plan, the best first."""
        gaps = {name: self.accuracy_gap(name) for name in self.outcomes if name != control_plans.YOURS}
        better = [name for name, gap in gaps.items() if gap.high < 0]
        return tuple(sorted(better, key=lambda name: gaps[name].value))

    @property
    def per_class(self) -> pd.DataFrame:
        """Accuracy gap to training from scratch, one row per class: class, n, gap, low, high; the most harmed first."""
        import pandas as pd

        labels = self.outcomes[control_plans.YOURS][0].labels
        gaps = accuracy_gap_per_class(
            self.correct_by_seed(control_plans.YOURS), self.correct_by_seed(control_plans.SCRATCH), labels, self.level
        )
        rows = [(self.classes[k], g.n_images, g.value, g.low, g.high) for k, g in enumerate(gaps) if g is not None]
        frame = pd.DataFrame(rows, columns=["class", "n", "gap", "low", "high"])
        return frame.sort_values("gap", kind="stable").reset_index(drop=True)

    @property
    def negative_transfer_set(self) -> pd.DataFrame:
        """Negative-transfer set: images that most seeds from scratch classify correctly and your plan does not.

        One row per image: id, row (index among the held-out images), true, predicted, confidence, scratch (fraction of
        seeds from scratch that are correct).
        """
        import pandas as pd

        yours, scratch = self.outcomes[control_plans.YOURS], self.correct_by_seed(control_plans.SCRATCH).mean(0)
        rows = np.flatnonzero((scratch > 0.5) & (self.correct_by_seed(control_plans.YOURS).mean(0) < 0.5))
        probabilities = np.mean([o.probabilities for o in yours], axis=0)[rows]
        columns = {
            "id": yours[0].ids[rows],
            "row": rows,
            "true": [self.classes[k] for k in yours[0].labels[rows]],
            "predicted": [self.classes[k] for k in probabilities.argmax(1)],
            "confidence": probabilities.max(1),
            "scratch": scratch[rows],
        }
        return pd.DataFrame(columns).sort_values("confidence", ascending=False, kind="stable").reset_index(drop=True)

    @escape_returned_text
    def __str__(self) -> str:
        gap, better = self.accuracy_gap(), [name for name in self.better_controls if name != control_plans.SCRATCH]
        text = f"{self.verdict}: {gap} against training from scratch, on {gap.n_images} images"
        return text + (f"; significantly better than your plan: {join_names(better)}" if better else "")


@check_arguments
def fit_controls(
    plan: Plan,
    images: Images | None = None,
    *,
    seeds: Annotated[int, Range(1, 1000)] = 3,
    only: Sequence[str] | None = None,
    level: Annotated[float, Range(0.001, 0.999)] = 0.95,
    progress: bool = True,
) -> Controls:
    """Train a plan and its controls alike and compare their accuracy, to see whether the transfer is worth having.

    The controls are the same architecture from scratch, random features, frozen features and a sound default plan;
    all use the plan's images, epochs and batch size. Every training is kept as a run: a second call reads it.

    Transfer is negative where the same method does better without the source, as defined by the paper below.

    Args:
        plan: plan of the user.
        images: images with a training and a validation split; default: those of the plan.
        seeds: trainings per plan, at least 1; a single seed cannot show the variation between seeds.
        only: names of the controls to train, to save time; "from scratch" is always included.
        level: confidence level of the intervals, above 0 and below 1.
        progress: show a progress bar.

    Raises:
        BadData: several labels per image, no validation images, or fewer than two classes.
        BadValue: a number of seeds that is out of range.
        UnknownName: a control that does not exist.
        RunFailed: a training failed.

    Source: Wang et al. 2019, "Characterizing and avoiding negative transfer", arXiv:1811.09751.
    """
    from workbench.runs.build import open_images

    data = open_images(plan) if images is None else images
    check_comparable(data, seeds)
    plans = select_plans(control_plans.build_control_plans(plan), only)
    with ProgressBar(len(plans) * seeds, progress) as bar:
        experiments = ExperimentRunner(data, bar)
        outcomes: dict[str, list[Outcome]] = {name: [] for name in plans}
        for seed in range(seeds):  # seeds in the outer loop: an interrupt leaves equally many per control
            for name, control in plans.items():
                control = control.replace(seed=plan.seed + seed)
                outcomes[name].append(experiments.run_plan(control, f"{name}, seed {seed}"))
                bar.step()
    return Controls({name: tuple(by_seed) for name, by_seed in outcomes.items()}, tuple(data.classes), level)


def check_comparable(data: Images, seeds: int) -> None:
    """Raise if the images or seeds do not allow a comparison, before anything is trained.

    Raises:
        BadData: several labels per image, or no validation images.
        BadValue: seeds that are not a whole number from 1 on.
    """
    if data.kind != "classes":
        raise BadData(f"controls need one class per image; {data.name} holds {data.kind}")
    if not len(data.source.subset("valid")):
        raise BadData(f"{data.name} has no validation images: open it with valid=0.2")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise BadValue(f"expected seeds to be a whole number of at least 1; got {seeds!r}")


def select_plans(plans: Mapping[str, Plan], only: Sequence[str] | None) -> Mapping[str, Plan]:
    """Select the plan, training from scratch, and the controls named in `only`.

    Raises:
        UnknownName: a control that does not exist.
    """
    for name in only or ():
        if name not in plans:
            raise UnknownName.of("control", name, plans, describe_known_names(plans))
    selected = {control_plans.YOURS, control_plans.SCRATCH, *(plans if only is None else only)}
    return {name: plan for name, plan in plans.items() if name in selected}
