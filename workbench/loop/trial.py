"""The precision of a run: what its plan says; on `auto`, on a CPU, what a short trial there finds faster."""

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

from workbench import disk
from workbench.loop import distributed
from workbench.loop.device import rank_and_world
from workbench.loop.mixed import mixed
from workbench.loop.phase import set_phase
from workbench.nets import Net
from workbench.nets.structure import layers_hash
from workbench.plan import Schedule
from workbench.tunings import MovingWeights

log = logging.getLogger("workbench")

DTYPES = {"fp32": None, "bf16": torch.bfloat16}  # of forward passes; None is that of the weights
SHORT = 20.0  # seconds of training: what is over sooner, a trial cannot speed up by more than it costs
WORTH = 1.15  # times faster than fp32 that bf16 must be
PIXELS = 2**18  # in a trial batch: enough to keep the units busy, whatever the size of the images
ROUNDS = 1.0  # seconds of timed steps; a slow net gets one of each kind

Step = Callable[[torch.dtype | None], float]


def chosen(
    schedule: Schedule, place: torch.device, net: Net, grid: Sequence[MovingWeights], steps: int, derivatives: int = 1
) -> str:
    """The precision of a new run, `fp32` or `bf16`: the same on all of its processes.

    On a CPU with bf16 units, `auto` times a few training steps of a copy of the net, unless the whole run is short;
    what was measured is kept on this machine, so that the same plan computes in the same precision again.

    Args:
        grid: what moves in each epoch; the one in which most weights move is tried.
        steps: updates of the run.
        derivatives: how often the strategy differentiates; twice only in full precision.
    """
    choice = untried(schedule, place, derivatives)
    if choice is None and rank_and_world()[0] == 0:
        sizes = {name: parameter.numel() for name, parameter in net.named_parameters()}
        choice = raced(schedule, net, max(grid, key=lambda moving: sum(map(sizes.__getitem__, moving.names))), steps)
    return "bf16" if distributed.first("precision", choice) == "bf16" else "fp32"


def untried(schedule: Schedule, place: torch.device, derivatives: int = 1) -> str | None:
    """The precision where no trial is needed to know it; None where one would tell.

    Args:
        derivatives: how often the strategy differentiates: kernels in half precision cannot be differentiated twice.
    """
    if derivatives > 1:
        if schedule.precision == "bf16":
            log.warning("fp32 instead of bf16: this strategy takes second derivatives")
        return "fp32"
    if schedule.precision != "auto":
        return schedule.precision
    if place.type == "cuda":
        with torch.cuda.device(place):
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return None if place.type == "cpu" and bf16_units() else "fp32"


def bf16_units() -> bool:
    """Whether this CPU multiplies bf16 numbers in hardware, as far as torch can tell."""
    # private to torch, so their names may go: then there is no trial
    asked = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(ask() for ask in asked if callable(ask))


def raced(schedule: Schedule, net: Net, moving: MovingWeights, steps: int) -> str:
    """The faster precision, measured now or earlier; fp32 where the run is short or bf16 gains little."""
    key = called(schedule, net, moving)
    known = recall().get(key, {})
    try:
        found = measured(known, steps, lambda: rehearsal(schedule, net, moving))
    except Exception as error:
        # what does not compute at all is for the first step to tell
        log.debug("no trial of bf16: %s", error)
        return "fp32"
    if found != known:
        keep(key, found)
    if steps * found["seconds"] < SHORT:
        return "fp32"
    if found["faster"] < WORTH:
        log.info("fp32: bf16 is %.1fx as fast here in a short trial", found["faster"])
        return "fp32"
    log.info("bf16, %.1fx faster here than fp32 in a short trial; precision='fp32' turns it off", found["faster"])
    return "bf16"


def measured(known: Mapping[str, float], steps: int, begin: Callable[[], Step]) -> dict[str, float]:
    """Seconds of an update in fp32 and, unless the run is short, how many times faster bf16 is.

    Args:
        known: what was measured before; it is added to, never changed, so that a plan's choice stands.
        begin: gives the step to time, where there is anything to measure.
    """
    found = dict(known)
    if "faster" in found or steps * found.get("seconds", SHORT) < SHORT:
        return found
    step = begin()
    first = step(None)  # pays for set-up: an upper bound
    found.setdefault("seconds", first if steps * first < SHORT else step(None))
    if steps * found["seconds"] >= SHORT:
        found["faster"] = faster(step)
    return found


def faster(step: Step) -> float:
    """Time in fp32 over time in bf16, from the best step of each; 0 where the net does not compute in bf16."""
    try:
        step(torch.bfloat16)
    except Exception as error:
        log.info("this net does not compute in bf16: %s", error)
        return 0.0
    until, rounds = time.perf_counter() + ROUNDS, []
    while not rounds or time.perf_counter() < until:
        rounds.append((step(None), step(torch.bfloat16)))
    slow, fast = map(min, zip(*rounds, strict=True))
    return slow / fast


def rehearsal(schedule: Schedule, net: Net, moving: MovingWeights) -> Step:
    """A function that does a training step of a copy of `net` on random pixels, and gives an update's seconds."""
    with torch.random.fork_rng(devices=[]):
        double, size = copy.deepcopy(net), net.preprocessing.size
        set_phase(double, moving, norms_still=schedule.batch_norm == "still")
        count = min(schedule.batch_size, max(8, PIXELS // size**2))
        x = torch.rand(count, 3, size, size).contiguous(memory_format=torch.channels_last)

    def step(dtype: torch.dtype | None) -> float:
        with torch.random.fork_rng(devices=[]):  # dropout draws
            began = time.perf_counter()
            with mixed(torch.device("cpu"), dtype):
                loss = double(x).float().square().mean()
            loss.backward()
            took = time.perf_counter() - began
        double.zero_grad(set_to_none=True)
        return took * schedule.batch_size / count

    return step


def called(schedule: Schedule, net: Net, moving: MovingWeights) -> str:
    """What a trial is kept under: all that its outcome depends on."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    processor = capabilities.get("cpu_name") or platform.processor() or platform.machine()
    stages = "".join("1" if rate > 0 else "0" for rate in moving.rates)
    weights = sum(p.numel() for name, p in net.named_parameters() if name in moving.names)
    parts = [processor, f"torch {torch.__version__}", f"{torch.get_num_threads()} threads"]
    parts += [net.recipe.architecture, f"layers {layers_hash(net)}", f"{net.preprocessing.size} px"]
    parts += [f"batch {schedule.batch_size}", f"stages {stages}", f"{weights} weights", schedule.batch_norm]
    return ", ".join(parts)


def book() -> Path:
    """The file of this machine's trials."""
    return disk.home() / "cache" / "precision.json"


def recall() -> dict[str, dict[str, float]]:
    """All trials kept; none where the file cannot be read."""
    try:
        kept = json.loads(book().read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def keep(key: str, found: Mapping[str, float]) -> None:
    """Adds a trial to those kept; on a full or read-only disk the next run tries again."""
    with contextlib.suppress(OSError):
        disk.make_folder(book().parent)
        disk.write(book(), json.dumps({**recall(), key: dict(found)}, indent=1))
