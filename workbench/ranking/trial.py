"""The short trial: those that scores cannot part are fine-tuned for a little while, the worse half leaving early."""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue, UnknownName, printable_text
from workbench.evaluation import evaluate
from workbench.images.batches import Batches
from workbench.loop import train
from workbench.markers import Seed
from workbench.plan import SCHEDULE, Schedule
from workbench.ranking.asked import Asked, Backbones, asked
from workbench.ranking.draws import subset
from workbench.ranking.result import Ranking
from workbench.strategies import strategies
from workbench.tunings import tunings

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.nets import Net

JUDGES = 500  # validation images at most: what judging costs is taken from training
EPOCHS = 500  # at most
SLICES = 8  # all take turns after so large a part of the updates so far
CLEAR = 1.96  # standard errors of a difference of two shares of the same images


@dataclass(frozen=True)
class Trial:
    """What a short trial found.

    Attributes:
        frame: a row a backbone and round: round, backbone, updates and epochs (so far), accuracy (0..1), sure (mean
            probability of the true class, which parts equals), seconds (of this round), kept (whether it goes on).
        order: the backbones, the best first: by the round that they reached, then by accuracy.
        seconds: what it cost, all told; `budget` is what was given.
        judges: validation images that each accuracy is counted over.
        stopped: whether it was ended before its time.
    """

    frame: pd.DataFrame
    order: tuple[str, ...]
    seconds: float
    budget: float
    judges: int
    stopped: bool = False

    @property
    def winner(self) -> str:
        """The best."""
        return self.order[0]

    @property
    def lead(self) -> tuple[float, bool]:
        """Points that the winner was ahead of the second in the last round, and whether that is clear of chance."""
        last = self.frame[self.frame["round"] == self.frame["round"].max()].set_index("backbone")["accuracy"]
        first, second = (float(last[name]) for name in self.order[:2])
        error = math.sqrt((first * (1 - first) + second * (1 - second)) / self.judges)
        return 100 * (first - second), first - second > CLEAR * error

    @printable_text
    def __str__(self) -> str:
        last = self.frame.set_index("backbone").loc[[self.winner]].iloc[-1]
        points, clear = self.lead
        doubt = "" if clear else f", which {self.judges} validation images do not tell from chance"
        won = "is ahead in the short trial, which was stopped" if self.stopped else "wins the short trial"
        return (
            f"{self.winner} {won}: {last['accuracy']:.1%} after {last['epochs']:.1f} epochs, "
            f"{points:.1f} points ahead of {self.order[1]}{doubt}; it cost {self.seconds:.0f} s of {self.budget:g} s"
        )


@check_arguments
def short_trial(
    backbones: Backbones | Ranking,
    images: Images,
    *,
    seconds: float = 60.0,
    tuning: Any = "full",
    seed: Seed = 0,
    progress: bool = True,
    watch: Callable[[float], bool] | None = None,
    **settings: Any,
) -> Trial:
    """Fine-tunes a few backbones for as long as you give it, and tells which is ahead.

    Successive halving: in each round all get the same number of updates, then the worse half leaves; the others go on
    from where they are, at a constant rate. The time is parted evenly over the rounds. What the tuning leaves frozen
    is computed once and stored, as in any run.

    Jamieson and Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization",
    arXiv:1502.07943.

    Args:
        backbones: a `Ranking`, of which those are tried that its verdict lies among (the first two, where there is a
            clear winner); or backbones as `rank` takes them, two at least.
        images: the target's, with validation images.
        seconds: the budget, from 1; loading the nets and a last round of judging come on top.
        tuning: which weights move.
        seed: of the new heads, the order of the images and their views.
        progress: whether to show a bar.
        watch: called again and again with the share of the time that is over, 0 to 1; where it says False, the trial
            ends as soon as all have made the same number of updates, and what there is is judged.
        settings: fields of the schedule, such as `lr=1e-3` or `augment="flip"`; epochs, shape and warm-up are ours.

    Raises:
        BadValue: fewer than two backbones, a budget below a second, or a setting that a trial decides itself.
        BadData: no validation images.
        WorkbenchError: a backbone that cannot be loaded, or images that it cannot be trained on.
    """
    from tqdm import tqdm

    chosen = _among(backbones)
    judges = _judges(images, seed)
    schedule = _schedule(seconds, settings)
    began = time.perf_counter()
    runners = [_Runner(one, images, tuning, schedule, seed) for one in chosen]
    started, total = time.perf_counter(), max(1, math.ceil(math.log2(len(runners))))
    rows: list[dict[str, Any]] = []
    places: list[str] = []
    stopped = False

    def goes_on() -> bool:
        nonlocal stopped
        stopped = watch is not None and not watch(min(1.0, (time.perf_counter() - started) / seconds))
        return not stopped

    # on standard output: a notebook shows what comes on the other as if it were an error
    with tqdm(total=total, disable=not progress, unit="round", leave=False, file=sys.stdout) as bar:
        for number in range(1, total + 1):
            found = _round(runners, judges, started + seconds * number / total, goes_on)
            ordered = sorted(runners, key=lambda r: (-found[r.name]["accuracy"], -found[r.name]["sure"]))
            kept = ordered[: math.ceil(len(ordered) / 2)]
            rows += [{"round": number, **found[r.name], "kept": r in kept} for r in ordered]
            places = [r.name for r in ordered if r not in kept] + places
            for runner in (r for r in ordered if r not in kept):
                runner.training.close()
            runners = kept
            bar.update()
            if stopped:
                break
    for runner in runners:
        runner.training.close()
    order = (*(runner.name for runner in runners), *places)
    took = time.perf_counter() - began
    return Trial(pd.DataFrame(rows), order, took, float(seconds), len(judges), stopped)


