"""`import workbench` against `import torch`, in fresh processes.

python benchmarks/import_time.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from data import machine


def seconds(code: str, repeats: int = 7) -> float:
    """Median wall time of a fresh Python that runs `code`."""
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    bare = seconds("pass")
    workbench = seconds("import workbench") - bare
    torch = seconds("import torch", 3) - bare
    subprocess.run([sys.executable, "-c", "import workbench, sys; assert 'torch' not in sys.modules"], check=True)
    print(machine())
    print(f"import workbench {workbench * 1000:.0f} ms, import torch {torch * 1000:.0f} ms: {workbench / torch:.3f}x")


if __name__ == "__main__":
    main()
