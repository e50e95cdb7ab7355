"""Names and docstrings follow the rules: verbs for functions, nouns for modules, plain first sentences."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import workbench

PACKAGE = Path(workbench.__file__).parent
TREES = {path.relative_to(PACKAGE): ast.parse(path.read_text("utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
# the functions of the namespace `scores` bear the names of their papers
NAMESPACE = ("scores",)
# irregular participles; those in -ed and -ing are told by their ending
IRREGULAR = frozenset(
    [
        "begun",
        "bound",
        "broken",
        "built",
        "chosen",
        "cut",
        "done",
        "drawn",
        "driven",
        "eaten",
        "fallen",
        "felt",
        "forgotten",
        "found",
        "given",
        "grown",
        "heard",
        "held",
        "hidden",
        "kept",
        "known",
        "laid",
        "learnt",
        "led",
        "left",
        "lent",
        "lit",
        "lost",
        "made",
        "meant",
        "met",
        "paid",
        "put",
        "read",
        "risen",
        "said",
        "seen",
        "sent",
        "set",
        "shown",
        "sold",
        "spelt",
        "spent",
        "split",
        "stood",
        "stolen",
        "taken",
        "thought",
        "thrown",
        "told",
        "understood",
        "woken",
        "won",
        "worn",
        "written",
    ]
)
# verbs and nouns that only look like participles
PLAIN = frozenset(["embed", "exceed", "feed", "need", "read", "seed", "set", "split", "string", "put", "cut", "speed"])
OPENING = re.compile(r"(a|an|the|what|how|whether)\b", re.IGNORECASE)


def functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """Every function and method, those of Python's own protocols aside."""
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and not n.name.startswith("__")]


def public_functions() -> list[tuple[Path, str]]:
    """The public functions at module level, the namespaces' own aside."""
    return [
        (path, node.name)
        for path, tree in TREES.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and path.parts[0] not in NAMESPACE
    ]


def is_bare_participle(name: str) -> bool:
    """Return whether a name is a single participle, such as `told`, `_kept` or `measured`."""
    word = name.strip("_")
    return "_" not in word and word not in PLAIN and (word in IRREGULAR or bool(re.fullmatch(r"\w{3,}(ed|ing)", word)))


def docstrings() -> list[tuple[Path, str]]:
    """Every docstring of a module, class or function."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = [(path, n) for path, tree in TREES.items() for n in ast.walk(tree) if isinstance(n, kinds)]
    return [(path, text) for path, node in nodes if (text := ast.get_docstring(node))]


def share(some: list, of: list) -> float:
    """One list's length over another's."""
    return len(some) / len(of)


def test_participles_are_recognised():
    assert [n for n in ("told", "_kept", "measured", "drawing", "split", "seed", "is_read", "kept_rows") if
            is_bare_participle(n)] == ["told", "_kept", "measured", "drawing"]  # fmt: skip


def test_few_public_functions_are_a_single_word():
    names = public_functions()
    single = [f"{path}: {name}" for path, name in names if "_" not in name]
    assert share(single, names) <= 0.05, single


def test_few_functions_are_a_bare_participle():
    names = [(path, node.name) for path, tree in TREES.items() for node in functions(tree)]
    bare = [f"{path}: {name}" for path, name in names if is_bare_participle(name)]
    assert share(bare, names) <= 0.01, bare


def test_few_docstrings_open_with_an_article_or_a_clause():
    texts = docstrings()
    opening = [f"{path}: {text.splitlines()[0]}" for path, text in texts if OPENING.match(text)]
    assert share(opening, texts) <= 0.02, opening


def test_no_function_is_defined_in_five_modules():
    homes = defaultdict(set)
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name not in ("__getattr__", "__dir__"):
                homes[node.name].add(path.as_posix())
    assert {name: sorted(paths) for name, paths in homes.items() if len(paths) >= 5} == {}


def test_no_public_function_bears_the_name_of_a_module_beside_it():
    beside = {(path.parent, path.stem if path.stem != "__init__" else path.parent.name) for path in TREES}
    assert [f"{path}: {name}" for path, name in public_functions() if (path.parent, name) in beside] == []
