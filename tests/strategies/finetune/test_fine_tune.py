"""Fine-tuning learns classes, tags and tasks."""

from __future__ import annotations

import numpy as np
import pandas as pd

import workbench as wb


def test_classes(tiny_plan):
    run = wb.fit(tiny_plan(epochs=5, lr=3e-3), progress=False)
    assert run.evaluate().accuracy > 0.85


def save(folder, x):
    from PIL import Image

    paths = [folder / f"{row:03d}.png" for row in range(len(x))]
    for path, pixels in zip(paths, x, strict=True):
        Image.fromarray(pixels).save(path)
    return [str(path) for path in paths]


def test_tags(tiny_plan, tmp_path, toy_arrays):
    x, y = toy_arrays()
    frame = pd.DataFrame(
        {"path": save(tmp_path, x), "left": (y == "left").astype(int), "not right": (y != "right") * 1}
    )
    data = wb.load_images(frame, path="path", label=["left", "not right"])
    assert data.kind == "tags"
    run = wb.fit(tiny_plan(data, epochs=5, lr=3e-3), progress=False)
    assert run.evaluate().accuracy > 0.85


def test_tasks(tiny_plan, tmp_path, toy_arrays):
    x, y = toy_arrays()
    dark = np.arange(len(x)) % 2 == 0
    x[dark] //= 2
    frame = pd.DataFrame({"path": save(tmp_path, x), "place": y, "light": np.where(dark, "dark", "bright")})
    data = wb.load_images(frame, path="path", label=["place", "light"])
    assert data.kind == "tasks"
    run = wb.fit(tiny_plan(data, epochs=6, lr=3e-3), progress=False)
    assert {"loss/place", "loss/light"} <= set(run.points.columns)
    assert run.evaluate().accuracy > 0.8
