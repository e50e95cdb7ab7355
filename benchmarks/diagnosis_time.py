"""How long does a diagnosis take? A quick look, a whole one of a built-in net, and one of MobileNetV2 at 128 pixels.

    python benchmarks/diagnosis_time.py [--only quick whole mobilenet] [--threads 2]

Every case runs in a home of its own, so that nothing was measured or stored before. The minutes are what a diagnosis
is told; it begins no training that it would end after them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable

import torch
from data import folder, machine

import workbench as wb

PLAIN = {"epochs": 10, "augment": "none"}


def built_in(**options: object) -> wb.Diagnosis:
    """A built-in net on 1,000 images, 200 of them to judge by."""
    images = wb.load_images("world", n=1000, label="shape", style="sketch", valid=0.2, seed=3)
    return wb.diagnose(wb.Plan("wb/residual-all", images, "full", **PLAIN), progress=False, **options)


def mobilenet(**options: object) -> wb.Diagnosis:
    """ImageNet's MobileNetV2 on 2,000 photographs of clothes, 600 of them to judge by."""
    net = {"name": str(folder("zoo") / "mobilenetv2_100_keras_imagenet"), "params": {"size": 128}}
    images = wb.load_images(folder("data", "clothing", "train"), per_class=160, valid=0.2)
    return wb.diagnose(wb.Plan(net, images, "full", **PLAIN), progress=False, **options)


CASES: dict[str, tuple[str, float, Callable[[], wb.Diagnosis]]] = {
    "quick": ("quick look, wb/residual-all, 1,000 images", 30.0, lambda: built_in(quick=True)),
    "whole": ("whole, wb/residual-all, 1,000 images", 180.0, lambda: built_in(minutes=2.5)),
    "mobilenet": ("whole, mobilenetv2_100 at 128 px, 2,000 images", 900.0, lambda: mobilenet(minutes=12.0)),
}


def main() -> None:
    """Prints a line a case: what it took, what it may take, and what it found."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    asked.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    print(f"{machine()}; {given.threads} threads", flush=True)
    for name in given.only:
        words, limit, diagnosed = CASES[name]
        with tempfile.TemporaryDirectory() as home:
            os.environ["WORKBENCH_HOME"] = home
            began, cpu = time.monotonic(), time.process_time()
            found = diagnosed()
            took, cpu = time.monotonic() - began, time.process_time() - cpu
        print(f"{words}: {took:.0f} s of at most {limit:.0f} ({cpu:.0f} s of a core), {found.n_trainings} trainings")
        print(f"    {found.verdict}", flush=True)


if __name__ == "__main__":
    main()
