"""Names for classes: found by walking a package, checked when chosen."""

from __future__ import annotations

import sys
from typing import Annotated

import pytest

from workbench.errors import BadValue, UnknownName
from workbench.forms import Range
from workbench.plan import Choice
from workbench.registry import Registry

PACKAGE = """
from workbench.registry import Registry
shapes = Registry("shape", __name__)
"""
MODULE = '''
from __future__ import annotations
from {package} import shapes

@shapes.add("{name}")
class {cls}:
    """A {name}."""
    paper = "Euclid"
    def __init__(self, *, size: int = 3) -> None:
        self.size = size
'''


@pytest.fixture
def shapes(tmp_path, monkeypatch) -> Registry:
    """A registry over a package of two files, one of them a folder deeper."""
    package = tmp_path / "shapes_to_walk"
    (package / "round").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from workbench.registry import Registry\nshapes = Registry('shape', __name__)\n"
    )
    (package / "square.py").write_text(MODULE.format(package=package.name, name="square", cls="Square"))
    (package / "round" / "__init__.py").write_text("")
    (package / "round" / "disc.py").write_text(MODULE.format(package=package.name, name="disc", cls="Disc"))
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__(package.name).shapes
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        del sys.modules[name]


def test_a_new_file_is_all_it_takes(shapes):
    assert list(shapes) == ["disc", "square"]
    assert shapes["disc"].name == "disc"
    assert shapes.create("square", size=5).size == 5


def test_the_table_says_what_each_is_for(shapes):
    table = shapes.describe()
    assert table.to_dict("records")[0] == {
        "name": "disc",
        "description": "A disc.",
        "paper": "Euclid",
        "parameters": "size=3",
    }


def test_an_unknown_name_is_refused_with_a_near_miss(shapes):
    with pytest.raises(UnknownName, match="no shape is called 'dics'; did you mean disc?"):
        shapes["dics"]


def test_a_choice_keeps_only_what_differs_from_the_defaults(shapes):
    assert shapes.make_choice("disc", size=3) == Choice("disc")
    assert shapes.make_choice({"name": "disc", "params": {"size": 4}}, size=5) == Choice("disc", {"size": 5})
    assert shapes.make_choice(Choice("disc", {"size": 4})) == Choice("disc", {"size": 4})


def test_a_parameter_is_checked_when_chosen(shapes):
    with pytest.raises(BadValue, match="size of shape disc wants a whole number; got 'large'"):
        shapes.make_choice("disc", size="large")
    with pytest.raises(UnknownName, match="no parameter of shape disc"):
        shapes.make_choice("disc", sise=1)


def test_two_classes_cannot_want_one_name():
    registry = Registry("thing", "workbench")

    @registry.add("one")
    class One:
        def __init__(self, *, share: Annotated[float, Range(0, 1)] = 0.5) -> None:
            pass

    with pytest.raises(ValueError, match="two thing classes are registered as 'one'"):
        registry.add("one")(type("Two", (), {}))
    # a module that is run again, as a notebook cell is, replaces its own class
    assert registry.add("one")(One) is One
