"""The house stands: imports go down, rooms on one floor stay apart, nothing grows too large to read."""

from __future__ import annotations

import ast
import functools
import statistics
from pathlib import Path

import pytest

import workbench
from tools import write_stubs

PACKAGE = Path(workbench.__file__).parent

FLOORS = {
    0: {
        "registry", "forms", "type_hints", "annotated_types", "argument_checks", "plan", "plan_migration", "errors",
        "formatting", "_paths", "_threads", "_lazy_names", "_signatures",
    },
    1: {"data", "nets", "metrics"},
    2: {"tunings", "strategies", "scores", "probes", "evaluation", "storage"},
    3: {"loop", "cost", "feature_extraction"},
    4: {"runs"},
    5: {"diagnosis", "_system_info", "ranking"},
    6: {"widgets", "method_tables", "cli", "__main__"},
}  # fmt: skip
WING = "figures"
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
# on the ground floor the pieces lean on each other, and the command line has its second door
NEIGHBOURS = {(0, 0)}
DOORS = {("__main__", "cli")}
# what every room may use, the wing too: how a wrong argument is refused, and how a value is formatted
EVERYWHERE = ("errors", "forms", "annotated_types", "argument_checks", "formatting", "_lazy_names")
JUPYTER = {"ipywidgets", "anywidget", "IPython", "traitlets", "jupyterlab", "ipykernel", "jupyter_client"}
TORCH = {"torch", "torchvision", "timm", "captum", "safetensors"}


# name that `wb` shows -> the module it is in, as the stub says
HOMES = {name: module for module, name in write_stubs.list_flat_names(PACKAGE)}


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def named(path: Path) -> str:
    """The module's path inside the package: what a failing test is called."""
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    """The room a module stands in; empty for the package's own face."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """A module, read once for all tests."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path) -> list[tuple[str, bool]]:
    """Every import of a module as (dotted name, whether at module level), those inside functions included."""
    tree = tree_of(path)
    inside = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names = used(tree, alias.asname or alias.name) if alias.name == "workbench" else [alias.name]
                found += [(name, id(node) not in inside) for name in names]
        elif isinstance(node, ast.ImportFrom):
            here = path.relative_to(PACKAGE.parent).parts[: -node.level] if node.level else ()
            base = ".".join([*here, *([node.module] if node.module else [])])
            # `from workbench import disk` names a room, `from workbench.nets import Net` a room's content
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "workbench" else [base]
            found += [(name, id(node) not in inside) for name in names]
    return found


def used(tree: ast.Module, name: str) -> list[str]:
    """What a module reads from the whole package, imported as `name`, its version and place aside."""
    reads = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
    return [f"workbench.{n.attr}" for n in reads if n.value.id == name and not n.attr.startswith("__")]


def rooms_imported(path: Path) -> list[tuple[str, bool]]:
    """The rooms of ours that a module imports, and whether at module level; its own left out."""
    found = []
    for name, at_top in imports(path):
        parts = name.split(".")
        if parts[0] != "workbench" or parts[1].startswith("__"):
            continue
        room = parts[1]
        if room in HOMES:
            room = HOMES[room].split(".")[0]
        if room != room_of(path):
            found.append((room, at_top))
    return found


@pytest.mark.parametrize("path", modules(), ids=named)
def test_imports_go_down(path: Path):
    room = room_of(path)
    if room in ("", WING):
        # names resolved on first use; figures have a stricter test below
        assert [r for r, _ in rooms_imported(path) if r not in (*EVERYWHERE, WING)] == []
        return
    assert room in FLOOR, f"{room} stands on no floor: name its floor in this test"
    for other, at_top in rooms_imported(path):
        if other == WING:
            assert not at_top or FLOOR[room] == 6, f"{named(path)} draws: let it import figures where it does"
            continue
        assert other in FLOOR, f"{named(path)} imports {other}, which stands on no floor"
        pair = (FLOOR[room], FLOOR[other])
        fine = pair[1] < pair[0] or pair in NEIGHBOURS or (room, other) in DOORS
        assert fine, f"{named(path)} (floor {pair[0]}) imports {other} (floor {pair[1]})"


