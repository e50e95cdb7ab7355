"""What every tuning and every strategy promises, over the registries: a new file is tested by being there."""

from __future__ import annotations

import inspect

import pytest
import torch

import workbench as wb
from workbench import forms
from workbench.errors import WorkbenchError
from workbench.runs.build import open_training
from workbench.strategies import strategies
from workbench.tunings import tunings

# strategies that a head alone does not serve, and the tunings under which nothing else moves in a single epoch
OF_FEATURES = {"dann", "distill-features", "distill-hints", "rotation", "simclr"}
OF_THE_HEAD = {"head", "gradual", "lp-ft", "grid"}
# parameters without a default need a value for a trial
TRIALS = {"grid": {"rows": {"head": [1.0], "conv_head": [0.0, 0.1]}}}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    wb.load_net("test_efficientnet", classes=["left", "middle", "right"], pretrained=False, size=32).save(path)
    return path


def tensors(net):
    return {name: tensor.detach().clone() for name, tensor in [*net.named_parameters(), *net.named_buffers()]}


def trial(name, teacher):
    taught = {"teacher": str(teacher)}
    return taught if name.startswith("distill") else TRIALS.get(name, {})


@pytest.mark.parametrize("tuning", list(tunings))
@pytest.mark.parametrize("strategy", list(strategies))
def test_every_pair_trains_or_refuses_with_a_sentence(tiny_plan, two_domains, teacher, tuning, strategy):
    plan = tiny_plan(
        two_domains,
        tuning={"name": tuning, "params": trial(tuning, teacher)},
        strategy={"name": strategy, "params": trial(strategy, teacher)},
        epochs=1,
        batch_size=32,
        select="last",
        precision="bf16" if tuning == "full" else "fp32",  # which `auto` may choose for any strategy
    )
    assert wb.Plan.from_json(plan.replace(data="digits").to_json()) == plan.replace(data="digits")
    try:
        training = open_training(plan)
    except WorkbenchError as refusal:
        assert len(str(refusal).split()) > 5
        if strategy in OF_FEATURES and tuning in OF_THE_HEAD:
            assert f"of the strategy {strategy} would train" in str(refusal)
        return
    assert not (strategy in OF_FEATURES and tuning in OF_THE_HEAD), "it would train nothing of what it is for"
    before = tensors(training.net)
    points = list(training)
    assert points and all(torch.isfinite(torch.tensor(p.values["loss"])) for p in points)
    assert all(row["unchanged"] for row in training.frozen_check.rows)
    grid = wb.lr_grid(plan.tuning, training.net, 1)
    after = tensors(training.net)
    for stage, row in zip(training.net.stages, grid, strict=True):
        changed = any(not torch.equal(before[name], after[name]) for name in stage.tensor_names)
        assert changed == bool(row.any()), stage.name
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in training.net.modules())
    state = training.state_dict()
    buffer_names = set(training.strategy.state_dict())
    assert set(state["strategy"]) == buffer_names


@pytest.mark.parametrize("registry", [tunings, strategies], ids=["tunings", "strategies"])
def test_every_method_says_what_it_is_and_where_it_is_from(registry):
    for name, cls in registry.classes().items():
        assert (inspect.getdoc(cls) or "").strip(), name
        assert "arXiv" in cls.paper or "20" in cls.paper or "19" in cls.paper, name
        for field in forms.constructor_fields(cls):
            assert field.help, f"{name}.{field.name} has no help in its docstring"
            if field.type in (int, float) and not field.options:
                assert field.range is not None, f"{name}.{field.name} has no range"


@pytest.mark.parametrize("registry", [tunings, strategies], ids=["tunings", "strategies"])
def test_every_method_s_file_can_be_read_at_one_sitting(registry):
    for name, cls in registry.classes().items():
        lines = inspect.getsource(inspect.getmodule(cls)).count("\n")
        assert lines <= 80, f"{name} takes {lines} lines"


@pytest.mark.parametrize("name", list(tunings))
def test_rates_are_a_pure_function_of_progress(name, tiny, teacher):
    net, made = tiny(), tunings.create(name, **trial(name, teacher))
    grid = [made.lr_multipliers(net, epoch / 7) for epoch in range(7)]
    again = [
        tunings.create(name, **trial(name, teacher)).lr_multipliers(net, epoch / 7) for epoch in reversed(range(7))
    ]
    assert grid == again[::-1]
    assert all(len(row) == len(net.stages) and min(row) >= 0 for row in grid)


@pytest.mark.parametrize("name", list(strategies))
def test_what_a_strategy_keeps_can_be_loaded_right_after_prepare(name, tiny, teacher):
    first, second = (strategies.create(name, **trial(name, teacher)) for _ in range(2))
    first.prepare(tiny(seed=0))
    second.prepare(tiny(seed=1))
    second.load_state_dict(first.state_dict())
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
