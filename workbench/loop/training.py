"""train(): a net, a tuning, a strategy and batches in; an iterator of points out, resumable at any step."""

from __future__ import annotations

import copy
import functools
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from workbench.arguments import check_arguments
from workbench.errors import BadValue, RunFailed
from workbench.images.batches import Batches
from workbench.loop import device as devices
from workbench.loop import distributed, trial
from workbench.loop.clock import Clock
from workbench.loop.feed import Feed, phase, shown
from workbench.loop.optimiser import Stepper, optimiser, set_rates, shape
from workbench.loop.phase import Proof, has_batch_norm, set_phase
from workbench.loop.sharing import begin_alike, shared
from workbench.loop.updater import Updater
from workbench.loop.validation import validate
from workbench.nets import Net
from workbench.plan import Schedule
from workbench.strategies import Examples, Losses, Strategy, Target
from workbench.tunings import Tuning

log = logging.getLogger("workbench")

Seen = list[tuple[Losses, int]]  # loss terms since the last point, and the images they are from


@dataclass(frozen=True)
class Point:
    """What was measured: `split` is train, valid or target; `values` holds loss terms, metrics and rates."""

    step: int
    epoch: float
    split: str
    values: dict[str, float] = field(default_factory=dict)

    def flat(self) -> dict[str, float | str]:
        """The point as one mapping, as `points.jsonl` holds it."""
        return {"step": self.step, "epoch": self.epoch, "split": self.split, **self.values}


@check_arguments
def train(
    net: Net,
    tuning: Tuning,
    strategy: Strategy,
    tasks: Sequence[Batches],
    schedule: Schedule,
    *,
    seed: int = 0,
    state: dict[str, Any] | None = None,
) -> Training:
    """Trains `net` while its points are read: `for point in train(...)`; leaving the loop stops it.

    Everything is checked before this returns, so that mistakes surface at the call.

    Args:
        tasks: the batches of one task after another; one in ordinary transfer.
        seed: of everything random in a step.
        state: what `Training.state()` gave; the training goes on from there, bit for bit on a CPU.

    Raises:
        BadValue: nothing would move, or a combination that cannot train.
    """
    training = Training(net, tuning, strategy, tasks, schedule, seed)
    if state is None:
        training.compute_in(
            trial.chosen(schedule, training.place, net, training.grid, training.eligible, training.steps)
        )
    else:
        training.load(state)
    begin_alike([net, strategy], [batches.images for batches in training.tasks], training.step)
    return training


