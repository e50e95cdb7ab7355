"""How much of the package must be read to understand one definition: what it names, followed to the end."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import workbench

PACKAGE = Path(workbench.__file__).parent
# how methods are found, arguments checked, and errors and values worded is read once, not for each method
COMMON = (
    "registry", "forms", "errors", "formatting", "argument_checks", "annotated_types", "type_hints", "_lazy_names",
)  # fmt: skip

Definition = tuple[str, str]  # module, dotted and relative to the package, and name


@functools.cache
def read_module(module: str) -> tuple[dict[str, ast.stmt], dict[str, tuple[str, str | None]]]:
    """Return the definitions of a module, and what its names are imported from: (module, name), or (module, None)."""
    path = PACKAGE.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            defined[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defined.update({t.id: node for t in targets if isinstance(t, ast.Name)})
    imported: dict[str, tuple[str, str | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "workbench":
            base = (node.module or "").removeprefix("workbench").lstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                own = PACKAGE.joinpath(*inner.split("."))
                is_module = own.with_suffix(".py").exists() or (own / "__init__.py").exists()
                imported[alias.asname or alias.name] = (inner, None) if is_module else (base, alias.name)
    return defined, imported


def names_used(node: ast.AST) -> list[tuple[str, str | None]]:
    """Return the names that a definition uses as (name, attribute or None); annotations are not followed."""
    used: list[tuple[str, str | None]] = []
    todo: list[ast.AST] = [node]
    while todo:
        here = todo.pop()
        if isinstance(here, ast.Attribute) and isinstance(here.value, ast.Name):
            used.append((here.value.id, here.attr))
        elif isinstance(here, ast.Name):
            used.append((here.id, None))
        for field, value in ast.iter_fields(here):
            if field in ("annotation", "returns"):
                continue
            todo += [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, ast.AST)]
    return used


def is_registry(node: ast.stmt) -> bool:
    """Return whether a definition makes a registry, which finds the methods of a folder."""
    value = getattr(node, "value", None)
    return isinstance(value, ast.Call) and "Registry" in ast.unparse(value.func)


def follow(module: str, name: str) -> dict[Definition, int]:
    """Return all definitions reached from one, with their lines, docstrings included."""
    found: dict[Definition, int] = {}
    todo = [(module, name)]
    while todo:
        here, what = todo.pop()
        if (here, what) in found or here.split(".")[0] in COMMON:
            continue
        defined, imported = read_module(here)
        if what in imported and what not in defined:
            source, original = imported[what]
            todo += [(source, original)] if original else []
            continue
        if what not in defined:
            continue
        node = defined[what]
        if is_registry(node):
            continue
        found[here, what] = (node.end_lineno or node.lineno) - node.lineno + 1
        for used, attribute in names_used(node):
            if used in imported and imported[used][1] is None and attribute:
                todo.append((imported[used][0], attribute))
            else:
                todo.append((here, used))
    return found


def measure(module: str, name: str) -> tuple[int, int]:
    """Return files and lines that are read to understand a definition."""
    found = follow(module, name)
    return len({module for module, _ in found}), sum(found.values())
