"""The public face: light to import, every name resolves and says what it is for."""

from __future__ import annotations

import inspect
import types

import pytest

import workbench as wb
from workbench.strategies import strategies
from workbench.tunings import tunings

HEAVY = (
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "pandas",
    "matplotlib",
    "plotly",
    "ipywidgets",
    "anywidget",
    "IPython",
)
LIGHT = f"""
import sys, time
before = time.perf_counter()
import workbench
took = time.perf_counter() - before
heavy = [m for m in {HEAVY!r} if m in sys.modules]
assert not heavy, heavy
dir(workbench)
print(took)
"""
CORE = """
import sys
class Absent:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in ("ipywidgets", "anywidget", "IPython", "traitlets", "jupyterlab", "ipykernel"):
            raise ImportError("not on a GPU server: " + name)
sys.meta_path.insert(0, Absent())
import workbench as wb
for name in wb.__all__:
    if name not in ("widgets", "Workbench"):
        getattr(wb, name)
"""


def test_importing_is_quick_and_brings_nothing_heavy(python):
    # the best of five: what the import costs, not what the machine does beside it
    assert min(float(python(LIGHT)) for _ in range(5)) <= 0.1


def test_everything_below_the_widgets_does_without_jupyter(python):
    python(CORE)


@pytest.mark.parametrize("name", [n for n in wb.__all__ if n != "__version__"])
def test_a_public_name_resolves_and_is_documented(name):
    value = getattr(wb, name)
    assert inspect.getdoc(value), f"wb.{name} does not say what it is for"
    assert name in dir(wb)
    if isinstance(value, type) or inspect.isfunction(value):
        assert value.__module__.startswith("workbench.")


@pytest.mark.parametrize("room", ["images", "tunings", "strategies", "runs", "scores"])
def test_a_room_answers_a_call_however_it_was_imported(room):
    module = __import__(f"workbench.{room}", fromlist=["x"])
    assert isinstance(module, types.ModuleType)
    assert callable(getattr(wb, room))
    assert getattr(wb, room) is module
    assert inspect.getdoc(getattr(wb, room))


def test_an_unknown_name_is_refused_with_a_near_miss():
    with pytest.raises(AttributeError, match="did you mean launch"):
        wb.lanch  # noqa: B018


@pytest.mark.parametrize("registry", [tunings, strategies], ids=lambda r: r.kind)
def test_every_method_names_its_source(registry):
    table = registry.table()
    assert list(table.columns) == ["name", "what", "source", "parameters"]
    assert len(table) >= 4
    for row in table.itertuples():
        assert row.what.endswith("."), f"{row.name}: {row.what}"
        assert row.source, f"{row.name} names no source"


@pytest.mark.parametrize("registry", [tunings, strategies], ids=lambda r: r.kind)
def test_every_parameter_of_a_method_is_explained(registry):
    from workbench import forms

    unexplained = [f"{n}.{f.name}" for n, cls in registry.classes().items() for f in forms.fields(cls) if not f.help]
    assert unexplained == []
