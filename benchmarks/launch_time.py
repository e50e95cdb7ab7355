"""From `wb.launch` to the first point, in seconds: what a person waits for the curve to begin.

python benchmarks/launch_time.py [--repeats 3] [--warm]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time

from data import machine

import workbench as wb
from workbench.runs.processes import launching


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--warm", action="store_true", help="with a worker made ready, as the widgets do")
    args = parser.parse_args()
    os.environ["WORKBENCH_HOME"] = tempfile.mkdtemp()
    took = []
    for seed in range(args.repeats):
        plan = wb.Plan({"name": "resnet18", "params": {"pretrained": False}}, "digits", "full", size=64, seed=seed)
        if args.warm:
            launching.prewarm_worker()
            time.sleep(15)
        began = time.perf_counter()
        run = wb.launch(plan)
        returned = time.perf_counter() - began
        while not run.new_points()[0]:
            time.sleep(0.02)
        took.append(time.perf_counter() - began)
        print(f"launch returned after {returned:.2f} s, the first point came after {took[-1]:.2f} s", flush=True)
        run.stop(wait=60)
    print(f"{machine()}\nmedian {statistics.median(took):.2f} s to the first point")


if __name__ == "__main__":
    main()