@pytest.mark.parametrize("path", [p for p in modules() if room_of(p) == WING], ids=named)
def test_figures_know_arrays_and_frames_only(path: Path):
    assert [name for name, _ in imports(path) if name.split(".")[0] in TORCH | JUPYTER] == []
    ours = [name.split(".")[1] for name, _ in imports(path) if name.startswith("workbench.")]
    assert [room for room in ours if room not in (*EVERYWHERE, WING)] == []


@pytest.mark.parametrize("path", [p for p in modules() if FLOOR.get(room_of(p), 0) < 6], ids=named)
def test_nothing_below_the_widgets_knows_jupyter(path: Path):
    assert [name for name, _ in imports(path) if name.split(".")[0] in JUPYTER] == []


@pytest.mark.parametrize("path", [p for p in modules() if FLOOR.get(room_of(p)) == 0], ids=named)
def test_the_ground_floor_is_light(path: Path):
    heavy = TORCH | {"numpy", "pandas", "matplotlib", "plotly", "sklearn"}
    assert [name for name, at_top in imports(path) if at_top and name.split(".")[0] in heavy] == []


@pytest.mark.parametrize("path", modules(), ids=named)
def test_modules_and_functions_can_be_read_at_a_sitting(path: Path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400, f"{named(path)} has {text.count(chr(10))} lines; 400 are allowed"
    sizes = {
        f"{node.name}, line {node.lineno}": length(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: size for name, size in sizes.items() if size > 50} == {}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.mjs")), ids=named)
def test_a_module_of_the_pages_can_be_read_at_a_sitting(path: Path):
    assert path.read_text(encoding="utf-8").count("\n") <= 400


def test_the_median_module_is_short():
    assert statistics.median(p.read_text(encoding="utf-8").count("\n") for p in modules()) <= 120


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_says_what_it_is_for(path: Path):
    assert ast.get_docstring(tree_of(path))


def test_no_room_has_a_name_that_says_nothing():
    empty = {"utils", "util", "helpers", "helper", "manager", "handler", "common", "misc"}
    assert [named(path) for path in modules() if empty & set(named(path).removesuffix(".py").split("/"))] == []


def test_an_import_inside_a_function_counts(tmp_path: Path):
    module = tmp_path / "late.py"
    module.write_text(
        "import workbench as wb\ndef f():\n    from workbench.runs import fit\n"
        "    import torch, wb.x\n    wb.load_net\n"
    )
    assert ("workbench.runs", False) in imports(module)
    assert ("workbench.load_net", True) in imports(module)
    assert ("torch", False) in imports(module)


# the methods of a facade hand on to what is built on it: `net.save`, `diagnosis.save`
FACADES = {
    frozenset({"nets.net", "nets.loading.net_assembly", "nets.loading.net_file"}),
    frozenset({"diagnosis.findings", "diagnosis.report.serialization"}),
}


def test_no_modules_import_each_other_in_a_circle_but_facades():
    names = {dotted(path): path for path in modules()}
    graph = {name: {other for other in modules_imported(path) if other in names} for name, path in names.items()}
    assert {frozenset(circle) for circle in circles(graph)} == FACADES


def dotted(path: Path) -> str:
    """A module's dotted name inside the package."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_imported(path: Path) -> set[str]:
    """The modules that a module imports at run time, inside functions too; what only type checkers read is left out."""
    found, todo = set(), list(tree_of(path).body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workbench."):
            base = (node.module or "").removeprefix("workbench.")
            inner = [f"{base}.{alias.name}" for alias in node.names]
            found |= {n if PACKAGE.joinpath(*n.split(".")).with_suffix(".py").exists() else base for n in inner}
        todo += list(ast.iter_child_nodes(node))
    return found


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Sets of modules that reach each other."""
    reach = {name: reached_from(name, graph) for name in graph}
    groups = {frozenset({n for n in reach[name] if name in reach[n]}) for name in graph if name in reach[name]}
    return [set(group) for group in groups]


def reached_from(name: str, graph: dict[str, set[str]]) -> set[str]:
    """All that a module reaches by one import or more."""
    seen: set[str] = set()
    todo = list(graph[name])
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            todo += graph[here]
    return seen
