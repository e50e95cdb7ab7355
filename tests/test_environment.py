"""One list of dependencies behind three doors: pyproject.toml, environment.yml, and the two locks."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
IMPORT_NAMES = {"PIL": "pillow", "sklearn": "scikit-learn", "huggingface_hub": "huggingface-hub"}
# torch's own optional parts, imported only where a person asked for them
OPTIONAL = {"tensorboard", "accelerate"}


def ranges(lines: list[str]) -> dict[str, str]:
    """Requirements as name -> range."""
    wanted = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): str(r.specifier) for r in wanted}


EXTRAS = {name: ranges(lines) for name, lines in PROJECT["optional-dependencies"].items()}
CORE = ranges(PROJECT["dependencies"])


LOCKS = {"lab": ROOT / "requirements.lock", "test": ROOT / "requirements-test.lock"}
ASKED = {"lab": {**CORE, **EXTRAS["lab"]}, "test": {**CORE, **EXTRAS["lab"], **EXTRAS["test"]}}


def read_lock(purpose: str) -> dict[str, list[tuple[str, str]]]:
    """Locked versions as name -> [(version, condition)]."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in LOCKS[purpose].read_text().splitlines():
        if match := re.match(r"([\w.-]+)==([\w.+]+)(?: ; (.*))?$", line):
            found.setdefault(canonicalize_name(match[1]), []).append((match[2], match[3] or ""))
    return found


def test_conda_asks_for_what_pyproject_asks_for():
    lines = [line for line in CONDA if isinstance(line, str)]
    asked = {CONDA_NAMES.get(name, name): wanted for name, wanted in ranges(lines).items()}
    assert asked.pop("python") == PROJECT["requires-python"]
    asked.pop("pip")
    assert asked == {**CORE, **EXTRAS["lab"]}


def test_conda_installs_the_workbench_itself():
    assert [line for line in CONDA if isinstance(line, dict)] == [{"pip": ["--editable ."]}]


@pytest.mark.parametrize(("purpose", "name"), [(purpose, name) for purpose in ASKED for name in sorted(ASKED[purpose])])
def test_a_lock_holds_a_version_within_every_range(purpose, name):
    asked = Requirement(f"{name}{ASKED[purpose][name]}").specifier
    assert all(asked.contains(version) for version, _ in read_lock(purpose)[name])


def test_what_only_tests_need_is_in_their_lock_alone_and_the_rest_in_both():
    lab, test = read_lock("lab"), read_lock("test")
    assert lab.items() <= test.items(), "the same versions: one environment serves both"
    assert not (set(EXTRAS["test"]) - {"nbconvert"}) & set(lab)  # JupyterLab needs nbconvert too
    assert len(test) >= len(lab) + 12


def test_every_range_has_an_upper_end():
    open_ended = [n for n, s in ASKED["test"].items() if "<" not in s]
    assert open_ended == []


def test_a_lock_builds_the_package_without_asking_for_more():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert {canonicalize_name(Requirement(line).name) for line in build} <= set(read_lock("lab"))


def test_the_torch_of_the_lock_is_the_default_one():
    assert "index-url" not in LOCKS["lab"].read_text()
    assert all("+" not in version for version, _ in read_lock("lab")["torch"])


def test_whatever_is_imported_is_asked_for():
    asked = {"core": set(CORE), "lab": set(CORE) | set(EXTRAS["lab"]) | {"traitlets", "ipython"}}
    missing = set()
    for path in (ROOT / "workbench").rglob("*.py"):
        allowed = asked["lab" if "widgets" in path.parts else "core"]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for top in {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"workbench"} - OPTIONAL:
                if canonicalize_name(IMPORT_NAMES.get(top, top)) not in allowed:
                    missing.add(f"{path.relative_to(ROOT)} imports {top}")
    assert missing == set()


def test_the_core_asks_for_nothing_of_jupyter():
    assert not {"jupyterlab", "ipywidgets", "anywidget", "ipykernel", "ipython"} & set(CORE)