class Training(Iterator[Point]):
    """A training under way: an iterator of points, whose state can be taken between any two of them.

    Attributes:
        step: updates done, over all epochs and tasks; `steps` is their number in the end.
        proof: hashes of frozen stages before and after.
        best: score, epoch and weights of the best validation so far.
        precision: of forward passes, fp32 or bf16; a resumed training computes in that of its state.
        finished: whether it ran to its end; the net then holds the weights that the schedule keeps.
    """

    def __init__(
        self, net: Net, tuning: Tuning, strategy: Strategy, tasks: Sequence[Batches], schedule: Schedule, seed: int
    ) -> None:
        self.net, self.tuning, self.strategy = net, tuning, strategy
        self.tasks, self.schedule, self.seed = list(tasks), schedule, seed
        self.place, self.lr = devices.device(schedule), tuning.lr if schedule.lr is None else schedule.lr
        self.steps = sum(batches.steps for batches in self.tasks) * schedule.epochs
        self.step, self.validated, self.finished = 0, 0, False
        self.proof = Proof()
        self.best: dict[str, Any] = {"score": (-math.inf, -math.inf), "epoch": 0, "weights": None}
        prepare(net, tuning, strategy, self.tasks[0], schedule, seed)
        self._follows = schedule.batch_norm == "follow" and has_batch_norm(net)
        self.eligible = {name: parameter.requires_grad for name, parameter in net.named_parameters()}
        self.grid = moving_grid(net, tuning, schedule.epochs)
        devices.tune(self.place)
        net.to(self.place, memory_format=torch.channels_last)  # type: ignore[call-overload]
        strategy.to(self.place)
        self.optimizer = optimiser(net, strategy, schedule, strategy.decays)
        self.update = Updater(net, strategy, Stepper(self.optimizer, schedule.clip, self.place), None)
        self.compute_in(trial.untried(schedule, self.place) or "fp32")
        self._feed: Feed | None = None
        self._points = self._run()

    def __next__(self) -> Point:
        return next(self._points)

    def close(self) -> None:
        """Ends the reading ahead of a training that is left before its end."""
        self._points.close()  # type: ignore[attr-defined]

    def compute_in(self, precision: str) -> None:
        """Lets forward passes run in `precision`, fp32 or bf16, from the next on."""
        self.precision = precision
        self.autocast = self.update.autocast = trial.DTYPES[precision]

    def state(self) -> dict[str, Any]:
        """All that a resumed training needs, as tensors and plain data (`torch.load(weights_only=True)` reads it)."""
        self.flush()  # what the steps so far were made of must be there when they are gone on from
        plain = {"step": self.step, "validated": self.validated, "chunks": self.update.chunks}
        parts = {name: getattr(self, name).state_dict() for name in ("net", "strategy", "optimizer")}
        return {**plain, **parts, "proof": self.proof.rows, "best": self.best, "precision": self.precision}

    def load(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave."""
        for name in ("net", "strategy", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.validated, self.update.chunks = state["step"], state["validated"], state["chunks"]
        self.proof.rows, self.best = copy.deepcopy(state["proof"]), copy.deepcopy(state["best"])
        # a state from before there were trials was computed in what needs none
        self.compute_in(state.get("precision", self.precision))

    def _run(self) -> Iterator[Point]:
        self._clock = Clock(self.step, self.steps)
        start = 0
        for index, batches in enumerate(self.tasks):
            for epoch, rates in enumerate(self.grid):
                end = start + batches.steps
                # an epoch whose steps are done but not validated goes on with its validation
                if self.validated < end:
                    yield from self._epoch(batches, epoch, rates, start)
                start = end
                if self._out_of_patience(epoch + 1):
                    break
            if index + 1 < len(self.tasks):
                self.strategy.end_task(self.net, self._plain(batches))
        self._finish()

    def _epoch(self, batches: Batches, epoch: int, rates: list[float], start: int) -> Iterator[Point]:
        set_phase(self.net, rates, self.eligible, norms_still=self.schedule.batch_norm == "still")
        self.strategy.train()
        if self.step == start:
            self.proof.watch(self.net, rates, epoch)
        seen: Seen = []
        feed = self._fed(batches, rates)
        stream = feed.epoch(epoch, self.step - start)
        try:
            for batch in stream:
                seen += self._step(feed, batch, rates, epoch, self.step - start)
                self.step += 1
                done = self.step - start
                if self._clock.due(self.step) or done in (1, batches.steps):
                    yield self._point(seen, epoch + done / batches.steps, rates)
                    seen = []
        finally:
            stream.close()  # type: ignore[attr-defined]
        yield from self._validate(feed, epoch)

    def _fed(self, batches: Batches, rates: list[float]) -> Feed:
        """What the batches are made of while the same stages move."""
        feed = self._feed
        if feed is None or feed.batches is not batches or feed.phase != phase(rates):
            self.flush()
            feed = self._feed = Feed(self.net, batches, self.schedule, rates, self.place, self.autocast)
        return feed

    def flush(self) -> None:
        """Puts on disk what was stored of frozen layers."""
        if self._feed is not None:
            self._feed.flush()

    def _step(self, feed: Feed, batch: dict[str, Examples], rates: list[float], epoch: int, place: int) -> Seen:
        """One batch; nothing where too few of its images could be read."""
        batches, fewest = feed.batches, 2 if self._follows else 1
        again, least = functools.partial(feed.again, epoch, place), min(2, batches.count)
        share = shared(batch, again, self.update.chunks, fewest=fewest, least=least)
        if share is None:
            return []
        self.update.chunks = share.chunks
        progress = (self.step + 0.5) / self.steps
        multipliers = {stage.name: rate for stage, rate in zip(self.net.stages, rates, strict=True)}
        set_rates(self.optimizer, multipliers, self.lr * shape(self.schedule, progress))
        # seeded by the step alone: a resumed step draws the same dropout as an uninterrupted one
        devices.seed(self.place, self.seed * 1_000_003 + self.step * 64 + batches.rank)
        return [(self.update(share.batch, progress, share.count * batches.world / share.whole), share.count)]

    def _point(self, seen: Seen, epoch: float, rates: list[float]) -> Point:
        own = {n: float(sum(losses[n] * count for losses, count in seen)) for n in (seen[0][0] if seen else ())}
        # of all processes, so that each of them sees a loss that is no longer finite
        found = distributed.gather("point", (own, sum(count for _, count in seen)))
        images = sum(count for _, count in found)
        terms = {n: sum(sums.get(n, 0.0) for sums, _ in found) / images for n in own}
        if not all(map(math.isfinite, terms.values())):
            listed = ", ".join(f"{name} {value:g}" for name, value in terms.items())
            raise RunFailed(
                f"the loss is no longer a finite number at step {self.step} ({listed}). The last good state is kept; "
                f"a lower learning rate usually helps, it was {self.lr:g}"
            )
        lr = self.lr * shape(self.schedule, (self.step - 0.5) / self.steps)
        values = {"loss": sum(terms.values())} if terms else {}
        values |= {f"loss/{name}": value for name, value in terms.items()}
        values |= {f"rate/{stage.name}": lr * rate for stage, rate in zip(self.net.stages, rates, strict=True)}
        values |= self._clock.read(self.step, images)
        return Point(self.step, epoch, "train", {**values, "lr": lr, "memory_gb": devices.memory_gb(self.place)})

    def _validate(self, feed: Feed, epoch: int) -> Iterator[Point]:
        results = validate(self.net, self.strategy, feed.batches, self.place, self.autocast, feed.reading)
        if "valid" in results:
            self._keep_best(results["valid"], epoch + 1)
        self.validated = self.step
        self._clock.restart()
        for split, values in results.items():
            yield Point(self.step, epoch + 1.0, split, values)

    def _keep_best(self, values: dict[str, float], epoch: int) -> None:
        score = (values["accuracy"], -values["loss"])
        if score > tuple(self.best["score"]):
            weights = self._moving_weights() if self.schedule.keep == "best" else None
            self.best = {"score": score, "epoch": epoch, "weights": weights}

    def _moving_weights(self) -> dict[str, torch.Tensor]:
        """A copy of the weights and statistics of every stage that moves in some epoch."""
        courses = zip(*self.grid, strict=True)
        names = {
            name for stage, rates in zip(self.net.stages, courses, strict=True) if any(rates) for name in stage.tensors
        }
        return {name: t.detach().cpu().clone() for name, t in self.net.state_dict().items() if name in names}

    def _out_of_patience(self, epoch: int) -> bool:
        return bool(self.schedule.patience) and epoch - self.best["epoch"] >= self.schedule.patience

    def _plain(self, batches: Batches) -> Iterator[dict[str, Examples]]:
        self.net.eval()
        # whole batches on every process, so that what the strategy keeps is the same
        for drawn in batches.alone().epoch(0):
            yield shown(drawn, self.place, batches.size, "none")

    def _finish(self) -> None:
        self.flush()
        if not self.proof.finish(self.net, self.schedule.epochs):
            moved = ", ".join(str(row["stage"]) for row in self.proof.rows if not row["unchanged"])
            log.error("stages said to be frozen have changed: %s", moved)
        if self.best["weights"] is not None:
            self.net.load_state_dict(self.best["weights"], strict=False)
        self.net.requires_grad_(True).eval()
        self.finished = True


def prepare(net: Net, tuning: Tuning, strategy: Strategy, batches: Batches, schedule: Schedule, seed: int) -> None:
    """Grafts, freezes and makes the strategy's state, with its own random numbers; refuses what cannot train.

    Raises:
        BadValue: labels that the strategy cannot read, other classes, or batch norm over single images.
    """
    images = batches.images
    if images.kind not in strategy.kinds:
        raise BadValue(
            f"the strategy {strategy.name} reads {' or '.join(strategy.kinds)}; these images hold {images.kind}"
        )
    if net.classes is not None and tuple(net.classes) != tuple(images.classes):
        raise BadValue(
            f"the net answers with {len(net.classes)} classes, {images.name} has {len(images.classes)}, not all the "
            "same; give the net a head for them: wb.load(name, classes=images.classes)"
        )
    if min(schedule.batch_size, batches.count) < 2 and has_batch_norm(net) and schedule.batch_norm == "follow":
        raise BadValue("batch norm needs at least two images a batch: raise batch_size, or say batch_norm='still'")
    strategy.target = Target(images.kind, tuple((name, len(classes)) for name, classes in images.tasks.items()))
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tuning.apply(net)
        strategy.prepare(net)


def moving_grid(net: Net, tuning: Tuning, epochs: int) -> list[list[float]]:
    """The rates of every epoch.

    Raises:
        BadValue: nothing moves in any of them.
    """
    grid = [tuning.rates(net, epoch / epochs) for epoch in range(epochs)]
    if not any(rate > 0 for rates in grid for rate in rates):
        raise BadValue(f"nothing moves under the tuning {tuning.name}: every stage is frozen in every epoch")
    return grid
