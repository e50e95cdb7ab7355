"""Successive halving: close candidates are fine-tuned in rounds, and the worse half is dropped after each round."""

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

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.data.batches import Batches
from workbench.errors import BadData, BadValue, UnknownName, escape_returned_text
from workbench.evaluation import evaluate
from workbench.loop.training import train
from workbench.plan import SCHEDULE_FIELDS, Schedule
from workbench.ranking.backbone_specs import Backbones, BackboneSpec, parse_backbones
from workbench.ranking.resampling import draw_subset
from workbench.ranking.result import Ranking
from workbench.strategies import strategies
from workbench.tunings import tunings

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net

__all__ = ["HalvingResult", "successive_halving"]

MAX_VALIDATION_IMAGES = 500  # maximum number of validation images: evaluation takes time from training
MAX_EPOCHS = 500  # maximum number of epochs
SLICES_PER_ROUND = 8  # candidates alternate after 1/8 of their updates so far
CLEAR_Z = 1.96  # standard errors of the difference of two accuracies on the same images


@dataclass(frozen=True)
class HalvingResult:
    """Result of successive halving.

    Attributes:
        frame: one row per backbone and round: round, backbone, updates and epochs (cumulative), accuracy (0 to 1),
            true_class_probability (mean, breaks ties), seconds (of this round), advances (whether it goes on).
        order: backbones, best first: by the last round reached, then by accuracy.
        seconds: total time; `budget` is the time that was given.
        n_validation: number of validation images for each accuracy.
        stopped: whether it was stopped early.
    """

    frame: pd.DataFrame
    order: tuple[str, ...]
    seconds: float
    budget: float
    n_validation: int
    stopped: bool = False

    @property
    def winner(self) -> str:
        """Best backbone."""
        return self.order[0]

    @property
    def lead(self) -> tuple[float, bool]:
        """Lead of the winner over the second in the last round, in percentage points, and whether it is significant."""
        last = self.frame[self.frame["round"] == self.frame["round"].max()].set_index("backbone")["accuracy"]
        first, second = (float(last[name]) for name in self.order[:2])
        error = math.sqrt((first * (1 - first) + second * (1 - second)) / self.n_validation)
        return 100 * (first - second), first - second > CLEAR_Z * error

    @escape_returned_text
    def __str__(self) -> str:
        last = self.frame.set_index("backbone").loc[[self.winner]].iloc[-1]
        points, clear = self.lead
        doubt = "" if clear else f", not significant with {self.n_validation} validation images"
        won = "leads successive halving, which was stopped early" if self.stopped else "wins successive halving"
        return (
            f"{self.winner} {won}: {last['accuracy']:.1%} after {last['epochs']:.1f} epochs, "
            f"{points:.1f} points ahead of {self.order[1]}{doubt}; it took {self.seconds:.0f} s of {self.budget:g} s"
        )


@check_arguments
def successive_halving(
    backbones: Backbones | Ranking,
    images: Images,
    *,
    seconds: float = 60.0,
    tuning: Any = "full",
    seed: Seed = 0,
    progress: bool = True,
    callback: Callable[[float], bool] | None = None,
    **settings: Any,
) -> HalvingResult:
    """Fine-tune a few backbones within a time budget by successive halving.

    In each round all candidates train for the same number of updates, then the worse half is dropped; the others
    continue at a constant learning rate. The budget is divided equally among the rounds. Activations of frozen stages
    are computed once and cached, as in any run.

    Args:
        backbones: a `Ranking`, of which the contenders of its verdict are trained (the first two if it has a clear
            winner); or at least two backbones, as `rank_backbones` takes them.
        images: target images, with validation images.
        seconds: time budget, at least 1; loading the nets and the last evaluation are not included.
        tuning: which weights are trained.
        seed: seed of the new heads, the order of the images and their views.
        progress: whether to show a progress bar.
        callback: called repeatedly with the elapsed share of the budget, 0 to 1; if it returns False, training ends
            once all candidates have the same number of updates, and the result so far is returned.
        settings: fields of the schedule, such as `lr=1e-3` or `augment="flip"`; epochs, lr_schedule, warmup and select
            are fixed.

    Raises:
        BadValue: fewer than two backbones, a budget below a second, or a setting that is fixed.
        BadData: no validation images.
        WorkbenchError: a backbone that cannot be loaded, or images that it cannot be trained on.

    Source: Jamieson and Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization",
        arXiv:1502.07943.
    """
    from tqdm import tqdm

    specs = _select_specs(backbones)
    validation = _select_validation(images, seed)
    schedule = _make_schedule(seconds, settings)
    began = time.perf_counter()
    contenders = [_Contender(spec, images, tuning, schedule, seed) for spec in specs]
    started, total = time.perf_counter(), max(1, math.ceil(math.log2(len(contenders))))
    rows: list[dict[str, Any]] = []
    dropped: list[str] = []
    stopped = False

    def goes_on() -> bool:
        nonlocal stopped
        stopped = callback is not None and not callback(min(1.0, (time.perf_counter() - started) / seconds))
        return not stopped

    # standard output: notebooks show standard error as an error
    with tqdm(total=total, disable=not progress, unit="round", leave=False, file=sys.stdout) as bar:
        for number in range(1, total + 1):
            results = _run_round(contenders, validation, started + seconds * number / total, goes_on)
            ordered = sorted(
                contenders, key=lambda r: (-results[r.name]["accuracy"], -results[r.name]["true_class_probability"])
            )
            survivors = ordered[: math.ceil(len(ordered) / 2)]
            rows += [{"round": number, **results[r.name], "advances": r in survivors} for r in ordered]
            dropped = [r.name for r in ordered if r not in survivors] + dropped
            for contender in (r for r in ordered if r not in survivors):
                contender.training.close()
            contenders = survivors
            bar.update()
            if stopped:
                break
    for contender in contenders:
        contender.training.close()
    order = (*(contender.name for contender in contenders), *dropped)
    elapsed = time.perf_counter() - began
    return HalvingResult(pd.DataFrame(rows), order, elapsed, float(seconds), len(validation), stopped)


