"""What attention costs a ViT that trains in bf16 on a CPU: torch's fused kernel against the workbench's three steps.

Both under autocast, in turns, beside fp32; the workbench's way is what every training in bf16 on a CPU takes.

    python benchmarks/attention_time.py [--rounds 5] [--threads 2]
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from data import machine

import workbench as wb
from workbench import _paths
from workbench.loop.precision.autocast import autocast_forward

TABLE = Path(__file__).parent / "results" / "attention_time.txt"
CPU = torch.device("cpu")
WAYS: dict[str, Callable[[], contextlib.AbstractContextManager]] = {
    "fp32": lambda: autocast_forward(CPU, None),
    "bf16, torch's": lambda: torch.autocast("cpu", torch.bfloat16),
    "bf16, workbench": lambda: autocast_forward(CPU, torch.bfloat16),
}
NETS = [("wb/vit", 64, 64, {}), ("vit_small_patch16_224", 224, 8, {"pretrained": False})]


def step_time(net: wb.Net, x: torch.Tensor, way: str) -> float:
    """Seconds of a forward and a backward pass."""
    began = time.perf_counter()
    with WAYS[way]():
        loss = net(x).float().square().mean()
    loss.backward()
    net.zero_grad()
    return time.perf_counter() - began


def main() -> None:
    """Measures by turns and writes the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    text = f"{machine()}, threads: {given.threads}\nimages a second in training, median of {given.rounds} steps\n\n"
    text += f"{'':36}" + "".join(f"{way:>18}" for way in WAYS) + "  workbench over torch's\n"
    for name, size, batch, options in NETS:
        net = wb.load_net(name, classes=10, size=size, **options).train()
        x = torch.rand(batch, 3, size, size)
        took: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(given.rounds + 1):
            for way, seconds in took.items():
                seconds.append(step_time(net, x, way))
        rates = {way: batch / statistics.median(seconds[1:]) for way, seconds in took.items()}
        gain = rates["bf16, workbench"] / rates["bf16, torch's"]
        text += f"{f'{name}, {size} px, batch {batch}':36}" + "".join(f"{rate:18.1f}" for rate in rates.values())
        text += f"{gain:23.1f}x\n"
    print(text)
    _paths.write_file(TABLE, text)


if __name__ == "__main__":
    main()
