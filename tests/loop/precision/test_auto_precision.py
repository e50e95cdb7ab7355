"""The choice of precision: what is asked for, what a trial finds, and that it stands."""

from __future__ import annotations

import contextlib
import io
import json
import logging

import pytest
import torch

import workbench as wb
from workbench.loop.precision import auto_precision
from workbench.loop.training import Training
from workbench.plan import Schedule
from workbench.runs.build import open_training
from workbench.tunings import select_moving_weights

CPU = torch.device("cpu")


@pytest.fixture
def units(monkeypatch):
    """A CPU with bf16 units, whatever this one has."""
    monkeypatch.setattr(auto_precision, "has_bf16_units", lambda: True)


@pytest.fixture
def timed(units, monkeypatch):
    """Sets how long steps take; gives the list of the precisions that were timed."""

    def make(fp32, bf16):
        steps = []

        def step(dtype):
            steps.append(dtype)
            return fp32 if dtype is None else bf16

        monkeypatch.setattr(auto_precision, "TIMING_SECONDS", 0.0)
        monkeypatch.setattr(auto_precision, "make_timed_step", lambda *_: step)
        return steps

    return make


def choose(net, steps=1000, grid=None, derivatives=1, **settings):
    grid = grid or [[1.0] * len(net.stages)]
    moving = [select_moving_weights(net, rates) for rates in grid]
    return auto_precision.choose_precision(Schedule(**settings), CPU, net, moving, steps, derivatives)


def test_what_is_asked_for_is_obeyed_without_a_trial(tiny, timed):
    steps = timed(1.0, 0.1)
    assert choose(tiny(), precision="fp32") == "fp32" and choose(tiny(), precision="bf16") == "bf16"
    assert steps == []


def test_second_derivatives_stay_in_full_precision_whatever_is_asked_for(tiny, timed):
    steps = timed(1.0, 0.1)
    assert choose(tiny(), precision="auto", derivatives=2) == "fp32"
    assert choose(tiny(), precision="bf16", derivatives=2) == "fp32"
    assert steps == []


def test_a_cpu_without_units_computes_in_fp32(tiny, timed, monkeypatch):
    steps = timed(1.0, 0.1)
    monkeypatch.setattr(auto_precision, "has_bf16_units", lambda: False)
    assert choose(tiny()) == "fp32" and steps == []


@pytest.mark.parametrize(("names", "has"), [((), False), (("avx512_bf16",), True), (("amx_tile",), True)])
def test_units_are_what_torch_says_and_none_where_it_does_not(monkeypatch, names, has):
    for name in ("avx512_bf16", "amx_tile"):
        monkeypatch.setattr(torch.cpu, f"_is_{name}_supported", lambda name=name: name in names, raising=False)
    assert auto_precision.has_bf16_units() == has
    for name in ("avx512_bf16", "amx_tile"):
        monkeypatch.delattr(torch.cpu, f"_is_{name}_supported")
    assert not auto_precision.has_bf16_units()


@pytest.mark.parametrize(("supported", "choice"), [(True, "bf16"), (False, "fp32")])
def test_cuda_computes_in_bf16_where_its_units_do(monkeypatch, supported, choice):
    def supports(including_emulation=True):
        return including_emulation or supported

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supports)
    monkeypatch.setattr(torch.cuda, "device", lambda place: contextlib.nullcontext())
    assert auto_precision.known_precision(Schedule(), torch.device("cuda:0")) == choice
    assert auto_precision.known_precision(Schedule(precision="fp32"), torch.device("cuda:0")) == "fp32"
    assert auto_precision.known_precision(Schedule(), torch.device("mps")) == "fp32"


def test_a_short_run_takes_fp32_after_one_step(tiny, timed):
    steps = timed(0.019, 0.001)
    assert choose(tiny(), steps=1000) == "fp32"
    assert steps == [None]


@pytest.mark.parametrize(("bf16", "choice", "words"), [(0.5, "bf16", "2.0x faster"), (0.9, "fp32", "1.1x as fast")])
def test_a_long_run_takes_what_is_clearly_faster_and_says_so(tiny, timed, caplog, bf16, choice, words):
    timed(1.0, bf16)
    caplog.set_level(logging.INFO, "workbench")
    assert choose(tiny()) == choice
    assert words in caplog.text and ("precision='fp32' turns it off" in caplog.text) == (choice == "bf16")


