"""Write the `__init__.pyi` of every package whose public names are loaded on first use.

A module's `__all__` lists what it makes public. A package that calls `attach_names` shows the names of all modules
below it. The package `workbench` itself shows the names of all of them, except of the namespaces, which stay apart.

    python tools/write_stubs.py           write the stubs
    python tools/write_stubs.py --check   exit with 1 where one differs
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMESPACES = {"figures": "figures", "probes": "probes", "scores": "scores", "widgets": "widgets", "world": "data.world"}
FLAT = ("Workbench", "list_scores")  # names of namespaces that `wb` shows as well
HEADER = "# Written by tools/write_stubs.py; change the `__all__` of a module, not this file.\n"


def public_names(path: Path) -> list[str]:
    """List the names in a module's `__all__`; none where it has no literal one."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.List):
            continue
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets):
            return [element.value for element in node.value.elts if isinstance(element, ast.Constant)]
    return []


def is_lazy(path: Path) -> bool:
    """Return whether a package's `__init__.py` loads its names on first use."""
    return re.search(r"attach_names\(\s*__name__", path.read_text(encoding="utf-8")) is not None


def list_exports(package: Path) -> list[tuple[str, str]]:
    """List the (module, name) pairs below a package, the module dotted and relative to it."""
    pairs = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts:
            pairs += [(".".join(parts), name) for name in public_names(path)]
    return pairs


def list_namespaces(package: Path) -> dict[str, str]:
    """Map the namespaces below a package to their modules, dotted and relative to it."""
    own = "" if package.name == "workbench" else f"{package.name}."
    return {name: module.removeprefix(own) for name, module in NAMESPACES.items() if module.startswith(own)}


def list_flat_names(package: Path) -> list[tuple[str, str]]:
    """List the (module, name) pairs that a package shows itself: all below it, except those of namespaces."""
    inside = tuple(f"{module}." for module in list_namespaces(package).values())
    return [(m, n) for m, n in list_exports(package) if not f"{m}.".startswith(inside) or n in FLAT]


def render_stub(package: Path) -> str:
    """Render the stub of one package."""
    lines = [f"from .{m.rpartition('.')[0]} import {n} as {n}" for n, m in sorted(list_namespaces(package).items())]
    lines += [f"from .{m} import {n} as {n}" for m, n in list_flat_names(package)]
    lines += ["", "__version__: str"] if package.name == "workbench" else []
    return HEADER + "\n".join(lines) + "\n"


def main(words: list[str]) -> int:
    """Write or check all stubs."""
    different = []
    for path in sorted((ROOT / "workbench").rglob("__init__.py")):
        if not is_lazy(path):
            continue
        stub, text = path.with_suffix(".pyi"), render_stub(path.parent)
        if not stub.exists() or stub.read_text(encoding="utf-8") != text:
            different.append(str(stub.relative_to(ROOT)))
            if "--check" not in words:
                stub.write_text(text, encoding="utf-8")
    print("\n".join(different) or "all stubs are up to date")
    return int(bool(different) and "--check" in words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
