"""What a run keeps is what was validated, and can be opened: best epoch and strategy, stopped runs, odd nets."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import workbench as wb
from workbench.errors import BadValue, RunFailed
from workbench.runs.folder import run_files as files
from workbench.runs.folder.saved_net import find_difference
from workbench.runs.processes.launching import create_run_folder
from workbench.runs.processes.runner import Runner
from workbench.strategies import Strategy, strategies
from workbench.strategies.functional import supervised_losses
from workbench.tunings import Tuning, tunings


@pytest.fixture
def add(monkeypatch):
    """A function that registers a strategy or a tuning for one test."""

    def register(registry, cls, name="made"):
        registry.classes()
        monkeypatch.setattr(cls, "name", name, raising=False)
        monkeypatch.setitem(registry._classes, name, cls)
        return name

    return register


class Leaning(Strategy):
    """Answers with a lean of its own, which drifts away from step to step: early epochs are the best ones."""

    paper = "here"

    def prepare(self, net):
        self.register_buffer("lean", torch.zeros(3))

    def losses(self, net, batch, progress):
        x, y = batch["labelled"]
        self.lean[0] += 3.0
        return supervised_losses(net(x), y, self.label_spec)

    def logits(self, net, x):
        return net(x) + self.lean


class Written(Leaning):
    """The same, which writes its lean into the net in the end."""

    def finish(self, net):
        with torch.no_grad():
            net.head.bias += self.lean


@pytest.mark.parametrize("cls", [Leaning, Written])
def test_the_best_epoch_keeps_the_strategy_s_state_with_the_net_s(tiny_plan, add, cls):
    name = add(strategies, cls)
    run = wb.fit(tiny_plan(strategy=name, epochs=3, lr=3e-3), progress=False)
    valid = run.points.query("split == 'valid'")
    best = valid.sort_values(["accuracy", "loss"], ascending=[False, True]).iloc[0]
    assert best.epoch < 3, "the last epoch is not the best"
    found = run.evaluate()
    assert found.accuracy == pytest.approx(best.accuracy) and found.loss == pytest.approx(best.loss, rel=1e-4)
    assert (run.folder / files.STRATEGY).exists() == (cls is Leaning)
    alone = wb.evaluate(run.net(), run.images.source)
    assert (alone.loss == pytest.approx(best.loss, rel=1e-4)) == (cls is Written)


@pytest.mark.parametrize("cls", [Leaning, Written])
def test_a_stopped_run_answers_as_its_best_epoch_did(tiny_plan, add, cls):
    name = add(strategies, cls)
    run = stopped(tiny_plan(strategy=name, epochs=4, lr=3e-3), after=3.0)
    valid = run.points.query("split == 'valid'")
    best = valid.sort_values(["accuracy", "loss"], ascending=[False, True]).iloc[0]
    assert run.evaluate().loss == pytest.approx(best.loss, rel=1e-4)


def stopped(plan, after):
    folder = create_run_folder(plan)

    def watch(point, status):
        if point.split == "valid" and point.epoch >= after:
            (folder / files.STOP).touch()

    assert Runner(folder, callback=watch).run().state == "stopped"
    return wb.load_run(folder)


@pytest.mark.parametrize(("tuning", "select"), [("head", "best"), ("gradual", "best"), ("head", "last")])
def test_the_net_of_a_stopped_run_opens_whatever_is_frozen(tiny_plan, tuning, select):
    run = stopped(tiny_plan(tuning=tuning, epochs=3, lr=3e-3, select=select), after=2.0)
    valid = run.points.query("split == 'valid'")
    if select == "best":
        valid = valid.sort_values(["accuracy", "loss"], ascending=[True, False])
    assert run.evaluate().loss == pytest.approx(valid.iloc[-1].loss, rel=1e-3)
    begun = run.net(epoch=0).state_dict()
    frozen = [n for n in begun if n.startswith("backbone.conv_stem")] if tuning == "head" else []
    assert all(torch.equal(run.net().state_dict()[name], begun[name]) for name in frozen)


class Adapters(Tuning):
    """Adds a layer before the head, which the file of a net does not know of."""

    paper = "here"

    def apply(self, net):
        net.head = nn.Sequential(nn.Linear(net.feature_dim, 4), nn.ReLU(), nn.Linear(4, 3))

    def lr_multipliers(self, net, progress):
        return [0.0] * (len(net.stages) - 1) + [1.0]


def test_a_net_that_nobody_could_open_is_told_and_nothing_is_removed(tiny_plan, add):
    name = add(tunings, Adapters)
    folder = create_run_folder(tiny_plan(tuning=name, epochs=2))
    status = Runner(folder).run()
    assert (
        status.state == "failed"
        and "does not load as the trained net" in status.message
        and "run.net()" in status.message
    )
    run = wb.load_run(folder)
    assert (folder / files.STATE).exists() and not (folder / files.WEIGHTS).exists()
    net = run.net()
    assert len(net.head) == 3 and len(run.frozen_check) == len(net.stages) - 1
    best = run.points.query("split == 'valid'").sort_values(["accuracy", "loss"], ascending=[False, True]).iloc[0]
    assert run.evaluate().loss == pytest.approx(best.loss, rel=1e-4)
    points = len(run.points)
    again = Runner(folder).run()  # only the end is tried again
    assert again.state == "failed" and again.message == status.message and len(run.points) == points
    with pytest.raises(RunFailed, match="does not load as the trained net"):
        wb.fit(tiny_plan(tuning=name, epochs=1), progress=False)


def test_a_net_is_compared_with_what_its_file_gives(tiny):
    net, other = tiny(seed=0), tiny(seed=0)
    assert find_difference(net, other) == ""
    with torch.no_grad():
        other.backbone.conv_head.weight[0, 0] += 1e-6
    assert find_difference(net, other) == "backbone.conv_head.weight has other values in it"
    changed = tiny(seed=0)
    for module in changed.modules():
        if isinstance(getattr(module, "act", None), nn.Module):
            module.act = nn.GELU()
    assert "its outputs differ" in find_difference(net, changed)
    changed.extra = nn.Linear(1, 1)
    assert find_difference(changed, net) == "extra.bias is missing in it"


def test_a_state_of_another_net_is_refused(tiny_plan, add):
    run = stopped(tiny_plan(epochs=2), after=1.0)
    plan = run.plan.replace(backbone={"name": "test_resnet", "params": {"pretrained": False, "size": 32}})
    (run.folder / files.PLAN).write_text(plan.to_json())
    with pytest.raises(BadValue, match="the state belongs to another net"):
        run.net()


@pytest.mark.parametrize("settings", [{"select": "best"}, {"select": "last", "strategy": "l2-sp"}])
def test_a_diverged_validation_ends_in_the_sentence_and_keeps_what_was_good(tiny_plan, monkeypatch, settings):
    from workbench.loop import training

    real = training.validate_splits
    calls = []

    def broken(net, *rest):
        calls.append(1)
        if len(calls) == 2:
            with torch.no_grad():
                net.head.weight[:] = float("nan")
        return real(net, *rest)

    monkeypatch.setattr(training, "validate_splits", broken)
    folder = create_run_folder(tiny_plan(epochs=3, **settings))
    status = Runner(folder).run()
    assert status.state == "failed"
    assert "no longer a finite number" in status.message and "lower learning rate" in status.message
    assert "validation of epoch 2" in status.message
    run = wb.load_run(folder)
    assert all(torch.isfinite(p).all() for p in run.net().parameters())
    assert run.evaluate().loss == pytest.approx(run.points.query("split == 'valid'").iloc[0].loss, rel=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_rate_far_too_high_is_called_that(tiny_plan, seed):
    plan = tiny_plan(name="test_resnet", lr=100.0, optimizer="sgd", clip_grad=0, epochs=2, seed=seed, batch_size=64)
    with pytest.raises(RunFailed, match=r"no longer a finite number.*lower learning rate usually helps, it was 100"):
        wb.fit(plan, progress=False)


def test_a_net_that_answers_with_nan_is_not_judged(tiny, toy):
    net = tiny()
    with torch.no_grad():
        net.head.weight[:] = float("nan")
    with pytest.raises(BadValue, match="got NaN or infinity for .* images.*lower learning rate"):
        wb.evaluate(net, toy)
