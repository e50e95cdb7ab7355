"""What a strategy says of itself is obeyed: stages it never moves, whole batches, derivatives, streams and tasks."""

from __future__ import annotations

import copy
import io

import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, RunFailed
from workbench.loop.loss_terms import average_loss_terms, sum_loss_terms
from workbench.loop.precision import auto_precision
from workbench.strategies import Strategy, strategies
from workbench.strategies.functional import supervised_losses
from workbench.tunings import tunings


class Made(Strategy):
    """Fine-tuning, to be changed by each test."""

    name = "made"
    paper = "here"

    def losses(self, net, batch, progress):
        x, y = batch["labelled"]
        return supervised_losses(net(x), y, self.label_spec)


def tensors(net):
    return {name: t.detach().clone() for name, t in [*net.named_parameters(), *net.named_buffers()]}


def through_disk(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def test_stages_that_a_strategy_never_moves_stay(trained_by):
    class Above(Made):
        frozen = ("stem", "blocks.0")

    training = trained_by(Above(), select="last")
    before = tensors(training.net)
    list(training)
    after, net = tensors(training.net), training.net
    moved = {
        stage.name for stage in net.stages if any(not torch.equal(before[n], after[n]) for n in stage.tensor_names)
    }
    assert moved == {stage.name for stage in net.stages} - {"stem", "blocks.0"}
    assert {row["stage"] for row in training.frozen_check.rows if row["unchanged"]} == {"stem", "blocks.0"}
    assert [row[:2] for row in training.lr_grid] == [[0.0, 0.0]] and training.moving_weights[0].lr_multipliers[2] == 1.0


@pytest.mark.parametrize(
    ("own", "select", "selected"),
    [("best", "auto", "best"), ("last", "auto", "last"), ("last", "best", "best"), ("best", "last", "last")],
)
def test_the_weights_that_a_strategy_prefers_are_selected_unless_the_plan_names_others(
    trained_by, own, select, selected
):
    class Preferring(Made):
        pass

    Preferring.select = own
    training = trained_by(Preferring(), epochs=1, select=select)
    list(training)
    assert training.best["epoch"] == 1
    assert (training.best["weights"] is not None) == training.selects_best == (selected == "best")


def test_a_strategy_that_freezes_all_that_the_tuning_moves_is_refused(trained_by):
    class Below(Made):
        frozen = ("head",)

    with pytest.raises(BadValue, match="no weight moves under the tuning head.*never moves head"):
        trained_by(Below(), "head")


def greedy(losses, most):
    def wrapped(net, batch, progress):
        if len(batch["labelled"].x) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return losses(net, batch, progress)

    return wrapped


def test_a_whole_batch_is_refused_rather_than_parted(trained_by, monkeypatch):
    training = trained_by(strategies.create("simclr"))
    monkeypatch.setattr(training.strategy, "losses", greedy(training.strategy.losses, 16))
    with pytest.raises(RunFailed, match="simclr compares the images of a batch.*something else.*smaller batch_size"):
        list(training)
    assert training.update.n_chunks == 1


def test_a_whole_batch_is_not_shared_among_processes_nor_gone_on_with_in_parts(trained_by):
    with pytest.raises(BadValue, match="simclr .*expected whole batches, got 2 parts"):
        trained_by(strategies.create("simclr"), world=2)
    state = trained_by(strategies.create("simclr")).state_dict()
    with pytest.raises(BadValue, match="got 4 parts"):
        trained_by(strategies.create("simclr"), state={**state, "chunks": 4})


class Penalised(Made):
    """Gradient penalty: the loss per batch and the length of its gradient by the pixels."""

    derivatives = 2

    def losses(self, net, batch, progress):
        x, y = batch["labelled"]
        x = x.detach().requires_grad_()
        task = supervised_losses(net(x), y, self.label_spec)["task"]
        (slope,) = torch.autograd.grad(task, x, create_graph=True)
        return {"task": task, "penalty": slope.square().sum()}


@pytest.mark.parametrize("precision", ["auto", "bf16"])
def test_second_derivatives_are_taken_in_full_precision(trained_by, tiny, monkeypatch, precision):
    monkeypatch.setattr(auto_precision, "has_bf16_units", lambda: True)
    monkeypatch.setattr(auto_precision, "compare_precisions", lambda *_: "bf16")
    training = trained_by(Penalised(), net=tiny("test_vit"), precision=precision)
    assert training.precision == "fp32" and training.autocast is None
    points = list(training)
    assert all(torch.isfinite(torch.tensor(p.values["loss"])) for p in points)


class Fitful(Made):
    """A term in the first half, another in the second, and none at all in the last step."""

    def losses(self, net, batch, progress):
        x, y = batch["labelled"]
        if progress > 0.9:
            return {}
        task = supervised_losses(net(x), y, self.label_spec)["task"]
        return {"early" if progress < 0.5 else "late": task, "task": task}


def test_terms_may_come_and_go(trained_by, monkeypatch):
    for between in (0.0, 1e9):  # a point a step, and one for them all
        monkeypatch.setattr("workbench.loop.throughput.POINT_INTERVAL", between)
        points = [p for p in trained_by(Fitful(), epochs=3) if p.split == "train"]
        terms = [{name for name in p.values if name.startswith("loss/")} for p in points]
        assert {"loss/early", "loss/task"} in terms and {"loss/late", "loss/task"} in terms
        assert terms[-1] <= {"loss/late", "loss/task"}


def test_a_term_is_the_mean_over_the_images_that_had_it():
    one, two, four = (torch.tensor(value) for value in (1.0, 2.0, 4.0))
    seen = [({"task": one, "late": four}, 10), ({"task": two}, 30)]
    loss, terms = average_loss_terms([sum_loss_terms(seen)])
    assert terms == {"task": pytest.approx(1.75), "late": pytest.approx(4.0)}
    assert loss == {"loss": pytest.approx(1.75 + 4.0 * 10 / 40)}
    assert average_loss_terms([sum_loss_terms([({}, 10)])]) == ({}, {}) and average_loss_terms(
        [sum_loss_terms([])]
    ) == ({}, {})


def test_parts_of_a_batch_that_lack_a_term_do_not_count_for_it(trained_by):
    class Sometimes(Made):
        def losses(self, net, batch, progress):
            task = super().losses(net, batch, progress)["task"]
            self.calls += 1
            return {"task": task, "odd": 0 * task + 2.0} if self.calls % 2 else {"task": task}

    strategy = Sometimes()
    strategy.calls = 0
    training = trained_by(strategy)
    training.update.n_chunks = 4
    point = next(training)
    assert point.values["loss/odd"] == pytest.approx(2.0)


def test_a_strategy_without_labels_trains(trained_by, two_domains, tiny):
    class Blind(Made):
        needs = ("unlabelled",)

        def losses(self, net, batch, progress):
            told = net(batch["unlabelled"].x).softmax(1)
            return {"entropy": -(told * told.log()).sum(1).mean()}

    points = list(trained_by(Blind(), {"name": "last-k", "params": {"k": 1}}, images=two_domains, epochs=2))
    assert {p.split for p in points} == {"train", "valid", "target"} and "loss/entropy" in points[0].values


def test_a_strategy_that_reads_nothing_is_refused(trained_by):
    class Nothing(Made):
        needs = ()

    with pytest.raises(BadValue, match="expected at least one stream"):
        trained_by(Nothing())


def test_an_epoch_in_which_nothing_moves_passes(trained_by):
    training = trained_by(Made(), {"name": "grid", "params": {"rows": {"head": [1.0, 0.0]}}}, epochs=2, select="last")
    held = [tensors(training.net) for point in training if point.split == "valid"]
    assert len(held) == 2 and all(torch.equal(held[0][name], held[1][name]) for name in held[0])


class Counting(Made):
    """Changes the net when a task is over, as pruning does, by numbers that are drawn."""

    def prepare(self, net):
        self.register_buffer("ended", torch.zeros((), dtype=torch.int64))

    def end_task(self, net, batches):
        assert next(iter(batches))["labelled"].y is not None
        self.ended += 1
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.mul_(1 + 0.01 * torch.randn_like(parameter))


@pytest.mark.parametrize("patience", [0, 1])
def test_a_task_ends_once_also_when_resumed(trained_by, monkeypatch, patience):
    monkeypatch.setattr("workbench.loop.throughput.POINT_INTERVAL", 0.0)

    def make(state=None):
        return trained_by(
            Counting(), tasks=2, epochs=2 + patience, select="last", patience=patience, lr=1e-7, state=state
        )

    whole = make()
    states = [through_disk(whole.state_dict()) for _ in whole]
    assert whole.strategy.ended == 2
    assert {state["task"] for state in states} == {0, 1}
    for state in (states[1], states[len(states) // 2], states[-1]):
        rest = make(state)
        list(rest)
        assert rest.strategy.ended == 2 and rest.step == whole.step
        assert all(torch.equal(t, tensors(whole.net)[name]) for name, t in tensors(rest.net).items())


def test_what_somebody_froze_by_hand_makes_no_difference_and_is_said(toy, tiny, caplog):
    nets = []
    for marked in (False, True):
        net = tiny()
        if marked:
            net.train().backbone.requires_grad_(False)
        caplog.clear()
        settings = {"epochs": 1, "batch_size": 32, "augment": "none", "precision": "fp32"}
        run = wb.fit(wb.Plan(net, toy, "full", **settings), progress=False)
        assert ("requires_grad=False but will move nevertheless" in caplog.text) == marked
        nets.append(run.net().state_dict())
    assert all(torch.equal(t, nets[1][name]) for name, t in nets[0].items())


def test_a_tuning_that_only_marks_weights_is_told_that_marks_are_not_read(trained_by, caplog):
    class Marking(tunings["full"]):
        def apply(self, net):
            net.backbone.conv_stem.requires_grad_(False)

    training = trained_by(Made(), Marking())
    assert "1 weight tensors have requires_grad=False" in caplog.text and "`trains`" in caplog.text
    assert "backbone.conv_stem.weight" in training.moving_weights[0].names


def test_what_a_strategy_copies_of_a_net_does_not_depend_on_marks(trained_by, tiny):
    class Averages(Made):
        def prepare(self, net):
            self.mean = copy.deepcopy(net)

    groups = []
    for marked in (False, True):
        net = tiny().requires_grad_(not marked).train(marked)
        training = trained_by(Averages(), net=net)
        assert not any(m.training for m in training.strategy.mean.modules())
        groups.append([len(g["params"]) for g in training.optimizer.param_groups])
    assert groups[0] == groups[1]