class _Runner:
    """A training that is read as far as its turn goes, and read on in the next round."""

    def __init__(self, one: Asked, images: Images, tuning: Any, schedule: Schedule, seed: int) -> None:
        self.name = one.name
        self.net: Net = copy.deepcopy(one.load())
        self.net.new_head(list(images.classes), seed=seed)
        view = self.net.preprocessing.view_options
        batches = Batches(images.source.part("train"), ("labelled",), batch_size=schedule.batch_size, seed=seed, **view)
        made = tunings.make(tuning), strategies.make("fine-tune")
        self.training = train(self.net, *made, [batches], schedule, seed=seed)
        self.an_epoch, self.seconds = batches.steps, 0.0

    @property
    def done(self) -> int:
        """Updates so far."""
        return self.training.step

    def until(self, updates: int) -> None:
        """Goes on to that many updates, or to the next point beyond."""
        began = time.perf_counter()
        while self.done < updates and next(self.training, None) is not None:
            pass
        self.seconds += time.perf_counter() - began


def _round(
    runners: list[_Runner], judges: Images, end: float, goes_on: Callable[[], bool]
) -> dict[str, dict[str, Any]]:
    """All runners brought equally far, slice by slice, until another slice would end after `end`; then judged."""
    before = {runner.name: runner.seconds for runner in runners}
    goal = max(runner.done for runner in runners) + 1
    while True:
        began = time.perf_counter()
        for runner in runners:
            runner.until(goal)
        now = time.perf_counter()
        # the machine may serve others too: equal updates matter more than the time in which they were made
        if not goes_on() or now + (now - began) > end:
            break
        goal = max(*(runner.done for runner in runners), goal) + max(1, goal // SLICES)
    far = max(runner.done for runner in runners)
    found = {}
    for runner in runners:
        runner.until(far)
        accuracy, sure = _judged(runner.net, judges)
        told = {"updates": runner.done, "epochs": runner.done / runner.an_epoch, "accuracy": accuracy, "sure": sure}
        found[runner.name] = {"backbone": runner.name, **told, "seconds": runner.seconds - before[runner.name]}
    return found


def _judged(net: Net, judges: Images) -> tuple[float, float]:
    """Accuracy, and the mean probability given to the true class, which parts equals."""
    found = evaluate(net, judges, split=None)
    return found.accuracy, float(found.probabilities[np.arange(len(found.labels)), found.labels].mean())


def _among(backbones: Any) -> list[Asked]:
    if isinstance(backbones, Ranking):
        names = backbones.verdict.among
        if len(names) < 2:
            names = tuple(backbones.frame["backbone"][: min(2, len(backbones.done))])
        by_name = {s.name: s.backbone for s in backbones.done}
        chosen = [one._replace(name=name) for name, one in zip(names, asked([by_name[n] for n in names]), strict=True)]
    else:
        chosen = asked(backbones)
    if len(chosen) < 2:
        raise BadValue(f"a trial needs two backbones at least; there is {chosen[0].name} alone")
    return chosen


def _judges(images: Images, seed: int) -> Images:
    if images.kind != "classes":
        raise BadData(f"a trial needs one class an image; {images.name} holds {images.kind}")
    part = images.source.part("valid")
    if not len(part):
        raise BadData(f"{images.name} has no validation images to judge by; open it with valid=0.2 or so")
    return part.part(rows=subset(part.labels(), JUDGES, seed))


def _schedule(seconds: Any, settings: dict[str, Any]) -> Schedule:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 1:
        raise BadValue(f"the budget of a trial is in seconds, from 1; got {seconds!r}")
    ours = {"epochs": EPOCHS, "shape": "constant", "warmup": 0.0, "keep": "last"}
    taken = [name for name in ours if name in settings]
    if taken:
        raise BadValue(f"a trial decides {', '.join(taken)} itself: it ends with its time, not its epochs")
    for name in settings:
        if name not in SCHEDULE:
            raise UnknownName.of("setting of a trial", name, SCHEDULE)
    return Schedule(**{**ours, **settings})
