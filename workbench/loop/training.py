"""train(): a net, a tuning, a strategy and batches in; an iterator of points out, resumable at any step."""

from __future__ import annotations

import copy
import functools
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from workbench.arguments import check_arguments
from workbench.errors import RunFailed
from workbench.evaluation import NotFinite
from workbench.images.batches import Batches
from workbench.loop import device as devices
from workbench.loop import distributed, trial
from workbench.loop.clock import Clock
from workbench.loop.feed import Feed, shown
from workbench.loop.gradient_trial import check_gradients
from workbench.loop.loss_terms import Seen, averaged, summed
from workbench.loop.optimiser import Stepper, optimiser, set_rates, shape
from workbench.loop.phase import Proof, has_batch_norm, set_phase
from workbench.loop.preparation import check_whole, find_moving_epochs, prepare
from workbench.loop.sharing import begin_alike, shared
from workbench.loop.updater import Updater
from workbench.loop.validation import validate
from workbench.nets import Net
from workbench.plan import Schedule
from workbench.strategies import Examples, Strategy
from workbench.tunings import MovingWeights, Tuning

log = logging.getLogger("workbench")

NONE_YET: dict[str, Any] = {"score": (-math.inf, -math.inf), "epoch": 0, "weights": None, "strategy": None}


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
        BadValue: nothing would move, a combination that cannot train, or losses that move nothing they could improve.
    """
    training = Training(net, tuning, strategy, tasks, schedule, seed)
    if state is None:
        check_gradients(net, tuning, strategy, training.moving, training.tasks[0], schedule, training.place)
        steps = training.steps
        training.compute_in(trial.chosen(schedule, training.place, net, training.moving, steps, strategy.derivatives))
    else:
        training.load(state)
    begin_alike([net, strategy], [batches.images for batches in training.tasks], training.step)
    return training


class Training(Iterator[Point]):
    """A training under way: an iterator of points, whose state can be taken between any two of them.

    Attributes:
        step: updates done, over all epochs and tasks; `steps` is their number in the end.
        task: place of the task under way; those before it are over, and the strategy was told.
        moving: the weights that may move, epoch by epoch.
        proof: hashes of what is frozen before and after.
        best: score, epoch, weights and the strategy's state of the task's best validation so far.
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
        self.task, self._began = 0, 0  # and the step at which it began
        self.best: dict[str, Any] = dict(NONE_YET)
        prepare(net, tuning, strategy, self.tasks[0], schedule, seed)
        self._follows = schedule.batch_norm == "follow" and has_batch_norm(net)
        self.moving = find_moving_epochs(net, tuning, schedule.epochs, strategy.frozen)
        self.grid = [list(moving.rates) for moving in self.moving]
        self._norms_still = schedule.batch_norm == "still"
        self.proof = Proof(net, self.moving, self._norms_still)
        devices.tune(self.place)
        net.to(self.place, memory_format=torch.channels_last)  # type: ignore[call-overload]
        strategy.to(self.place)
        names = frozenset[str]().union(*(moving.names for moving in self.moving))
        self.optimizer = optimiser(net, strategy, schedule, strategy.decays, names)
        stepper = Stepper(self.optimizer, schedule.clip, self.place)
        self.update = Updater(net, strategy, stepper, None, self.tasks[0].lead)
        self.compute_in(trial.untried(schedule, self.place, strategy.derivatives) or "fp32")
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
        plain |= {"task": self.task, "began": self._began, "finished": self.finished}
        parts = {name: getattr(self, name).state_dict() for name in ("net", "strategy", "optimizer")}
        best = {**self.best, "strategy": share_unchanged(self.best["strategy"], parts["strategy"])}
        return {**plain, **parts, "proof": self.proof.rows, "best": best, "precision": self.precision}

    def load(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` gave."""
        self.strategy.load_state_dict(state["strategy"])
        if state.get("finished", False):
            self.strategy.finish(self.net)  # it may have added to the net, whose state this is
        for name in ("net", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.validated, self.update.chunks = state["step"], state["validated"], state["chunks"]
        check_whole(self.strategy, self.update.chunks)
        self.task, self._began = state.get("task", 0), state.get("began", 0)
        self.finished = state.get("finished", False)
        self.proof.rows, self.best = copy.deepcopy(state["proof"]), {**NONE_YET, **copy.deepcopy(state["best"])}
        # a state from before there were trials was computed in what needs none
        self.compute_in(state.get("precision", self.precision))

    def _run(self) -> Iterator[Point]:
        self._clock = Clock(self.step, self.steps)
        while self.task < len(self.tasks):
            yield from self._epochs(self.tasks[self.task])
            self._end_task(self.tasks[self.task])
        self._finish()

    def _epochs(self, batches: Batches) -> Iterator[Point]:
        for epoch, moving in enumerate(self.moving):
            start = self._began + epoch * batches.steps
            # an epoch whose steps are done but not validated goes on with its validation
            if self.validated < start + batches.steps:
                yield from self._epoch(batches, epoch, moving, start)
            if self._out_of_patience(epoch + 1):
                break

    def _epoch(self, batches: Batches, epoch: int, moving: MovingWeights, start: int) -> Iterator[Point]:
        set_phase(self.net, moving, norms_still=self._norms_still)
        self.strategy.train()
        if self.step == start:
            self.proof.watch(epoch)
        rates = {stage.name: rate for stage, rate in zip(self.net.stages, moving.rates, strict=True)}
        seen: Seen = []
        feed = self._fed(batches, moving)
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

    def _fed(self, batches: Batches, moving: MovingWeights) -> Feed:
        """What the batches are made of while the same weights move."""
        feed = self._feed
        if feed is None or feed.batches is not batches or feed.phase != moving.phase:
            self.flush()
            feed = self._feed = Feed(self.net, batches, self.schedule, moving, self.place, self.autocast)
        return feed

    def flush(self) -> None:
        """Puts on disk what was stored of frozen layers."""
        if self._feed is not None:
            self._feed.flush()

    def _step(self, feed: Feed, batch: dict[str, Examples], rates: dict[str, float], epoch: int, place: int) -> Seen:
        """One batch; nothing where too few of its images could be read."""
        batches, fewest = feed.batches, 2 if self._follows else 1
        again, least = functools.partial(feed.again, epoch, place), min(2, batches.count)
        share = shared(batch, again, self.update.chunks, fewest=fewest, least=least, lead=batches.lead)
        if share is None:
            return []
        self.update.chunks = share.chunks
        progress = (self.step + 0.5) / self.steps
        set_rates(self.optimizer, rates, self.lr * shape(self.schedule, progress))
        # seeded by the step alone: a resumed step draws the same dropout as an uninterrupted one
        devices.seed(self.place, self.seed * 1_000_003 + self.step * 64 + batches.rank)
        return [(self.update(share.batch, progress, share.count * batches.world / share.whole), share.count)]

    def _point(self, seen: Seen, epoch: float, rates: dict[str, float]) -> Point:
        # of all processes, so that each of them sees a loss that is no longer finite
        found = distributed.gather("point", summed(seen))
        images = sum(count for _, count in found)
        values, terms = averaged(found)
        if not all(map(math.isfinite, terms.values())):
            raise self._diverged(", ".join(f"{name} {value:g}" for name, value in terms.items()))
        lr = self.lr * shape(self.schedule, (self.step - 0.5) / self.steps)
        values |= {f"loss/{name}": value for name, value in terms.items()}
        values |= {f"rate/{stage}": lr * rate for stage, rate in rates.items()}
        values |= self._clock.read(self.step, images)
        return Point(self.step, epoch, "train", {**values, "lr": lr, "memory_gb": devices.memory_gb(self.place)})

    def _validate(self, feed: Feed, epoch: int) -> Iterator[Point]:
        self.strategy.eval()  # it may answer with modules of its own
        try:
            results = validate(self.net, self.strategy, feed.batches, self.place, self.autocast, feed.reading)
        except NotFinite as error:
            raise self._diverged(f"validation of epoch {epoch + 1}: {error}") from error
        if "valid" in results:
            self._keep_best(results["valid"], epoch + 1)
        self.validated = self.step
        self._clock.restart()
        for split, values in results.items():
            yield Point(self.step, epoch + 1.0, split, values)

    def _keep_best(self, values: dict[str, float], epoch: int) -> None:
        score = (values["accuracy"], -values["loss"])
        if score > tuple(self.best["score"]):
            kept = self.schedule.keep == "best"
            weights = self._moving_weights() if kept else None
            strategy = copied(self.strategy.state_dict()) if kept else None
            self.best = {"score": score, "epoch": epoch, "weights": weights, "strategy": strategy}

    def _moving_weights(self) -> dict[str, torch.Tensor]:
        """A copy of the weights and statistics of every stage that moves in some epoch."""
        courses = zip(*self.grid, strict=True)
        names = {
            name for stage, rates in zip(self.net.stages, courses, strict=True) if any(rates) for name in stage.tensors
        }
        return copied({name: tensor for name, tensor in self.net.state_dict().items() if name in names})

    def _diverged(self, what: str) -> RunFailed:
        return RunFailed(
            f"the loss is no longer a finite number at step {self.step} ({what}). The last good state is kept; "
            f"a lower learning rate usually helps, it was {self.lr:g}"
        )

    def _out_of_patience(self, epoch: int) -> bool:
        return bool(self.schedule.patience) and epoch - self.best["epoch"] >= self.schedule.patience

    def _end_task(self, batches: Batches) -> None:
        """Lets the strategy keep what it needs of a task that is over; the next one is under way then."""
        with devices.forked(self.place):
            devices.seed(self.place, self.seed * 1_000_003 + self.step * 64)  # the same on all processes
            self.strategy.end_task(self.net, self._plain(batches))
        self.task, self._began = self.task + 1, self.validated
        if self.task < len(self.tasks):  # the best epoch of one task is not that of the next
            self.best = dict(NONE_YET)

    def _plain(self, batches: Batches) -> Iterator[dict[str, Examples]]:
        self.net.eval()
        # whole batches on every process, so that what the strategy keeps is the same
        for drawn in batches.alone().epoch(0):
            yield shown(drawn, self.place, batches.size, "none")

    def _finish(self) -> None:
        self.flush()
        if not self.finished:
            if not self.proof.finish(self.schedule.epochs):
                moved = ", ".join(str(row["stage"]) for row in self.proof.rows if not row["unchanged"])
                log.error("weights said to be frozen have changed, in %s", moved)
            if self.best["weights"] is not None:
                self.net.load_state_dict(self.best["weights"], strict=False)
                self.strategy.load_state_dict(self.best["strategy"] or self.strategy.state_dict())
            self.strategy.eval()
            self.strategy.finish(self.net)
        self.net.requires_grad_(True).eval()
        self.finished = True


def copied(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A copy of a state on the CPU, which further training does not change."""
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def share_unchanged(
    kept: Mapping[str, torch.Tensor] | None, now: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor] | None:
    """`kept`, with what has not changed since (a teacher) given as the tensors of `now`: a file holds them once."""
    if kept is None:
        return None
    same = {name for name, tensor in kept.items() if name in now and torch.equal(now[name].cpu(), tensor)}
    return {name: now[name] if name in same else tensor for name, tensor in kept.items()}
