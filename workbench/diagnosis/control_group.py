"""Is there negative transfer? A plan held against controls on the same images, with seeds and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from workbench.arguments import check_arguments
from workbench.diagnosis import control_plans as named
from workbench.diagnosis.experiments import Experiments, Outcome
from workbench.diagnosis.gaps import Gap, gap, gaps_by_class
from workbench.diagnosis.progress import Bar
from workbench.errors import BadData, BadValue, UnknownName, listed, printable_text
from workbench.forms import Range
from workbench.plan import Plan

if TYPE_CHECKING:
    import pandas as pd

    from workbench.images import Images

FEWEST = 20  # held-out images below which nothing is said
NARROW = (
    0.04  # half an interval's width: below it, an interval around zero means that there is no difference to speak of
)
VERDICTS = ("negative transfer", "transfer helps", "no difference", "not enough data to tell")


@dataclass(frozen=True)
class Controls:
    """A plan and its controls on the same held-out images.

    Attributes:
        outcomes: by control, one a seed; "your plan" first.
        classes: the K names.
        level: of the intervals.
    """

    outcomes: Mapping[str, tuple[Outcome, ...]]
    classes: tuple[str, ...]
    level: float = 0.95

    def right(self, name: str) -> np.ndarray:
        """Right or wrong, (seeds, N) bool."""
        return np.stack([outcome.right for outcome in self.outcomes[name]])

    def gap(self, control: str = named.SCRATCH) -> Gap:
        """Your plan less a control."""
        return gap(self.right(named.YOURS), self.right(control), self.level)

    @property
    def frame(self) -> pd.DataFrame:
        """A row a way: name, accuracy, gap (of your plan to it), low, high, p, seconds and runs."""
        import pandas as pd

        rows = []
        for name, outcomes in self.outcomes.items():
            apart = self.gap(name) if name != named.YOURS else None
            numbers = (apart.value, apart.low, apart.high, apart.p) if apart else (np.nan,) * 4
            accuracy = float(np.mean([o.accuracy for o in outcomes]))
            rows.append((name, accuracy, *numbers, sum(o.seconds for o in outcomes), [o.run for o in outcomes]))
        return pd.DataFrame(rows, columns=["name", "accuracy", "gap", "low", "high", "p", "seconds", "runs"])

    @property
    def verdict(self) -> str:
        """One of "negative transfer", "transfer helps", "no difference" and "not enough data to tell"."""
        found = self.gap()
        if found.images < FEWEST:
            return VERDICTS[3]
        if found.clear:
            return VERDICTS[0] if found.value < 0 else VERDICTS[1]
        return VERDICTS[2] if (found.high - found.low) / 2 <= NARROW else VERDICTS[3]

    @property
    def worse_than(self) -> tuple[str, ...]:
        """The controls that your plan is clearly behind, the furthest ahead first."""
        behind = {name: self.gap(name) for name in self.outcomes if name != named.YOURS}
        found = [name for name, apart in behind.items() if apart.high < 0]
        return tuple(sorted(found, key=lambda name: behind[name].value))

    @property
    def per_class(self) -> pd.DataFrame:
        """Your plan against training from scratch, a row a class: class, n, gap, low, high; the most harmed first."""
        import pandas as pd

        labels = self.outcomes[named.YOURS][0].labels
        found = gaps_by_class(self.right(named.YOURS), self.right(named.SCRATCH), labels, self.level)
        rows = [(self.classes[k], g.images, g.value, g.low, g.high) for k, g in enumerate(found) if g is not None]
        frame = pd.DataFrame(rows, columns=["class", "n", "gap", "low", "high"])
        return frame.sort_values("gap", kind="stable").reset_index(drop=True)

    @property
    def harmed(self) -> pd.DataFrame:
        """The negative-transfer set: images that training from scratch gets right in most seeds and your plan wrong.

        A row an image: id, row (of the held-out images), true, predicted, confidence, scratch (seeds right, a share).
        """
        import pandas as pd

        yours, scratch = self.outcomes[named.YOURS], self.right(named.SCRATCH).mean(0)
        rows = np.flatnonzero((scratch > 0.5) & (self.right(named.YOURS).mean(0) < 0.5))
        said = np.mean([o.probabilities for o in yours], axis=0)[rows]
        columns = {
            "id": yours[0].ids[rows],
            "row": rows,
            "true": [self.classes[k] for k in yours[0].labels[rows]],
            "predicted": [self.classes[k] for k in said.argmax(1)],
            "confidence": said.max(1),
            "scratch": scratch[rows],
        }
        return pd.DataFrame(columns).sort_values("confidence", ascending=False, kind="stable").reset_index(drop=True)

    @printable_text
    def __str__(self) -> str:
        found, worse = self.gap(), [name for name in self.worse_than if name != named.SCRATCH]
        told = f"{self.verdict}: {found} against training from scratch, on {found.images} images"
        return told + (f"; your plan is clearly behind {' and '.join(worse)}" if worse else "")


@check_arguments
def controls(
    plan: Plan,
    images: Images | None = None,
    *,
    seeds: Annotated[int, Range(1, 1000)] = 3,
    only: Sequence[str] | None = None,
    level: Annotated[float, Range(0.001, 0.999)] = 0.95,
    progress: bool = True,
) -> Controls:
    """Whether a transfer is worth having: the plan and its controls, trained and judged alike.

    The controls are the same architecture from scratch, random features, frozen features and a sound default plan;
    all have the plan's images, epochs and batches. Every training is a run that is kept: asked again, it is read.

    Wang et al. 2019, "Characterizing and avoiding negative transfer", arXiv:1811.09751, for the definition: transfer
    is negative where the same method does better without the source.

    Args:
        plan: what the person trains.
        images: with a training and a validation split; those of the plan unless given.
        seeds: trainings of each, at least 1; a single one cannot tell how much chance is in it.
        only: names of controls, to save time; "from scratch" always belongs to them.
        level: of the intervals, above 0 and below 1.
        progress: whether to show a bar.

    Raises:
        BadData: several labels an image, no validation images, or fewer than two classes.
        BadValue: seeds or controls that do not exist.
        RunFailed: a training failed.
    """
    from workbench.runs.assembly import open_images

    data = open_images(plan) if images is None else images
    checked(data, seeds)
    plans = chosen(named.controls_of(plan), only)
    with Bar(len(plans) * seeds, progress) as bar:
        experiments = Experiments(data, bar)
        outcomes: dict[str, list[Outcome]] = {name: [] for name in plans}
        for seed in range(seeds):  # seed by seed, so that a stop leaves every control with as many
            for name, one in plans.items():
                outcomes[name].append(experiments.outcome(one.but(seed=plan.seed + seed), f"{name}, seed {seed}"))
                bar.step()
    return Controls({name: tuple(found) for name, found in outcomes.items()}, tuple(data.classes), level)


def checked(data: Images, seeds: int) -> None:
    """Refuses what cannot be compared, before anything is trained."""
    if data.kind != "classes":
        raise BadData(f"controls are compared on one class an image; {data.name} holds {data.kind}")
    if not len(data.source.part("valid")):
        raise BadData(f"{data.name} has no validation images to judge by: open it with valid=0.2")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise BadValue(f"seeds is a whole number from 1 on; got {seeds!r}")


def chosen(plans: Mapping[str, Plan], only: Sequence[str] | None) -> Mapping[str, Plan]:
    """The plan, training from scratch, and the controls that are asked for."""
    for name in only or ():
        if name not in plans:
            raise UnknownName.of("control", name, plans, listed(plans))
    kept = {named.YOURS, named.SCRATCH, *(plans if only is None else only)}
    return {name: plan for name, plan in plans.items() if name in kept}
