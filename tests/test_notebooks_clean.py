"""Form of the notebooks: no outputs, one switch, short functions, names of number and subject."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
SWITCH = re.compile(r"^FULL = False\b", flags=re.M)


def read_cells(path: Path, kind: str) -> list[str]:
    """Return the source of a notebook's cells of one kind."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def parse_code(path: Path) -> list[ast.Module]:
    """Parse a notebook's code cells without IPython's own lines."""
    sources = read_cells(path, "code")
    return [ast.parse("\n".join(line for line in s.splitlines() if line[:1] not in "%!")) for s in sources]


def test_first_notebooks_exist_and_names_have_number_and_subject():
    names = [path.name for path in NOTEBOOKS]
    assert {"00_first_transfer.ipynb", "01_backbones.ipynb", "02_layers_and_rates.ipynb"} <= set(names)
    assert [name for name in names if not re.fullmatch(r"\d\d_[a-z_]+\.ipynb", name)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebook_has_no_outputs(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
        assert not {"collapsed", "ExecuteTime"} & set(cell["metadata"])
    assert "widgets" not in notebook["metadata"]
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_first_code_cell_has_the_only_switch(path):
    first, *rest = read_cells(path, "code")
    assert SWITCH.search(first), "the first code cell needs the switch `FULL = False`"
    assert not any(re.search(r"^FULL\s*=", cell, flags=re.M) for cell in rest)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_text_leads_through_short_code(path):
    texts = read_cells(path, "markdown")
    assert texts[0].startswith("# ")
    assert len(texts) >= len(read_cells(path, "code")) / 2
    functions = [n for tree in parse_code(path) for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    assert [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= 10] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_code_uses_public_names_only(path):
    for tree in parse_code(path):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("workbench."), f"from {node.module} import …"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wb":
                assert not node.attr.startswith("_"), node.attr
