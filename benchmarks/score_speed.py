"""Seconds and memory of LEEP, NCE, H-score and LogME together, against the code that their authors published.

Both see the same made features: N images, D single-precision features, K classes, S source classes. The authors' code
is not part of this project: hand in a checkout of https://github.com/thuml/Transfer-Learning-Library (by the authors of
LogME; its `tllib/ranking` holds all four; it wants numba). Runs alternate, and the ratio of the best times counts: what
else the machine does slows both. The seconds of processors, all threads together, tell more of a busy machine. Ours
computes the moments of the features once for H-score and LogME. Memory is what the process grows by over the features
and probabilities that it was handed.

    OMP_NUM_THREADS=2 python benchmarks/score_speed.py --authors FOLDER [--n 50000] [--d 1280] [--k 100] [--s 1000]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import psutil
import torch
from data import machine

from workbench import scores

NAMES = ("leep", "nce", "h_score", "logme")


def made(n: int, d: int, k: int, s: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, d) and probabilities (n, s), both single precision, and labels (n,)."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, k, n)
    centres = rng.standard_normal((k, d), dtype=np.float32)
    features = rng.standard_normal((n, d), dtype=np.float32)
    features += 0.3 * centres[y]
    probabilities = rng.random((n, s), dtype=np.float32) ** 8
    probabilities[np.arange(n), (y * 3) % s] += 3
    probabilities /= probabilities.sum(1, keepdims=True)
    return features, probabilities, y


@dataclass
class Turn:
    """One side's values, and the seconds of each part by the clock and of the processor."""

    values: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    busy: float = 0.0

    def take(self, name: str, compute: Callable[[], Any]) -> Any:
        """Times one part; its result is kept where it is a number."""
        clock, busy = time.perf_counter(), time.process_time()
        result = compute()
        self.seconds[name] = time.perf_counter() - clock
        self.busy += time.process_time() - busy
        if isinstance(result, float | np.floating):
            self.values[name] = float(result)
        return result

    @property
    def total(self) -> float:
        """The seconds of all parts, by the clock."""
        return sum(self.seconds.values())

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {value:.2f}" for name, value in self.seconds.items())
        return f"{self.total:7.2f} s, {self.busy:7.2f} s of processors   ({parts})"


def ours(features: np.ndarray, probabilities: np.ndarray, y: np.ndarray) -> Turn:
    """The four scores as the workbench has them: moments serve two."""
    turn = Turn()
    moments = turn.take("moments", lambda: scores.Moments.from_features(features, y))
    turn.take("leep", lambda: scores.leep(probabilities, y))
    turn.take("nce", lambda: scores.nce(probabilities.argmax(1), y))
    turn.take("h_score", lambda: scores.h_score(moments))
    turn.take("logme", lambda: scores.logme(moments))
    return turn


def authors(code: dict[str, ModuleType], features: np.ndarray, probabilities: np.ndarray, y: np.ndarray) -> Turn:
    """The four scores as published."""
    turn = Turn()
    turn.take("leep", lambda: code["leep"].log_expected_empirical_prediction(probabilities, y))
    turn.take("nce", lambda: code["nce"].negative_conditional_entropy(probabilities.argmax(1), y))
    turn.take("h_score", lambda: code["hscore"].h_score(features, y))
    turn.take("logme", lambda: code["logme"].log_maximum_evidence(features, y))
    return turn


def published(folder: Path) -> dict[str, ModuleType]:
    """The four modules of the authors' checkout, loaded one by one, since the whole of it wants old libraries."""
    found = {}
    for name in ("leep", "nce", "hscore", "logme"):
        spec = importlib.util.spec_from_file_location(f"published_{name}", folder / "tllib" / "ranking" / f"{name}.py")
        if spec is None or spec.loader is None:
            raise SystemExit(f"{folder} holds no tllib/ranking/{name}.py")
        found[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found[name])
    return found


def peak(work: Callable[[], object]) -> int:
    """The bytes that the process grows by while `work` runs, looked at every two milliseconds."""
    process, done = psutil.Process(), threading.Event()
    before = most = process.memory_info().rss

    def watch() -> None:
        nonlocal most
        while not done.wait(0.002):
            most = max(most, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return most - before


def least(features: np.ndarray) -> float:
    """Seconds of what H-score and LogME cannot do without: one triangle of FᵀF in doubles, and its spectrum."""
    step, began = 2**21 // features.shape[1], time.perf_counter()
    product = np.zeros((features.shape[1],) * 2)
    for start in range(0, len(features), step):
        block = features[start : start + step].astype(np.float64)
        product += block.T @ block
    torch.linalg.eigh(torch.from_numpy(product))
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--authors", type=Path, help="a checkout of the Transfer Learning Library")
    for name, default in (("n", 50_000), ("d", 1280), ("k", 100), ("s", 1000), ("rounds", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    data = made(given.n, given.d, given.k, given.s)
    print(machine())
    print(f"N {given.n}, D {given.d}, K {given.k}, S {given.s}; features {data[0].nbytes / 2**20:.0f} MiB", flush=True)
    scores.h_score(data[0][:500, :20], data[2][:500])  # what is loaded on first use is not part of the time
    grown = peak(lambda: ours(*data))
    print(f"memory: {1 + grown / data[0].nbytes:.2f} times the features, these included", flush=True)
    code = published(given.authors) if given.authors else None
    mine, theirs, products = [], [], []
    for _ in range(given.rounds):
        mine.append(ours(*data))
        products.append(least(data[0]))
        print("ours    ", mine[-1], flush=True)
        if code:
            theirs.append(authors(code, *data))
            print("authors'", theirs[-1], flush=True)
            apart = max(abs(mine[-1].values[name] - theirs[-1].values[name]) for name in NAMES)
            print(f"largest difference of a value: {apart:.1e}", flush=True)
    if theirs:
        clock = min(turn.total for turn in theirs) / min(turn.total for turn in mine)
        busy = min(turn.busy for turn in theirs) / min(turn.busy for turn in mine)
        print(f"{clock:.1f} times faster by the clock, {busy:.1f} times in processor time")
        limit = min(turn.total for turn in theirs) / min(products)
        print(f"FᵀF and its spectrum alone: {min(products):.2f} s; with nothing else it would be {limit:.1f} times")
    else:
        print("no --authors folder was given, so there is nothing to compare with")


if __name__ == "__main__":
    main()
