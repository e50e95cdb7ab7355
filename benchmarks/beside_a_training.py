"""What a person waits for while a run trains in the background: with the threads that are free, and with all of them.

A run of its own keeps every core busy. Meanwhile a view, features, a comparison and the quick look of a diagnosis are
made by turns in the two ways, each on images that it has not seen, and the middle of their times is told.

    python benchmarks/beside_a_training.py [--times 3]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from data import machine

import workbench as wb
from workbench import _paths, _threads

TABLE = Path(__file__).parent / "results" / "beside_a_training.txt"
NET = "wb/residual-all"
ALL = os.cpu_count() or 1


def images(seed: int, n: int = 300) -> wb.Images:
    """Images of the world that nobody asked for before."""
    return wb.load_images("world", n=n, label="shape", size=64, seed=seed, valid=0.4)


ASKED: dict[str, Callable[[int], object]] = {
    "saliency of 8 images": lambda seed: wb.probes.grad_cam(wb.load_net(NET), images(seed).subset(rows=range(8))),
    "features of 300 images": lambda seed: wb.extract_features(wb.load_net(NET), images(seed)),
    "t-SNE of 300 images": lambda seed: wb.probes.embed(wb.load_net(NET), images(seed), method="tsne"),
    "two nets compared": lambda seed: wb.probes.similarity(
        wb.load_net(NET), wb.load_net("wb/residual-shape"), images(seed)
    ),
    "quick look of a diagnosis": lambda seed: wb.diagnose(
        wb.Plan(NET, images(seed, 150), "head", epochs=4, augment="none"), quick=True, progress=False
    ),
}


def measured(times: int) -> list[str]:
    """A line for everything that is asked for, while a run trains."""
    measured_free, seed, lines = _threads.count_free_cores, 100, []
    run = wb.launch(wb.Plan(NET, images(1, 2000), "full", epochs=1000, batch_size=32, lr=1e-3))
    while run.points.empty:
        time.sleep(1)
    try:
        for name, call in ASKED.items():
            call(seed)  # what is imported and measured once
            took: dict[str, list[float]] = {"free": [], "all": []}
            for _ in range(times):
                for way in took:
                    seed += 1
                    _threads.count_free_cores = measured_free if way == "free" else lambda: ALL
                    began = time.perf_counter()
                    call(seed)
                    took[way].append(time.perf_counter() - began)
            free, every = (statistics.median(seconds) for seconds in took.values())
            lines.append(f"{name:28}{free:9.2f} s{every:12.2f} s{every / free:9.1f}x")
            print(lines[-1], flush=True)
        assert run.status.state == "running", "the run in the background has ended: its epochs were too few"
    finally:
        run.stop(wait=60)
    return lines


def main() -> None:
    """Measures and writes the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--times", type=int, default=3)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="workbench-beside-") as home:
        os.environ["WORKBENCH_HOME"] = home
        lines = measured(given.times)
    head = f"{machine()}\nwhile a run trains in the background; median of {given.times}\n\n"
    head += f"{'':28}{'free threads':>11}{'all threads':>13}{'ratio':>9}\n"
    _paths.write_file(TABLE, head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
