"""Seconds from running a cell to points on the page, and frames a second while zooming: ours and jupyter-scatter.

Both show the same made points in JupyterLab in headless Chromium, with software rendering, coloured by ten classes. The
first picture is there when a screenshot of the output shows points; the kernel has imported everything before. Frames
are counted for two seconds in which the wheel turns without a pause. jupyter-scatter is measured where it is installed.

    python benchmarks/scatter.py [--n 100000 1000000] [--repeats 2]
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from data import machine
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))
from lab import Lab

READY = """
import numpy as np, workbench as wb
wb.widgets.EmbeddingExplorer
try:
    import jscatter
except ImportError:
    pass
r = np.random.default_rng(0)
k = r.integers(0, 10, {n})
x = (r.normal(size=(10, 2))[k] * 4 + r.normal(size=({n}, 2))).astype("f4")
"""
CELLS = {
    "EmbeddingExplorer": 'wb.widgets.EmbeddingExplorer(x, columns={"class": k})',
    "jupyter-scatter": "jscatter.Scatter(x=x[:, 0], y=x[:, 1]).color(by=k.astype(str)).show()",
}
CLIP = {"x": 300, "y": 150, "width": 1000, "height": 800}  # of the page: where the notebook stands
FRAMES = """() => new Promise(done => {
  const size = (canvas) => canvas.clientWidth * canvas.clientHeight;
  const shown = [...document.querySelectorAll('.jp-OutputArea-output canvas')].filter(size);
  const canvas = shown.reduce((one, other) => (size(other) > size(one) ? other : one));
  const box = canvas.getBoundingClientRect(), from = performance.now();
  let frames = 0;
  canvas.focus();
  const step = () => {
    canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: frames % 60 < 30 ? -20 : 20, bubbles: true, cancelable: true,
      ctrlKey: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2}));
    frames++;
    if (performance.now() - from < 2000) requestAnimationFrame(step);
    else done(1000 * frames / (performance.now() - from));
  };
  step();
})"""


def measured(tool: str, n: int) -> tuple[float, float]:
    """Seconds to the first picture, and frames a second, in a JupyterLab of their own."""
    code = {"cell_type": "code", "id": "shown", "metadata": {}, "source": CELLS[tool], "outputs": []}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = {"cells": [code | {"execution_count": None}], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place) / name for name in ("notebooks", "scratch", "home")]
        for folder in folders:
            folder.mkdir()
        (folders[0] / "scatter.ipynb").write_text(json.dumps(notebook))
        with Lab(*folders) as lab:
            lab.open("scatter.ipynb")
            lab.python(READY.format(n=n))
            began = time.perf_counter()
            errors = lab.run_all()
            assert not errors, errors
            while not drawn(lab.page.screenshot(clip=CLIP)):
                assert time.perf_counter() - began < 120, f"{tool} shows nothing"
            first = time.perf_counter() - began
            lab.page.wait_for_timeout(2000)
            return first, lab.page.evaluate(FRAMES)


def drawn(picture: bytes) -> bool:
    """Whether there are points in a screenshot: many pixels of several strong colours."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).reshape(-1, 3).astype(int)
    strong = np.ptp(pixels, axis=1) > 60
    return bool(strong.mean() > 0.003 and len(np.unique(pixels[strong] // 64, axis=0)) > 3)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=2)
    args = parser.parse_args()
    tools = [t for t in CELLS if t != "jupyter-scatter" or importlib.util.find_spec("jscatter")]
    print(machine())
    for n in args.n:
        for tool in tools:
            found = [measured(tool, n) for _ in range(args.repeats)]
            seconds, frames = min(f[0] for f in found), max(f[1] for f in found)
            print(
                f"{n:>9,} points  {tool:<18} {seconds:5.1f} s to the first picture  {frames:5.1f} frames/s", flush=True
            )


if __name__ == "__main__":
    main()
