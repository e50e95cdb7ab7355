"""One JupyterLab for the tests of this folder, on a copy of the notebooks."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab in Chromium, on a copy of the notebooks and a home of its own."""
    missing = [name for name in ("playwright", "jupyterlab", "ipywidgets") if importlib.util.find_spec(name) is None]
    if not shutil.which("chromium") and not shutil.which("chromium-browser"):
        missing.append("chromium")
    if missing:
        reason = f"needs {', '.join(missing)}: pip install '.[lab,test]' and the system's chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    spec = importlib.util.spec_from_file_location("browser_lab", Path(__file__).with_name("lab.py"))
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    place = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", place / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (place / "scratch").mkdir()
    with driver.Lab(place / "notebooks", place / "scratch", place / "home") as made:
        yield made
