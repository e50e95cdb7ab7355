"""CONTRIBUTING's recipes work as printed: each example, in a copy of the package, is found, shown and tested."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^`([\w/]+\.\w+)`:\n\n```\w+\n(.*?)```$", PAGE, flags=re.M | re.S))
# heading -> folders of its example's source and of its test
RECIPES = {
    "A strategy": ("workbench/strategies/", "tests/strategies/"),
    "A tuning": ("workbench/tunings/", "tests/tunings/"),
    "A score": ("workbench/scores/", "tests/scores/"),
    "A probe": ("workbench/probes/", "tests/probes/"),
    "A figure": ("workbench/figures/", "tests/figures/"),
    "A cause": ("workbench/diagnosis/causes/", "tests/diagnosis/"),
    "A widget": ("workbench/widgets/views/", "tests/widgets/views/"),
    "A tab": ("workbench/widgets/tabs/", "tests/widgets/tabs/"),
    "A notebook": ("notebooks/",),
}
# in one process of the copy: each method is registered, listed, described, ranked with, and drawn by the form
FOUND = """
import json
import workbench as wb
from workbench.forms import constructor_fields
from workbench.strategies import strategies
from workbench.tunings import tunings
from workbench.widgets.settings import Settings
from workbench.widgets.tabs import tabs

kinds = {"strategies": "my-confidence-penalty", "tunings": "my-first-k", "scores": "my_class_variance"}
kinds["causes"] = "my-strong-augmentation"
for kind, name in kinds.items():
    row = wb.describe_methods(kind).set_index("name").loc[name]
    assert row["description"].endswith(".") and row["paper"], name
assert kinds["strategies"] in wb.list_strategies() and kinds["tunings"] in wb.list_tunings()
assert kinds["scores"] in wb.list_scores()
for cls in (strategies[kinds["strategies"]], tunings[kinds["tunings"]]):
    form = wb.widgets.Form(cls)
    assert list(form.rows) == [field.name for field in constructor_fields(cls)] != []
    assert all(row.control.tooltip for row in form.rows.values())
settings = Settings()
settings.strategy.value = kinds["strategies"]
assert settings.value["strategy"].name == kinds["strategies"] and "arXiv" in settings.about.value
for namespace, name in (("probes", "my_feature_norms"), ("figures", "my_norm_bars"), ("widgets", "MySplitCounts")):
    assert name in dir(getattr(wb, namespace)), name
norms = wb.probes.my_feature_norms([[1.0], [2.0]], ["a", "b"])
assert wb.figures.my_norm_bars(norms).layout.title.text == "b has the longest features"
assert "my-splits" in tabs.classes()
random = {"name": "test_efficientnet", "params": {"pretrained": False, "size": 32}}
other = {"name": "test_vit", "params": {"pretrained": False, "size": 32}}
images = wb.load_images("digits", per_class=8)
ranking = wb.rank_backbones([random, other], images, n_resamples=10, progress=False)
assert kinds["scores"] in ranking.frame and kinds["scores"] in ranking.voting_scores
notebook = json.load(open("notebooks/60_my_splits.ipynb"))
for cell in notebook["cells"]:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]), {})
"""


def section(heading: str) -> str:
    """Return the text below a heading."""
    return PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder by path, compiled ones left out."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a copy of the project without weights, with every example written into it, and its files before that."""
    folder = tmp_path_factory.mktemp("contributing")
    shutil.copytree(ROOT / "workbench", folder / "workbench", ignore=shutil.ignore_patterns("*.safetensors"))
    for name in ("tools", "notebooks"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("pyproject.toml", "tests/conftest.py", "tests/test_notebooks_clean.py", "tests/widgets/conftest.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    for name in ("tests/scores/test_contract.py", "tests/scores/conftest.py", "tests/test_contracts.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    before = read_files(folder)
    for name, text in EXAMPLES.items():
        assert not (folder / name).exists(), f"{name} of CONTRIBUTING.md is there already: choose another example"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    execute(folder, "tools/write_stubs.py")
    return folder, before


def execute(folder: Path, *arguments: str) -> str:
    """Run Python in the copy and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["WORKBENCH_HOME"] = str(folder / "home")
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("heading", "folders"), RECIPES.items(), ids=list(RECIPES))
def test_each_recipe_has_an_example_and_its_test(heading, folders):
    named = re.findall(r"^`([\w/]+\.\w+)`:$", section(heading), flags=re.M)
    assert set(named) <= set(EXAMPLES), "a file's name is followed by its block"
    assert all(any(name.startswith(folder) for name in named) for folder in folders)


def test_no_other_file_is_edited_but_the_stubs(copy):
    folder, before = copy
    after = {name: text for name, text in read_files(folder).items() if not name.startswith("home/")}
    assert set(after) - set(before) == set(EXAMPLES)
    edited = {name for name, text in before.items() if after.get(name) != text}
    assert edited == {f"workbench/{room}/__init__.pyi" for room in ("probes", "figures", "widgets")}


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("probes", "from .embeddings.my_feature_lengths import my_feature_norms as my_feature_norms"),
        ("figures", "from .bars.my_norm_chart import my_norm_bars as my_norm_bars"),
        ("widgets", "from .views.my_split_counts import MySplitCounts as MySplitCounts"),
    ],
)
def test_the_stub_shows_it(copy, room, line):
    assert line in (copy[0] / "workbench" / room / "__init__.pyi").read_text(encoding="utf-8").splitlines()


def test_every_example_is_found_listed_and_drawn(copy):
    execute(copy[0], "-c", FOUND)


def test_every_example_passes_its_test_and_the_contracts_of_its_kind(copy):
    tests = [name for name in EXAMPLES if name.startswith("tests/")]
    contracts = ["tests/scores/test_contract.py", "tests/test_notebooks_clean.py", "tests/test_contracts.py"]
    names = "my_class_variance or 60_my_splits or (my-confidence-penalty and (head or my-first-k)) or test_my_"
    printed = execute(copy[0], "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, *contracts, "-k", names)
    assert re.search(r"^\d+ passed", printed, flags=re.M), printed


def test_the_examples_keep_the_rules_of_style(copy):
    files = [name for name in EXAMPLES if name.endswith(".py")]
    execute(copy[0], "-m", "ruff", "check", "--no-cache", *files)
    execute(copy[0], "-m", "ruff", "format", "--check", "--no-cache", *files)


def test_the_notebook_is_json_as_jupyter_writes_it():
    notebook = json.loads(EXAMPLES["notebooks/60_my_splits.ipynb"])
    assert (notebook["nbformat"], len(notebook["cells"])) == (4, 2)