class _Contender:
    """Training of one candidate that is paused between rounds."""

    def __init__(self, spec: BackboneSpec, images: Images, tuning: Any, schedule: Schedule, seed: int) -> None:
        self.name = spec.name
        self.net: Net = copy.deepcopy(spec.load())
        self.net.reset_head(list(images.classes), seed=seed)
        view = self.net.preprocessing.view_options
        batches = Batches(
            images.source.subset("train"), ("labelled",), batch_size=schedule.batch_size, seed=seed, **view
        )
        methods = tunings.create(tuning), strategies.create("fine-tune")
        self.training = train(self.net, *methods, [batches], schedule, seed=seed)
        self.updates_per_epoch, self.seconds = batches.steps, 0.0

    @property
    def n_updates(self) -> int:
        """Number of updates so far."""
        return self.training.step

    def train_until(self, updates: int) -> None:
        """Train until that many updates, or to the next point after them."""
        began = time.perf_counter()
        while self.n_updates < updates and next(self.training, None) is not None:
            pass
        self.seconds += time.perf_counter() - began


def _run_round(
    contenders: list[_Contender], validation: Images, end: float, goes_on: Callable[[], bool]
) -> dict[str, dict[str, Any]]:
    """Train all candidates equally far, in slices, until another slice would end after `end`; then evaluate them."""
    before = {contender.name: contender.seconds for contender in contenders}
    goal = max(contender.n_updates for contender in contenders) + 1
    while True:
        began = time.perf_counter()
        for contender in contenders:
            contender.train_until(goal)
        now = time.perf_counter()
        # the machine may be shared: equal numbers of updates matter more than equal times
        if not goes_on() or now + (now - began) > end:
            break
        goal = max(*(contender.n_updates for contender in contenders), goal) + max(1, goal // SLICES_PER_ROUND)
    n_updates = max(contender.n_updates for contender in contenders)
    results = {}
    for contender in contenders:
        contender.train_until(n_updates)
        accuracy, probability = _evaluate_net(contender.net, validation)
        measures = {
            "updates": contender.n_updates,
            "epochs": contender.n_updates / contender.updates_per_epoch,
            "accuracy": accuracy,
            "true_class_probability": probability,
        }
        results[contender.name] = {
            "backbone": contender.name,
            **measures,
            "seconds": contender.seconds - before[contender.name],
        }
    return results


def _evaluate_net(net: Net, validation: Images) -> tuple[float, float]:
    """Return accuracy and mean probability of the true class, which breaks ties."""
    result = evaluate(net, validation, split=None)
    return result.accuracy, float(result.probabilities[np.arange(len(result.labels)), result.labels].mean())


def _select_specs(backbones: Any) -> list[BackboneSpec]:
    if isinstance(backbones, Ranking):
        names = backbones.verdict.contenders
        if len(names) < 2:
            names = tuple(backbones.frame["backbone"][: min(2, len(backbones.valid_results))])
        by_name = {s.name: s.backbone for s in backbones.valid_results}
        specs = [
            spec._replace(name=name)
            for name, spec in zip(names, parse_backbones([by_name[n] for n in names]), strict=True)
        ]
    else:
        specs = parse_backbones(backbones)
    if len(specs) < 2:
        raise BadValue(f"successive halving needs at least two backbones; got only {specs[0].name}")
    return specs


def _select_validation(images: Images, seed: int) -> Images:
    if images.kind != "classes":
        raise BadData(f"successive halving needs one class per image; {images.name} has {images.kind}")
    part = images.source.subset("valid")
    if not len(part):
        raise BadData(f"{images.name} has no validation images; load it with, for example, valid=0.2")
    return part.subset(rows=draw_subset(part.labels(), MAX_VALIDATION_IMAGES, seed))


def _make_schedule(seconds: Any, settings: dict[str, Any]) -> Schedule:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 1:
        raise BadValue(f"expected a budget of at least 1 second; got {seconds!r}")
    fixed = {"epochs": MAX_EPOCHS, "lr_schedule": "constant", "warmup": 0.0, "select": "last"}
    conflicts = [name for name in fixed if name in settings]
    if conflicts:
        raise BadValue(
            f"successive halving sets {', '.join(conflicts)} itself: it ends with its time budget, not after epochs"
        )
    for name in settings:
        if name not in SCHEDULE_FIELDS:
            raise UnknownName.of("setting of successive halving", name, SCHEDULE_FIELDS)
    return Schedule(**{**fixed, **settings})