def test_a_net_that_does_not_compute_in_bf16_computes_in_fp32(tiny, units, monkeypatch):
    def step(dtype):
        if dtype is not None:
            raise RuntimeError('"grid_sampler" not implemented for BFloat16')
        return 1.0

    monkeypatch.setattr(auto_precision, "make_timed_step", lambda *_: step)
    assert choose(tiny()) == "fp32"
    monkeypatch.setattr(auto_precision, "make_timed_step", lambda *_: pytest.fail("it is known"))
    assert choose(tiny()) == "fp32"


def test_what_does_not_compute_at_all_is_left_to_the_first_step(tiny, units, monkeypatch):
    net = tiny()
    monkeypatch.setattr(type(net), "forward", lambda *_: 1 / 0)
    assert choose(net) == "fp32" and auto_precision.read_trials() == {}


def test_the_choice_stands_for_the_next_run_of_the_same_plan(tiny, timed):
    timed(1.0, 0.5)
    assert choose(tiny()) == "bf16"
    steps = timed(1.0, 2.0)
    assert choose(tiny()) == "bf16" and steps == [], "measured once"
    for other in ({"batch_size": 64}, {"batch_norm": "eval"}):
        assert choose(tiny(), **other) == "fp32", other
    head = [[0.0] * (len(tiny().stages) - 1) + [1.0]]
    assert choose(tiny(), grid=head) == "fp32"
    assert choose(tiny("test_vit")) == "fp32" and choose(tiny(size=64)) == "fp32"


def test_a_longer_run_measures_what_a_shorter_one_left_out_and_changes_nothing_for_it(tiny, timed):
    timed(0.5, 0.1)
    assert choose(tiny(), steps=30) == "fp32"
    steps = timed(0.1, 0.05)  # a quieter moment
    assert choose(tiny(), steps=300) == "bf16" and torch.bfloat16 in steps
    steps = timed(9.0, 9.0)
    assert choose(tiny(), steps=30) == "fp32" and choose(tiny(), steps=300) == "bf16" and steps == []


def test_an_unreadable_book_is_written_anew(tiny, timed, home):
    timed(1.0, 0.5)
    for text in ("{half", "[]"):
        auto_precision.trials_path().parent.mkdir(exist_ok=True)
        auto_precision.trials_path().write_text(text)
        assert choose(tiny()) == "bf16"
        (entry,) = json.loads((home / "cache" / "precision.json").read_text()).values()
        assert entry == {"seconds": 1.0, "faster": 2.0}


