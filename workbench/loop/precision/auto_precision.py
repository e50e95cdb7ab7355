"""Precision of a run: as the plan sets it; for `auto` on a CPU, the faster one in a short timing trial."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from workbench import _paths
from workbench.loop import distributed
from workbench.loop.device import rank_and_world
from workbench.loop.freezing import freeze_all_but
from workbench.loop.precision.autocast import autocast_forward
from workbench.nets.net import Net
from workbench.nets.structure import hash_layers
from workbench.plan import Schedule
from workbench.tunings import MovingWeights

log = logging.getLogger("workbench")

DTYPES = {"fp32": None, "bf16": torch.bfloat16}  # dtypes of forward passes; None is that of the weights
SHORT_RUN_SECONDS = 20.0  # seconds; a trial costs more than it can save in a shorter training
MIN_SPEEDUP = 1.15  # smallest speedup for which bf16 is chosen
TRIAL_PIXELS = 2**18  # in a trial batch: enough for full utilization at any image size
TIMING_SECONDS = 1.0  # seconds of timed steps; a slow net gets one step per precision

TimedStep = Callable[[torch.dtype | None], float]


def choose_precision(
    schedule: Schedule, device: torch.device, net: Net, grid: Sequence[MovingWeights], steps: int, derivatives: int = 1
) -> str:
    """Choose the precision of a new run, `fp32` or `bf16`, the same on all its processes.

    On a CPU with bf16 units, `auto` times a few training steps of a copy of the net, unless the whole run is short. The
    measurement is kept on this machine, so that the same plan gets the same precision again.

    Args:
        grid: moving weights of each epoch; the epoch in which most weights move is timed.
        steps: updates of the run.
        derivatives: order of the strategy's derivatives; second derivatives need full precision.
    """
    choice = known_precision(schedule, device, derivatives)
    if choice is None and rank_and_world()[0] == 0:
        sizes = {name: parameter.numel() for name, parameter in net.named_parameters()}
        choice = compare_precisions(
            schedule, net, max(grid, key=lambda moving: sum(map(sizes.__getitem__, moving.names))), steps
        )
    return "bf16" if distributed.broadcast_answer("precision", choice) == "bf16" else "fp32"


def known_precision(schedule: Schedule, device: torch.device, derivatives: int = 1) -> str | None:
    """Return the precision if it is known without a trial, else None.

    Args:
        derivatives: order of the strategy's derivatives: half-precision kernels cannot be differentiated twice.
    """
    if derivatives > 1:
        if schedule.precision == "bf16":
            log.warning("fp32 instead of bf16: this strategy takes second derivatives")
        return "fp32"
    if schedule.precision != "auto":
        return schedule.precision
    if device.type == "cuda":
        with torch.cuda.device(device):
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return None if device.type == "cpu" and has_bf16_units() else "fp32"


def has_bf16_units() -> bool:
    """True if this CPU multiplies bf16 numbers in hardware, as far as torch reports it."""
    # private functions of torch that may disappear: then there is no trial
    queries = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(query() for query in queries if callable(query))


def compare_precisions(schedule: Schedule, net: Net, moving: MovingWeights, steps: int) -> str:
    """Return the faster precision, measured now or earlier; fp32 if the run is short or bf16 gains little."""
    key = trial_key(schedule, net, moving)
    known = read_trials().get(key, {})
    try:
        trial = measure_speedup(known, steps, lambda: make_timed_step(schedule, net, moving))
    except Exception as error:
        # an error of the computation itself is raised by the first step
        log.debug("no trial of bf16: %s", error)
        return "fp32"
    if trial != known:
        save_trial(key, trial)
    if steps * trial["seconds"] < SHORT_RUN_SECONDS:
        return "fp32"
    if trial["faster"] < MIN_SPEEDUP:
        log.info("fp32: bf16 is %.1fx as fast here in a short trial", trial["faster"])
        return "fp32"
    log.info("bf16, %.1fx faster here than fp32 in a short trial; precision='fp32' turns it off", trial["faster"])
    return "bf16"


def measure_speedup(known: Mapping[str, float], steps: int, begin: Callable[[], TimedStep]) -> dict[str, float]:
    """Measure the seconds of an update in fp32 and, unless the run is short, the speedup of bf16.

    Args:
        known: earlier measurements; they are added to, never changed, so that a plan's precision stays the same.
        begin: returns the step to time; called only if something must be measured.
    """
    trial = dict(known)
    if "faster" in trial or steps * trial.get("seconds", SHORT_RUN_SECONDS) < SHORT_RUN_SECONDS:
        return trial
    step = begin()
    first = step(None)  # includes set-up: an upper bound
    trial.setdefault("seconds", first if steps * first < SHORT_RUN_SECONDS else step(None))
    if steps * trial["seconds"] >= SHORT_RUN_SECONDS:
        trial["faster"] = time_speedup(step)
    return trial


def time_speedup(step: TimedStep) -> float:
    """Time steps in fp32 and bf16 and return the ratio of the fastest ones; 0 if the net does not compute in bf16."""
    try:
        step(torch.bfloat16)
    except Exception as error:
        log.info("this net does not compute in bf16: %s", error)
        return 0.0
    until, rounds = time.perf_counter() + TIMING_SECONDS, []
    while not rounds or time.perf_counter() < until:
        rounds.append((step(None), step(torch.bfloat16)))
    slow, fast = map(min, zip(*rounds, strict=True))
    return slow / fast


def make_timed_step(schedule: Schedule, net: Net, moving: MovingWeights) -> TimedStep:
    """Return a function that trains a step of a copy of `net` on random pixels and returns the seconds of an update."""
    with torch.random.fork_rng(devices=[]):
        double, size = copy.deepcopy(net), net.preprocessing.size
        freeze_all_but(double, moving, norms_in_eval=schedule.batch_norm == "eval")
        count = min(schedule.batch_size, max(8, TRIAL_PIXELS // size**2))
        x = torch.rand(count, 3, size, size).contiguous(memory_format=torch.channels_last)

    def step(dtype: torch.dtype | None) -> float:
        with torch.random.fork_rng(devices=[]):  # dropout draws
            began = time.perf_counter()
            with autocast_forward(torch.device("cpu"), dtype):
                loss = double(x).float().square().mean()
            loss.backward()
            took = time.perf_counter() - began
        double.zero_grad(set_to_none=True)
        return took * schedule.batch_size / count

    return step


def trial_key(schedule: Schedule, net: Net, moving: MovingWeights) -> str:
    """Return the key of a trial: all that its outcome depends on."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    processor = capabilities.get("cpu_name") or platform.processor() or platform.machine()
    stages = "".join("1" if rate > 0 else "0" for rate in moving.lr_multipliers)
    weights = sum(p.numel() for name, p in net.named_parameters() if name in moving.names)
    parts = [processor, f"torch {torch.__version__}", f"{torch.get_num_threads()} threads"]
    parts += [net.recipe.architecture, f"layers {hash_layers(net)}", f"{net.preprocessing.size} px"]
    parts += [f"batch {schedule.batch_size}", f"stages {stages}", f"{weights} weights", schedule.batch_norm]
    return ", ".join(parts)


def trials_path() -> Path:
    """Return the file of this machine's trials."""
    return _paths.workbench_home() / "cache" / "precision.json"


def read_trials() -> dict[str, dict[str, float]]:
    """Read all saved trials; empty if the file cannot be read."""
    try:
        trials = json.loads(trials_path().read_text())
    except (OSError, ValueError):
        return {}
    return trials if isinstance(trials, dict) else {}


def save_trial(key: str, found: Mapping[str, float]) -> None:
    """Save a trial; on a full or read-only disk it is skipped, and the next run measures again."""
    with contextlib.suppress(OSError):
        _paths.make_folder(trials_path().parent)
        _paths.write_file(trials_path(), json.dumps({**read_trials(), key: dict(found)}, indent=1))
