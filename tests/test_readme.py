"""The README and the pages of docs/ are true: commands, first plan, names, tables, links."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import re
import shlex
from pathlib import Path

import pytest

import workbench as wb
from workbench import cli

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
MIGRATION = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")
# classes that the pages name and `wb` does not show
HOMES = {
    "Cause": "workbench.diagnosis.causes.base",
    "CostEstimate": "workbench.cost",
    "Evidence": "workbench.diagnosis.causes.base",
    "LabelEdits": "workbench.data._label_edits",
    "Registry": "workbench.registry",
    "SaliencyMethod": "workbench.probes.maps",
    "SimCLR": "workbench.strategies.self_supervised.simclr",
    "Status": "workbench.runs.folder.run_files",
    "Strategy": "workbench.strategies.base",
    "SystemInfo": "workbench._system_info",
    "Tab": "workbench.widgets.tabs",
    "Tuning": "workbench.tunings.base",
    "Update": "workbench.strategies.base",
}


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced blocks in one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.S)


def commands(text: str) -> list[list[str]]:
    """Every command in a shell block, as words, comments left out."""
    lines = [line for block in blocks("sh", text) for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def test_a_new_machine_needs_one_of_two_commands_found_in_one_place():
    assert commands(README) == [["python3", "start.py", "lab"], ["python3", "start.py", "test"]]
    assert commands(README)[1] == shlex.split((ROOT / ".ci" / "run").read_text().splitlines()[-1])


def test_it_is_read_in_three_minutes_and_shows_one_picture():
    assert len(re.findall(r"!\[", README)) == 1
    assert len(README.split()) <= 850
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= set(re.findall(r"\]\(([^)#]+)", README))


def test_every_workbench_command_is_one():
    named = []
    for page in PAGES:
        if page.name in ("migration.md", "CHANGELOG.md"):  # both name old commands too
            continue
        text = page.read_text(encoding="utf-8")
        named += [words[words.index("workbench") + 1 :] for words in commands(text) if "workbench" in words]
        named += [shlex.split(words) for words in re.findall(r"`workbench ([^`]+)`", text)]
    assert {words[0] for words in named} >= {"lab", "run", "runs", "backbones", "stages", "rank", "pretrain", "info"}
    for words in named:
        cli.build_parser().parse_args([w.strip("…") for w in words])


def test_the_first_plan_works_as_printed_in_about_ten_lines():
    code = next(block for block in blocks("python") if "wb.launch(plan)" in block)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    # in this process: that a worker of its own does the same is tested where workers are
    names: dict = {}
    exec(code.replace("wb.launch(plan)", "wb.fit(plan.replace(epochs=1), progress=False)"), names)
    assert names["run"].status.state == "done"
    assert names["result"].accuracy > 0.2
    assert names["net"].classes == tuple("0123456789")


def resolve(dotted: str) -> object:
    """Return what a dotted name of a page means: `wb.…`, or a class of `HOMES`, and what it holds."""
    first, *parts = dotted.split(".")
    value = wb if first == "wb" else getattr(importlib.import_module(HOMES[first]), first)
    for part in parts:
        assert has_member(value, part), f"{dotted}: there is no {part}"
        value = getattr(value, part, None)
    return value


def has_member(value: object, name: str) -> bool:
    """True if `value` has the attribute, as a class also one that its instances get."""
    if hasattr(value, name) or not isinstance(value, type):
        return hasattr(value, name)
    if dataclasses.is_dataclass(value) and name in {field.name for field in dataclasses.fields(value)}:
        return True
    own = [cls for cls in value.__mro__ if cls.__module__.startswith("workbench.")]
    return any(
        name in getattr(cls, "__annotations__", {}) or re.search(rf"self\.{name}\b[^(]*=", inspect.getsource(cls))
        for cls in own
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_name_in_an_example_exists(page):
    for block in blocks("python", page.read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("wb."):
                dotted = ast.unparse(node).split("(")[0]
                if not re.search(r"\.[mM]y", dotted):  # names of an example, which test_contributing.py tries
                    resolve(dotted)


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "migration.md"], ids=lambda p: p.name)
def test_every_public_name_in_the_prose_exists(page):
    for span in re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)):
        for dotted in re.findall(r"\bwb(?:\.[A-Za-z_]\w*)+", span):
            resolve(dotted)


def test_the_table_of_methods_is_the_registries_own():
    spec = importlib.util.spec_from_file_location("methods", ROOT / "docs" / "methods.py")
    methods = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(methods)
    page = methods.PAGE.read_text(encoding="utf-8")
    assert methods.render_page(page) == page, "run `python docs/methods.py`"


def test_the_map_of_the_house_names_every_room():
    rooms = {p.name for p in (ROOT / "workbench").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    rooms -= {"__init__.py", "__main__.py"}
    shown = {name.rstrip("/") for name in re.findall(r"`(\w+(?:\.py|/))`", README)}
    assert rooms <= shown, f"the README's map lacks {sorted(rooms - shown)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_to_a_file_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_the_glossary_explains_twenty_words_in_one_sentence_each():
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), flags=re.M)
    words = [word for word, _ in rows]
    assert len(words) == 20 and words == sorted(words)
    for word, sentence in rows:
        plain = re.sub(r"`[^`]*`", "", sentence)
        assert sentence.endswith(".") and not re.search(r"\. [A-Z]", plain), word


def migrated() -> list[tuple[str, str]]:
    """The rows of the migration page's tables as (all cells but the last, last cell)."""
    rows = [line[2:-2].split(" | ") for line in MIGRATION.splitlines() if line.startswith("| ")]
    return [(" | ".join(row[:-1]), row[-1]) for row in rows if "0.1" not in row[0] and row[0] != "frame"]


