"""Notebooks are committed as stories: no outputs, one switch, no long functions, named by number and subject."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
SWITCH = re.compile(r"^FULL = False\b", flags=re.M)


def cells(path: Path, kind: str) -> list[str]:
    """The text of a notebook's cells of one kind."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == kind]


def code(path: Path) -> list[ast.Module]:
    """A notebook's code cells, parsed; lines of IPython's own left out."""
    plain = ["\n".join(line for line in cell.splitlines() if line[:1] not in "%!") for cell in cells(path, "code")]
    return [ast.parse(cell) for cell in plain]


def test_the_three_stories_are_there():
    names = [path.name for path in NOTEBOOKS]
    assert {"00_first_transfer.ipynb", "01_backbones.ipynb", "02_layers_and_rates.ipynb"} <= set(names)
    assert [name for name in names if not re.fullmatch(r"\d\d_[a-z_]+\.ipynb", name)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_is_committed_without_outputs(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
        assert not {"collapsed", "ExecuteTime"} & set(cell["metadata"])
    assert "widgets" not in notebook["metadata"]
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_its_first_code_cell_holds_the_one_switch(path):
    first, *rest = cells(path, "code")
    assert SWITCH.search(first), "the first code cell says `FULL = False`: quick here, full size by one word"
    assert not any(re.search(r"^FULL\s*=", cell, flags=re.M) for cell in rest)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_tells_a_story(path):
    told = cells(path, "markdown")
    assert told[0].startswith("# ")
    assert len(told) >= len(cells(path, "code")) / 2
    defined = [n for tree in code(path) for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    assert [f.name for f in defined if (f.end_lineno or 0) - f.lineno >= 10] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_uses_the_public_face_only(path):
    for tree in code(path):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("workbench."), f"from {node.module} import …"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wb":
                assert not node.attr.startswith("_"), node.attr
