"""What the README says is so: its commands, its first plan, its names, its table, its links."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from pathlib import Path

import pytest

import workbench as wb
from workbench import cli

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced blocks in one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def commands() -> list[list[str]]:
    """Every command in a shell block, as words, comments left out."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def test_a_new_machine_needs_one_of_two_commands_found_in_one_place():
    starts = [words for words in commands() if words[0] == "python3"]
    assert starts == [["python3", "start.py", "lab"], ["python3", "start.py", "test"]]
    assert starts[1] == shlex.split((ROOT / ".ci" / "run").read_text().splitlines()[-1])


def test_every_workbench_command_is_one():
    named = [words[words.index("workbench") + 1 :] for words in commands() if "workbench" in words]
    named += [shlex.split(text) for text in re.findall(r"`workbench ([^`]+)`", README)]
    assert len(named) >= 9
    for words in named:
        cli.parser().parse_args([w.strip("…") for w in words])


def test_the_first_plan_works_as_printed_in_about_ten_lines():
    code = next(block for block in blocks("python") if "wb.launch(plan)" in block)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    # in this process: that a worker of its own does the same is tested where workers are
    names: dict = {}
    exec(code.replace("wb.launch(plan)", "wb.fit(plan.but(epochs=1), progress=False)"), names)
    assert names["run"].status.state == "done"
    assert names["result"].accuracy > 0.2
    assert names["net"].classes == tuple("0123456789")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_name_in_an_example_exists(page):
    for block in blocks("python", page.read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("wb."):
                value = wb
                for part in ast.unparse(node).split("(")[0].split(".")[1:]:
                    assert hasattr(value, part), f"{page.name}: {ast.unparse(node)}"
                    value = getattr(value, part)


def test_the_table_of_methods_is_the_registries_own():
    spec = importlib.util.spec_from_file_location("methods", ROOT / "docs" / "methods.py")
    methods = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(methods)
    assert methods.written(README) == README, "run `python docs/methods.py`"


def test_the_map_of_the_house_names_every_room():
    rooms = {p.name for p in (ROOT / "workbench").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    rooms -= {"__init__.py", "__main__.py"}
    told = {name.rstrip("/") for name in re.findall(r"`(\w+(?:\.py|/))`", README)}
    assert rooms <= told, f"the README's map lacks {sorted(rooms - told)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_to_a_file_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []
