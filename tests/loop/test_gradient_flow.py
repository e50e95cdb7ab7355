"""A tuning and a strategy whose losses move nothing that they could improve are refused; all others train as ever."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import workbench as wb
from workbench.errors import BadValue
from workbench.loop.gradient_flow import find_reached_parameters, trace_losses
from workbench.runs.build import open_training
from workbench.strategies import Examples, LabelSpec, Strategy
from workbench.strategies.functional import online_probe_loss


class Made(Strategy):
    """A strategy with a name, as the registry gives one."""

    name = "made"
    paper = "here"


class Spread(Made):
    """Pushes features apart, without weights of its own and without labels."""

    def losses(self, net, batch, progress):
        return {"spread": -net.features(batch["labelled"].x).var()}


class Watched(Made):
    """Trains a head of its own on features that it does not change, and calls that what it will."""

    def losses(self, net, batch, progress):
        x, y = batch["labelled"]
        return {self.term: online_probe_loss(net, net.features(x), y, self.label_spec)}


class TwoSteps(Made):
    """A judge that learns to tell, then features that learn to hide: two updates a batch."""

    def prepare(self, net):
        self.judge = nn.Linear(net.feature_dim, 2)

    def step(self, net, batch, progress, update):
        features = net.features(batch["labelled"].x)
        side = torch.arange(len(features)) % 2
        told = F.cross_entropy(self.judge(features.detach()), side)
        update(told)
        hidden = -F.cross_entropy(self.judge(features), side)
        update(hidden, frozen=self.judge.parameters())
        return {"told": told.detach(), "hidden": hidden.detach()}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    wb.load_net("test_efficientnet", classes=["left", "middle", "right"], pretrained=False, size=32).save(path)
    return str(path)


@pytest.mark.parametrize(
    ("strategy", "term"),
    [
        ("dann", "domain"),
        ("simclr", "contrast"),
        ("rotation", "rotation"),
        ("distill-features", "match"),
        ("distill-hints", "hints"),
    ],
)
def test_a_head_alone_learns_nothing_of_these(tiny_plan, two_domains, teacher, strategy, term):
    params = {"teacher": teacher} if strategy.startswith("distill") else {}
    plan = tiny_plan(two_domains, tuning="head", strategy={"name": strategy, "params": params}, epochs=1)
    with pytest.raises(
        BadValue, match=rf"'{term}'.*of the strategy {strategy} would train stem.*tuning head.*'last-k'"
    ):
        open_training(plan)
    open_training(plan.replace(tuning=wb.tuning("last-k", k=1)))


@pytest.mark.parametrize("strategy", ["fine-tune", "l2-sp", "distill"])
def test_a_head_alone_learns_these(tiny_plan, teacher, strategy):
    params = {"teacher": teacher} if strategy.startswith("distill") else {}
    open_training(tiny_plan(tuning="head", strategy={"name": strategy, "params": params}))


def test_what_thaws_in_time_counts(tiny_plan, two_domains):
    for epochs in (1, 2):  # under gradual unfreezing the first epoch is the head's
        plan = tiny_plan(two_domains, tuning="gradual", strategy="dann", epochs=epochs)
        if epochs == 1:
            with pytest.raises(BadValue, match="in 1 epoch under the tuning gradual.*more epochs"):
                open_training(plan)
        else:
            open_training(plan)


@pytest.mark.parametrize("strategy", ["simclr", "rotation", "dann"])
def test_norms_and_biases_of_a_net_that_has_none(tiny, two_domains, strategy):
    net = tiny("test_resnet")
    for module in list(net.backbone.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                setattr(module, name, child.act if hasattr(child, "act") else nn.Identity())
    assert not any(n.endswith("bias") for n, _ in net.backbone.named_parameters())
    settings = {"epochs": 1, "batch_size": 16, "augment": "none", "precision": "fp32"}
    with pytest.raises(BadValue, match=f"of the strategy {strategy} would train .*norms-and-biases"):
        open_training(wb.Plan(net, two_domains, "norms-and-biases", strategy, **settings))
    open_training(wb.Plan(net, two_domains, "norms-and-biases", "fine-tune", **settings))


def test_a_loss_without_weights_of_its_own_is_judged_too(trained_by):
    with pytest.raises(BadValue, match="'spread' of the strategy made would train stem"):
        trained_by(Spread(), "head")
    trained_by(Spread(), {"name": "grid", "params": {"rows": {"conv_head": [1.0]}}})


def test_a_term_that_only_watches_is_named_as_a_probe(trained_by):
    strategy = Watched()
    strategy.term = "probe"
    with pytest.raises(BadValue, match="would train head|without a gradient"):
        trained_by(strategy, {"name": "grid", "params": {"rows": {"conv_head": [1.0]}}})


def test_a_judge_of_features_as_they_are_is_no_fault(trained_by):
    trained_by(TwoSteps(), "full")
    with pytest.raises(BadValue, match="'update 2' of the strategy made would train stem"):
        trained_by(TwoSteps(), "head")


def test_the_trial_changes_nothing(tiny_plan, two_domains, monkeypatch):
    from workbench.loop import training

    seen = []
    real = training.check_gradients

    def watched(net, tuning, strategy, *rest):
        def everything():
            held = [*net.state_dict().values(), *strategy.state_dict().values(), torch.get_rng_state()]
            marks = [p.requires_grad for p in net.parameters()]
            return [t.clone() for t in held], marks, [m.training for m in net.modules()]

        before = everything()
        real(net, tuning, strategy, *rest)
        after = everything()
        assert all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True)) and before[1:] == after[1:]
        assert all(p.grad is None for p in net.parameters())
        seen.append(strategy.name)

    monkeypatch.setattr(training, "check_gradients", watched)
    for strategy in ("dann", "simclr"):
        open_training(tiny_plan(two_domains, strategy=strategy))
    assert seen == ["dann", "simclr"]


def test_what_a_loss_reaches_is_what_it_has_a_gradient_to(tiny, toy):
    net, strategy = tiny(), Watched()
    x = torch.rand(4, 3, 32, 32)
    loss = net.head(net.features(x).detach()).square().mean() + net.backbone.conv_stem.weight.sum()
    assert set(find_reached_parameters(loss, net)) == {"head.weight", "head.bias", "backbone.conv_stem.weight"}
    assert find_reached_parameters(loss.detach(), net) == {}
    strategy.term = "probe"
    strategy.label_spec = LabelSpec("classes", (("", 3),))
    (reach,) = trace_losses(net, strategy, {"labelled": Examples(x, torch.tensor([0, 1, 2, 0]))})
    assert reach.term == "probe" and reach.weights == {"head.weight", "head.bias"} and reach.value > 0
