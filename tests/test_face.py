"""The public face: light to import, every name resolves and says what it is for."""

from __future__ import annotations

import dataclasses
import inspect
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import workbench as wb
from tools import write_stubs
from workbench.data.opening.load_options import LoadOptions
from workbench.plan import PlanOptions, ScheduleOptions
from workbench.strategies import strategies
from workbench.tunings import tunings

NAMESPACES = ("figures", "probes", "scores", "widgets", "world")
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
    assert min(float(python(LIGHT)) for _ in range(5)) <= 0.05


def test_everything_below_the_widgets_does_without_jupyter(python):
    python(CORE)


@pytest.mark.parametrize("name", [n for n in wb.__all__ if n != "__version__"])
def test_a_public_name_resolves_and_is_documented(name):
    value = getattr(wb, name)
    assert inspect.getdoc(value), f"wb.{name} does not say what it is for"
    assert name in dir(wb)
    if isinstance(value, type) or inspect.isfunction(value):
        assert value.__module__.startswith("workbench.")


def test_no_module_is_callable():
    callables = [name for name, module in sys.modules.items() if name.startswith("workbench") and callable(module)]
    assert callables == []


@pytest.mark.parametrize("package", [wb, *(getattr(wb, name) for name in NAMESPACES)], ids=lambda p: p.__name__)
def test_no_public_function_bears_the_name_of_a_module_beside_it(package):
    modules = {m.name for m in pkgutil.iter_modules(package.__path__)}
    shared = {name for name in dir(package) if name in modules and not inspect.ismodule(getattr(package, name))}
    assert shared == set()


def test_the_stubs_are_those_that_the_script_writes():
    assert write_stubs.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("wb.load_images('photos', sour", "source_domain="),
        ("wb.load_images('world', spur", "spurious="),
        ("wb.Plan('resnet18', 'digits', lr_s", "lr_schedule="),
        ("wb.Schedule(cache", "cache_activations="),
        ("plan.replace(batch_n", "batch_norm="),
        ("wb.load_ne", "load_net"),
        ("wb.probes.sal", "saliency"),
    ],
)
def test_the_notebook_completes_options_and_names(line, expected):
    shell = InteractiveShell.instance()
    shell.user_ns.update(wb=wb, plan=wb.Plan("test_efficientnet", "digits"))
    with provisionalcompleter():
        texts = [completion.text.rpartition(".")[2] for completion in shell.Completer.completions(line, len(line))]
    assert expected in texts


def test_help_names_every_option():
    for function, owner in ((wb.load_images, LoadOptions), (wb.Plan, wb.Schedule), (wb.Plan.replace, wb.Schedule)):
        named = inspect.signature(function).parameters
        assert [f.name for f in dataclasses.fields(owner) if f.name not in named] == []
        assert not [p.name for p in named.values() if p.kind is p.VAR_KEYWORD]


def test_the_options_of_a_plan_are_typed_as_the_schedule_has_them():
    own = {*ScheduleOptions.__annotations__}
    assert own == {f.name for f in dataclasses.fields(wb.Schedule)}
    added = {*PlanOptions.__annotations__} - own
    assert added | own == {*inspect.signature(wb.Plan).parameters}


SCRIPT = """
import workbench as wb

images = wb.load_images("digits", per_class=5)
net = wb.load_net("test_efficientnet", classes=list(images.classes))
plan = wb.Plan(net, images, tuning=wb.tuning("last-k", k=2), epochs=1, lr_schedule="cosine")
run = wb.fit(plan)
reveal_type(images)
reveal_type(net)
reveal_type(plan.replace(seed=1))
reveal_type(run)
reveal_type(wb.evaluate(run.net(), images))
reveal_type(wb.list_tunings())
reveal_type(wb.search_backbones("mobilenet"))
reveal_type(wb.diagnose(plan))
reveal_type(wb.probes.saliency(net, images))
wb.Plan(net, images, epocs=1)
wb.lanch(plan)
"""


def test_a_type_checker_knows_the_types_in_a_small_script(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    root = Path(wb.__file__).parents[1]
    settings = {"include": ["script.py"], "extraPaths": [str(root)], "typeCheckingMode": "standard"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable, "-p", tmp_path]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=300).stdout)
    messages = [d["message"] for d in found["generalDiagnostics"]]
    types = [m.split(" is ")[1].strip('"') for m in messages if m.startswith("Type of")]
    assert types == [
        "Images", "Net", "Plan", "Run", "Evaluation", "list[str]", "DataFrame", "Diagnosis", "Saliency"
    ]  # fmt: skip
    errors = " ".join(m for m in messages if not m.startswith("Type of"))
    assert "epocs" in errors and "lanch" in errors and len(messages) == len(types) + 2


def test_an_unknown_name_is_refused_with_a_near_miss():
    with pytest.raises(AttributeError, match="did you mean launch"):
        wb.lanch  # noqa: B018


@pytest.mark.parametrize("registry", [tunings, strategies], ids=lambda r: r.kind)
def test_every_method_names_its_source(registry):
    table = registry.describe()
    assert list(table.columns) == ["name", "description", "paper", "parameters"]
    assert len(table) >= 4
    for row in table.itertuples():
        assert row.description.endswith("."), f"{row.name}: {row.description}"
        assert row.paper, f"{row.name} names no paper"


@pytest.mark.parametrize("registry", [tunings, strategies], ids=lambda r: r.kind)
def test_every_parameter_of_a_method_is_explained(registry):
    from workbench import forms

    unexplained = [
        f"{n}.{f.name}" for n, cls in registry.classes().items() for f in forms.constructor_fields(cls) if not f.help
    ]
    assert unexplained == []