def test_a_full_disk_does_not_matter(tiny, timed, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    timed(1.0, 0.5)
    monkeypatch.setattr(auto_precision._paths, "write_file", full)
    assert choose(tiny()) == "bf16"


def test_the_epoch_in_which_most_weights_move_is_tried(tiny, units, monkeypatch):
    net, tried = tiny(), []
    monkeypatch.setattr(
        auto_precision,
        "compare_precisions",
        lambda schedule, net, moving, *_: tried.append(list(moving.lr_multipliers)) or "fp32",
    )
    last = len(net.stages) - 1
    grid = [[0.0] * last + [9.0], [0.1] * (last + 1), [0.0] + [1.0] * last]
    choose(net, grid=grid)
    assert tried == [grid[1]]


def test_a_trial_leaves_the_net_and_the_random_numbers_alone(tiny):
    net = tiny()
    net.train()
    net.backbone.conv_stem.weight.requires_grad_(False)
    before = {name: t.clone() for name, t in net.state_dict().items()}
    modes, random = [m.training for m in net.modules()], torch.get_rng_state()
    step = auto_precision.make_timed_step(
        Schedule(batch_size=4), net, select_moving_weights(net, [1.0] * len(net.stages))
    )
    assert step(None) > 0 and step(torch.bfloat16) > 0
    assert torch.equal(torch.get_rng_state(), random)
    assert [m.training for m in net.modules()] == modes
    assert not net.backbone.conv_stem.weight.requires_grad and all(p.grad is None for p in net.parameters())
    assert all(torch.equal(t, before[name]) for name, t in net.state_dict().items())


def test_a_trial_step_computes_in_the_precision_it_is_said_to(tiny, monkeypatch):
    net, seen = tiny(), []
    real = type(net).forward
    monkeypatch.setattr(type(net), "forward", lambda self, x: seen.append(real(self, x)) or seen[-1])
    step = auto_precision.make_timed_step(
        Schedule(batch_size=4), net, select_moving_weights(net, [0.0] * (len(net.stages) - 1) + [1.0])
    )
    step(torch.bfloat16), step(None)
    assert [out.dtype for out in seen] == [torch.bfloat16, torch.float32] and seen[0].shape == (4, 3)


def test_seconds_are_those_of_a_whole_batch(tiny, monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(auto_precision.time, "perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr(auto_precision, "TRIAL_PIXELS", 0)
    net = tiny()
    assert (
        auto_precision.make_timed_step(
            Schedule(batch_size=24), net, select_moving_weights(net, [1.0] * len(net.stages))
        )(None)
        == 3.0
    )


def test_the_best_step_of_each_counts(monkeypatch):
    clock = iter([0.0, 0.5, 1.5])
    monkeypatch.setattr(auto_precision.time, "perf_counter", lambda: next(clock))
    took = iter([9.0, 1.0, 3.0, 4.0, 0.5])
    assert auto_precision.time_speedup(lambda dtype: next(took)) == 2.0


def test_all_processes_take_the_first_one_s_choice(tiny, units, monkeypatch):
    monkeypatch.setattr(auto_precision, "rank_and_world", lambda: (1, 2))
    monkeypatch.setattr(auto_precision, "compare_precisions", lambda *_: pytest.fail("only the first process tries"))
    for choice in ("bf16", "fp32"):
        monkeypatch.setattr(
            auto_precision.distributed, "broadcast_answer", lambda question, answer, choice=choice: choice
        )
        assert choose(tiny()) == choice


def trained(plan, state=None):
    training = open_training(plan, state=state)
    list(training)
    return training


def halfway(plan):
    """A state between two points, as a file holds it."""
    training, buffer = open_training(plan), io.BytesIO()
    next(training)
    torch.save(training.state_dict(), buffer)
    training.close()
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def test_a_resumed_run_computes_as_it_began(tiny_plan, timed):
    plan = tiny_plan(precision="auto", epochs=1)
    timed(10.0, 1.0)
    whole, state = trained(plan), halfway(plan)
    assert whole.precision == state["precision"] == "bf16" and whole.autocast == torch.bfloat16
    auto_precision.trials_path().unlink()
    timed(10.0, 100.0)  # another machine, where bf16 would not be taken
    rest = trained(plan, state)
    assert rest.precision == "bf16"
    assert all(torch.equal(t, whole.net.state_dict()[name]) for name, t in rest.net.state_dict().items())
    plain = trained(plan.replace(precision="fp32"))
    assert not all(torch.equal(t, plain.net.state_dict()[name]) for name, t in rest.net.state_dict().items())


def test_a_state_from_before_there_were_trials_goes_on_in_fp32(tiny_plan, timed):
    plan = tiny_plan(epochs=1)
    state = halfway(plan)
    del state["precision"]
    timed(10.0, 1.0)
    assert trained(plan.replace(precision="auto"), state).precision == "fp32"


def test_the_updates_compute_in_what_was_chosen(tiny_plan, timed, monkeypatch):
    timed(10.0, 1.0)
    training, seen = open_training(tiny_plan(precision="auto")), []
    training.net.head.register_forward_hook(lambda module, given, out: seen.append(out.dtype))
    next(training)
    training.close()
    assert isinstance(training, Training) and set(seen) == {torch.bfloat16}


def test_the_run_s_folder_says_which(tiny_plan, timed):
    timed(10.0, 1.0)
    run = wb.fit(tiny_plan(precision="auto", epochs=1), progress=False)
    assert run.environment["precision"] == "bf16" and "10.0x faster here than fp32" in run.log
    assert wb.fit(tiny_plan(epochs=1), progress=False).environment["precision"] == "fp32"
