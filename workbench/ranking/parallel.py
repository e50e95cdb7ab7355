"""Parallel scoring of backbones in processes, where it saves more time than starting the processes takes."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import joblib
import psutil

from workbench.ranking import score_table
from workbench.ranking.backbone_specs import BackboneSpec
from workbench.ranking.score_table import BackboneScores

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net
    from workbench.plan import Choice

# from the start of a process to its first forward pass, including imports of torch and timm
STARTUP_SECONDS = 15.0
BYTES_PER_PROCESS = 2e9  # bytes of memory reserved per process
MAX_PROCESSES = 8
IDLE_TIMEOUT = 5  # seconds after which an idle process ends

log = logging.getLogger("workbench")


def choose_process_count(
    requested: int | None, remaining: Sequence[BackboneSpec], first: BackboneScores | None, device: str
) -> int:
    """Choose the number of processes; 1 means to stay in this process.

    A forward pass already uses all threads, so parallel processes save only the time of the scores, which is known
    after the first backbone. Nets in memory, and nets on a GPU, are scored in this process.

    Args:
        requested: number of processes set by the caller; None chooses it by the expected gain.
        remaining: backbones that have not been scored yet.
        first: result of the first backbone, with its timing.
        device: device of the nets.
    """
    if device != "cpu" or not all(spec.is_named for spec in remaining):
        return 1
    room = int(psutil.virtual_memory().available / BYTES_PER_PROCESS)
    count = max(
        1, min(len(remaining), room, min(MAX_PROCESSES, joblib.cpu_count()) if requested is None else requested)
    )
    if requested is not None or count == 1:
        return count
    gain = (first.seconds - first.forward_seconds if first else 0.0) * (
        len(remaining) - math.ceil(len(remaining) / count)
    )
    return count if gain > STARTUP_SECONDS else 1


def score_in_processes(
    remaining: Sequence[BackboneSpec], n_processes: int, arguments: tuple[Images, Sequence[str], int, int, Any]
) -> Iterator[BackboneScores]:
    """Yield the result of each backbone in the order of completion; leaving the loop ends the processes.

    If a process dies, usually because memory ran out, this process scores the remaining backbones.

    Args:
        remaining: backbones to score.
        n_processes: number of processes.
        arguments: images, scores, number of resamples, seed and other accuracies, as `score_table.score_backbone` takes
            them.
    """
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    home = {name: value for name, value in os.environ.items() if name.startswith(("WORKBENCH_", "HF_"))}
    missing = {spec.name: spec for spec in remaining}
    threads = max(1, joblib.cpu_count() // n_processes)
    # harmless: an idle process ended just as work arrived, and is replaced. If a warning filter turned this into an
    # error, it would end the thread that dispatches the work, and the loop would never finish
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    with joblib.parallel_config(backend="loky", inner_max_num_threads=threads, idle_worker_timeout=IDLE_TIMEOUT):
        pool = joblib.Parallel(
            n_jobs=n_processes, batch_size=1, pre_dispatch=n_processes, return_as="generator_unordered"
        )
        results = pool(
            joblib.delayed(_score_in_process)(home, spec.name, spec.choice, spec.load, arguments) for spec in remaining
        )
    try:
        for scored in results:
            del missing[scored.name]
            yield scored
    except TerminatedWorkerError:
        log.warning("a worker process died; the remaining %d backbones are scored in this process", len(missing))
        for spec in missing.values():
            yield score_table.score_backbone(spec.name, spec.choice, spec.load, *arguments)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # leaving the loop early is a supported way to stop
            results.close()


def load_on_device(load: Callable[[], Net], device: str) -> Net:
    """Load a net onto a device."""
    return load().to(device)


def _score_in_process(
    environment: dict[str, str], name: str, choice: Choice, load: Callable[[], Net], arguments: tuple[Any, ...]
) -> BackboneScores:
    """Score one backbone in a worker process."""
    os.environ.update(environment)  # the process may have started before these variables changed
    return score_table.score_backbone(name, choice, load, *arguments)