# a name, then the options that a call may name
CALL = re.compile(r"^((?:wb|[A-Z])[\w.]*)(?:\((.*)\))?$")
OPTION = re.compile(r"(\w+)=(\"?\w*\"?)")


@pytest.mark.parametrize(("old", "new"), migrated(), ids=lambda cell: re.sub(r"\W+", "-", cell)[:40])
def test_every_new_name_of_the_migration_page_exists(old, new):
    spans = re.findall(r"`([^`]+)`", new)
    assert spans, new
    for span in spans:
        if span.startswith("workbench "):
            cli.build_parser().parse_args(span.split()[1:])
        elif span.startswith(("import ", "python -m ")):
            assert importlib.util.find_spec(span.removeprefix("import ").removeprefix("python -m ").split()[0])
        elif match := CALL.match(span):
            check_call(resolve(match[1]), match[2] or "")
        elif re.fullmatch(r"[a-z_]+", span):  # a column of the frame in the first cell
            check_column(re.search(r"`([\w.]+)`", old)[1], span)
        else:
            assert span == "Source:", span


def check_call(function: object, arguments: str) -> None:
    """Each `name=` among the arguments is a parameter, and each `name="value"` one that the schedule accepts."""
    called = vars(function).get("__call__", function) if isinstance(function, type) else function
    for name, value in OPTION.findall(arguments):
        documented = f"`{name}=" in (inspect.getdoc(function) or "")
        assert documented or name in inspect.signature(called).parameters, f"{function} has no option {name}"
        if value and function is wb.Schedule:
            assert getattr(wb.Schedule(**{name: value.strip('"')}), name) == value.strip('"')


def check_column(owner: str, column: str) -> None:
    """A module beside the function or class that gives the frame writes the column's name."""
    maker = owner.rpartition(".")[0]
    value = resolve(owner) if maker == "wb" else resolve(maker)
    resolve(owner)
    package = importlib.import_module(value.__module__.rpartition(".")[0])
    sources = [path.read_text("utf-8") for path in Path(package.__file__).parent.rglob("*.py")]
    forms = (f'"{column}"', f"    {column}: ")  # a key, or a field of the dataclass of a row
    assert any(form in source for source in sources for form in forms), f"{owner} has no column {column}"
