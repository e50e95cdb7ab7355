"""Training as an iterator of points, resumable at any step: `train()` takes a net, a tuning, a strategy and batches."""

from __future__ import annotations

import copy
import functools
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from workbench.argument_checks import check_arguments
from workbench.data.batches import Batches
from workbench.errors import RunFailed
from workbench.evaluation import NotFinite
from workbench.loop import device as devices
from workbench.loop import distributed
from workbench.loop.batch_feed import BatchFeed, show_batch
from workbench.loop.batch_sharing import share_batch, synchronize_modules
from workbench.loop.freezing import FrozenCheck, freeze_all_but, has_batch_norm
from workbench.loop.gradient_flow import check_gradients
from workbench.loop.loss_terms import StepLosses, average_loss_terms, sum_loss_terms
from workbench.loop.optimizer import GradientStepper, lr_schedule_factor, make_optimizer, set_learning_rates
from workbench.loop.precision import auto_precision
from workbench.loop.preparation import check_whole_batches, prepare_training, require_moving_weights
from workbench.loop.throughput import ThroughputMeter
from workbench.loop.updater import Updater
from workbench.loop.validation import validate_splits
from workbench.nets.net import Net
from workbench.plan import Schedule
from workbench.strategies import Examples, Strategy
from workbench.tunings import MovingWeights, Tuning

__all__ = ["Point", "Training", "train"]

log = logging.getLogger("workbench")

NO_BEST: dict[str, Any] = {"score": (-math.inf, -math.inf), "epoch": 0, "weights": None, "strategy": None}


@dataclass(frozen=True)
class Point:
    """Measurements at one step: `split` is train, valid or target; `values` holds loss terms, metrics and rates."""

    step: int
    epoch: float
    split: str
    values: dict[str, float] = field(default_factory=dict)

    @check_arguments
    def to_dict(self) -> dict[str, float | str]:
        """Return the point as one mapping, as `points.jsonl` stores it."""
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
    """Train `net` while its points are iterated: `for point in train(...)`; leaving the iteration stops the training.

    Everything is checked before this function returns, so that mistakes surface at the call.

    Args:
        tasks: batches of successive tasks; one task in ordinary transfer.
        seed: seed of everything random in a step.
        state: result of `Training.state_dict()`; the training resumes from it, bit for bit on a CPU.

    Raises:
        BadValue: no weight would move, the combination cannot train, or losses move no weight that they could improve.
    """
    training = Training(net, tuning, strategy, tasks, schedule, seed)
    if state is None:
        check_gradients(net, tuning, strategy, training.moving_weights, training.tasks[0], schedule, training.device)
        steps = training.steps
        training.set_precision(
            auto_precision.choose_precision(
                schedule, training.device, net, training.moving_weights, steps, strategy.derivatives
            )
        )
    else:
        training.load_state_dict(state)
    synchronize_modules([net, strategy], [batches.images for batches in training.tasks], training.step)
    return training


class Training(Iterator[Point]):
    """Training under way: an iterator of points, whose state can be taken between any two of them.

    Attributes:
        step: updates done, over all epochs and tasks; `steps` is their number at the end.
        task: position of the task under way; earlier ones are over, and the strategy's `end_task` was called for them.
        moving_weights: weights that may move, per epoch.
        frozen_check: hashes of the frozen tensors, before and after.
        selects_best: whether the best weights are selected at the end, not the last ones.
        best: score, epoch, weights and the strategy's state of the task's best validation so far.
        precision: precision of forward passes, fp32 or bf16; a resumed training uses that of its state.
        finished: whether the training has ended; the net then holds the weights that the schedule selects.
    """

    def __init__(
        self, net: Net, tuning: Tuning, strategy: Strategy, tasks: Sequence[Batches], schedule: Schedule, seed: int
    ) -> None:
        self.net, self.tuning, self.strategy = net, tuning, strategy
        self.tasks, self.schedule, self.seed = list(tasks), schedule, seed
        self.device, self.lr = devices.select_device(schedule), tuning.lr if schedule.lr is None else schedule.lr
        self.steps = sum(batches.steps for batches in self.tasks) * schedule.epochs
        self.step, self.validated_step, self.finished = 0, 0, False
        self.task, self._task_start = 0, 0  # `_task_start`: the step at which the task began
        self.best: dict[str, Any] = dict(NO_BEST)
        prepare_training(net, tuning, strategy, self.tasks[0], schedule, seed)
        self._uses_batch_statistics = schedule.batch_norm == "train" and has_batch_norm(net)
        self.moving_weights = require_moving_weights(net, tuning, schedule.epochs, strategy.frozen)
        self.lr_grid = [list(moving.lr_multipliers) for moving in self.moving_weights]
        self._norms_in_eval = schedule.batch_norm == "eval"
        self.selects_best = (strategy.select if schedule.select == "auto" else schedule.select) == "best"
        self.frozen_check = FrozenCheck(net, self.moving_weights, self._norms_in_eval)
        devices.set_cuda_options(self.device)
        net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        strategy.to(self.device)
        names = frozenset[str]().union(*(moving.names for moving in self.moving_weights))
        self.optimizer = make_optimizer(net, strategy, schedule, strategy.uses_weight_decay, names)
        stepper = GradientStepper(self.optimizer, schedule.clip_grad, self.device)
        self.update = Updater(net, strategy, stepper, None, self.tasks[0].lead_stream)
        self.set_precision(auto_precision.known_precision(schedule, self.device, strategy.derivatives) or "fp32")
        self._feed: BatchFeed | None = None
        self._points = self._iter_points()

    def __next__(self) -> Point:
        return next(self._points)

    @check_arguments
    def close(self) -> None:
        """Stop reading ahead, in a training that is left before its end."""
        self._points.close()  # type: ignore[attr-defined]

    @check_arguments
    def set_precision(self, precision: str) -> None:
        """Set the `precision` of forward passes, fp32 or bf16, from the next one on."""
        self.precision = precision
        self.autocast = self.update.autocast = auto_precision.DTYPES[precision]

    @check_arguments
    def state_dict(self) -> dict[str, Any]:
        """Return all that resuming needs, as tensors and plain data, which `torch.load(weights_only=True)` reads."""
        self.flush()  # activations used so far must be on disk when the training resumes
        plain = {"step": self.step, "validated": self.validated_step, "chunks": self.update.n_chunks}
        plain |= {"task": self.task, "began": self._task_start, "finished": self.finished}
        parts = {name: getattr(self, name).state_dict() for name in ("net", "strategy", "optimizer")}
        best = {**self.best, "strategy": share_unchanged(self.best["strategy"], parts["strategy"])}
        return {**plain, **parts, "proof": self.frozen_check.rows, "best": best, "precision": self.precision}

    @check_arguments
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from the result of `state_dict`."""
        self.strategy.load_state_dict(state["strategy"])
        if state.get("finished", False):
            self.strategy.finish(self.net)  # `finish` may have added tensors to the net, and the state holds them
        for name in ("net", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.validated_step, self.update.n_chunks = state["step"], state["validated"], state["chunks"]
        check_whole_batches(self.strategy, self.update.n_chunks)
        self.task, self._task_start = state.get("task", 0), state.get("began", 0)
        self.finished = state.get("finished", False)
        self.frozen_check.rows, self.best = copy.deepcopy(state["proof"]), {**NO_BEST, **copy.deepcopy(state["best"])}
        # older states have no precision: theirs is the one known without a trial
        self.set_precision(state.get("precision", self.precision))

    def _iter_points(self) -> Iterator[Point]:
        self._throughput = ThroughputMeter(self.step, self.steps)
        while self.task < len(self.tasks):
            yield from self._iter_epochs(self.tasks[self.task])
            self._end_task(self.tasks[self.task])
        self._finish()

    def _iter_epochs(self, batches: Batches) -> Iterator[Point]:
        for epoch, moving in enumerate(self.moving_weights):
            start = self._task_start + epoch * batches.steps
            # an epoch whose steps are done but which is not validated resumes with its validation
            if self.validated_step < start + batches.steps:
                yield from self._train_epoch(batches, epoch, moving, start)
            if self._is_out_of_patience(epoch + 1):
                break

    def _train_epoch(self, batches: Batches, epoch: int, moving: MovingWeights, start: int) -> Iterator[Point]:
        freeze_all_but(self.net, moving, norms_in_eval=self._norms_in_eval)
        self.strategy.train()
        if self.step == start:
            self.frozen_check.begin_epoch(epoch)
        rates = {stage.name: rate for stage, rate in zip(self.net.stages, moving.lr_multipliers, strict=True)}
        seen: StepLosses = []
        feed = self._get_feed(batches, moving)
        stream = feed.iter_epoch(epoch, self.step - start)
        try:
            for batch in stream:
                seen += self._train_step(feed, batch, rates, epoch, self.step - start)
                self.step += 1
                done = self.step - start
                if self._throughput.is_point_due(self.step) or done in (1, batches.steps):
                    yield self._make_point(seen, epoch + done / batches.steps, rates)
                    seen = []
        finally:
            stream.close()  # type: ignore[attr-defined]
        yield from self._validate(feed, epoch)

    def _get_feed(self, batches: Batches, moving: MovingWeights) -> BatchFeed:
        """Return the feed of the present batches, the same one while the same weights move."""
        feed = self._feed
        if feed is None or feed.batches is not batches or feed.phase != moving.phase:
            self.flush()
            feed = self._feed = BatchFeed(self.net, batches, self.schedule, moving, self.device, self.autocast)
        return feed

    @check_arguments
    def flush(self) -> None:
        """Write the cached activations of frozen layers to disk."""
        if self._feed is not None:
            self._feed.flush()

    def _train_step(
        self, feed: BatchFeed, batch: dict[str, Examples], rates: dict[str, float], epoch: int, step: int
    ) -> StepLosses:
        """Train on one batch; return no losses if too few of its images could be read."""
        batches, min_per_process = feed.batches, 2 if self._uses_batch_statistics else 1
        read_batch, min_per_batch = functools.partial(feed.read_batch, epoch, step), min(2, batches.n_images)
        share = share_batch(
            batch,
            read_batch,
            self.update.n_chunks,
            min_per_process=min_per_process,
            min_per_batch=min_per_batch,
            lead_stream=batches.lead_stream,
        )
        if share is None:
            return []
        self.update.n_chunks = share.n_chunks
        progress = (self.step + 0.5) / self.steps
        set_learning_rates(self.optimizer, rates, self.lr * lr_schedule_factor(self.schedule, progress))
        # the seed depends on the step alone, so that dropout is the same in a resumed run
        devices.seed_generators(self.device, self.seed * 1_000_003 + self.step * 64 + batches.rank)
        return [
            (
                self.update(share.batch, progress, share.n_images * batches.world_size / share.n_images_total),
                share.n_images,
            )
        ]

    def _make_point(self, seen: StepLosses, epoch: float, rates: dict[str, float]) -> Point:
        # over all processes, so that each of them detects a loss that is not finite
        sums = distributed.gather_answers("point", sum_loss_terms(seen))
        images = sum(count for _, count in sums)
        values, terms = average_loss_terms(sums)
        if not all(map(math.isfinite, terms.values())):
            raise self._divergence_error(", ".join(f"{name} {value:g}" for name, value in terms.items()))
        lr = self.lr * lr_schedule_factor(self.schedule, (self.step - 0.5) / self.steps)
        values |= {f"loss/{name}": value for name, value in terms.items()}
        values |= {f"rate/{stage}": lr * rate for stage, rate in rates.items()}
        values |= self._throughput.read(self.step, images)
        return Point(self.step, epoch, "train", {**values, "lr": lr, "memory_gb": devices.peak_memory_gb(self.device)})

    def _validate(self, feed: BatchFeed, epoch: int) -> Iterator[Point]:
        self.strategy.eval()  # its logits may use modules of its own
        try:
            results = validate_splits(
                self.net, self.strategy, feed.batches, self.device, self.autocast, feed.make_view_reader
            )
        except NotFinite as error:
            raise self._divergence_error(f"validation of epoch {epoch + 1}: {error}") from error
        if "valid" in results:
            self._keep_best(results["valid"], epoch + 1)
        self.validated_step = self.step
        self._throughput.restart()
        for split, values in results.items():
            yield Point(self.step, epoch + 1.0, split, values)

    def _keep_best(self, values: dict[str, float], epoch: int) -> None:
        score = (values["accuracy"], -values["loss"])
        if score > tuple(self.best["score"]):
            weights = self._copy_moving_weights() if self.selects_best else None
            strategy = copy_to_cpu(self.strategy.state_dict()) if self.selects_best else None
            self.best = {"score": score, "epoch": epoch, "weights": weights, "strategy": strategy}

    def _copy_moving_weights(self) -> dict[str, torch.Tensor]:
        """Copy the weights and statistics of every stage that moves in some epoch."""
        rates_by_stage = zip(*self.lr_grid, strict=True)
        names = {
            name
            for stage, rates in zip(self.net.stages, rates_by_stage, strict=True)
            if any(rates)
            for name in stage.tensor_names
        }
        return copy_to_cpu({name: tensor for name, tensor in self.net.state_dict().items() if name in names})

    def _divergence_error(self, what: str) -> RunFailed:
        return RunFailed(
            f"the loss is no longer a finite number at step {self.step} ({what}). The last good state is kept; "
            f"a lower learning rate usually helps, it was {self.lr:g}"
        )

    def _is_out_of_patience(self, epoch: int) -> bool:
        return bool(self.schedule.patience) and epoch - self.best["epoch"] >= self.schedule.patience

    def _end_task(self, batches: Batches) -> None:
        """End a task: call the strategy's `end_task`, then make the next task the present one."""
        with devices.fork_rng(self.device):
            devices.seed_generators(self.device, self.seed * 1_000_003 + self.step * 64)  # equal on all processes
            self.strategy.end_task(self.net, self._iter_plain_batches(batches))
        self.task, self._task_start = self.task + 1, self.validated_step
        if self.task < len(self.tasks):  # each task has its own best epoch
            self.best = dict(NO_BEST)

    def _iter_plain_batches(self, batches: Batches) -> Iterator[dict[str, Examples]]:
        self.net.eval()
        # whole batches on every process, so that the strategies' states are equal
        for batch in batches.as_single_process().iter_epoch(0):
            yield show_batch(batch, self.device, batches.size, "none")

    def _finish(self) -> None:
        self.flush()
        if not self.finished:
            if not self.frozen_check.finish(self.schedule.epochs):
                moved = ", ".join(str(row["stage"]) for row in self.frozen_check.rows if not row["unchanged"])
                log.error("frozen weights have changed in %s", moved)
            if self.best["weights"] is not None:
                self.net.load_state_dict(self.best["weights"], strict=False)
                self.strategy.load_state_dict(self.best["strategy"] or self.strategy.state_dict())
            self.strategy.eval()
            self.strategy.finish(self.net)
        self.net.requires_grad_(True).eval()
        self.finished = True


def copy_to_cpu(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copy a state to the CPU, so that further training does not change it."""
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def share_unchanged(
    saved: Mapping[str, torch.Tensor] | None, current: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor] | None:
    """Replace tensors of `saved` by those of `current` where equal (a teacher's), so that a file holds them once."""
    if saved is None:
        return None
    same = {name for name, tensor in saved.items() if name in current and torch.equal(current[name].cpu(), tensor)}
    return {name: current[name] if name in same else tensor for name, tensor in saved.items()}
