"""What it costs that threads wait for each other: a training step alone on the machine, and beside a second training.

OpenMP's threads wait in a loop and sleep after so many rounds of it: 300,000 by default, 3,000 since the workbench
says so, none under OMP_WAIT_POLICY=PASSIVE. Each is a process of its own, since it is read once; they take turns.

    python benchmarks/waiting_threads.py [--times 3]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from data import machine

from workbench import _paths

TABLE = Path(__file__).parent / "results" / "waiting_threads.txt"
WAYS = {
    "OpenMP's own": {"GOMP_SPINCOUNT": "300000"},
    "the workbench's": {"GOMP_SPINCOUNT": "3000"},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
}
STEPS = """
import json, sys, time
import torch
import workbench as wb

net = wb.load_net("wb/residual-all", size=64, classes=list("0123456789")).train()
x, y = torch.rand(32, 3, 64, 64).contiguous(memory_format=torch.channels_last), torch.arange(32) % 10
took = []
while len(took) < int(sys.argv[1]):
    began = time.perf_counter()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    took.append(time.perf_counter() - began)
print(json.dumps(took[3:]))
"""


def steps(count: int, way: dict[str, str]) -> subprocess.Popen[str]:
    """A process that makes so many training steps with all threads and prints their seconds."""
    kept = {k: v for k, v in os.environ.items() if k not in ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    words = [sys.executable, "-c", STEPS, str(count)]
    return subprocess.Popen(words, env={**kept, **way}, stdout=subprocess.PIPE, text=True)


def step_time(way: dict[str, str], beside: bool) -> float:
    """Seconds of a step in the middle, alone or beside another such process that has the same way of waiting."""
    other = steps(1_000_000, way) if beside else None
    try:
        return statistics.median(json.loads(steps(20, way).communicate()[0]))
    finally:
        if other is not None:
            other.kill()
            other.communicate()


def main() -> None:
    """Measures by turns and writes the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--times", type=int, default=3)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="workbench-waiting-") as home:
        os.environ["WORKBENCH_HOME"] = home
        took: dict[tuple[str, bool], list[float]] = {(name, beside): [] for name in WAYS for beside in (False, True)}
        for _ in range(given.times):
            for name, beside in took:
                took[name, beside].append(step_time(WAYS[name], beside))
    middle = {key: 1000 * statistics.median(values) for key, values in took.items()}
    first = next(iter(WAYS))
    text = f"{machine()}\nmilliseconds of a training step, median of {given.times} processes of 17 steps\n\n"
    text += f"{'threads wait':20}{'alone':>10}{'beside a training':>20}{'quicker there':>16}\n"
    for name in WAYS:
        gain = middle[first, True] / middle[name, True]
        text += f"{name:20}{middle[name, False]:7.0f} ms{middle[name, True]:17.0f} ms{gain:15.1f}x\n"
    print(text)
    _paths.write_file(TABLE, text)


if __name__ == "__main__":
    main()
