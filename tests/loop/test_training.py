"""The loop: learns, freezes for good, resumes bit for bit, shrinks its chunks, says why it stops."""

from __future__ import annotations

import io
import itertools

import pytest
import torch

import workbench as wb
from workbench.errors import BadValue, RunFailed
from workbench.loop.training import train
from workbench.runs.build import open_training
from workbench.strategies import strategies
from workbench.tunings import tunings


def through_disk(state):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def weights(training):
    tensors = [*training.net.named_parameters(), *training.net.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in tensors}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns_and_reports(tiny_plan):
    training = open_training(tiny_plan(epochs=5, lr=3e-3))
    points = list(training)
    valid = [p for p in points if p.split == "valid"]
    assert [p.epoch for p in valid] == [1, 2, 3, 4, 5] and valid[-1].values["accuracy"] > 0.85
    train_points = [p for p in points if p.split == "train"]
    names = {"loss", "loss/task", "lr", "rate/stem", "rate/head", "images_per_second", "seconds_left", "memory_gb"}
    assert names <= set(train_points[0].values)
    assert train_points[-1].step == training.steps and train_points[-1].values["seconds_left"] == 0
    assert training.finished and not training.net.training


def test_everything_is_checked_before_the_first_point(tiny_plan, tiny):
    plan = tiny_plan(strategy={"name": "distill", "params": {"teacher": "nowhere/to/be/found"}})
    with pytest.raises(wb.WorkbenchError, match="nowhere"):
        open_training(plan)


@pytest.mark.parametrize("tuning", ["head", "gradual", "lp-ft", "norms-and-biases", "full"])
@pytest.mark.parametrize("name", ["test_efficientnet", "test_vit"])
def test_frozen_stages_stay_bit_identical(tiny_plan, tuning, name):
    training = open_training(tiny_plan(name=name, tuning=tuning, epochs=2, select="last"))
    first = {
        stage.name: row for stage, row in zip(training.net.stages, wb.lr_grid(tuning, training.net, 2), strict=True)
    }
    before = weights(training)
    list(training)
    after = weights(training)
    for stage in training.net.stages:
        moved = [t for t in stage.tensor_names if not torch.equal(before[t], after[t])]
        assert bool(moved) == bool(first[stage.name].any()), f"{stage.name} under {tuning}: {moved}"
    assert all(row["unchanged"] for row in training.frozen_check.rows)


@pytest.mark.parametrize("tuning", ["full", "gradual"])
@pytest.mark.parametrize("name", ["test_efficientnet", "test_vit"])
def test_leaving_and_going_on_changes_nothing(tiny_plan, tuning, name):
    plan = tiny_plan(name=name, tuning=tuning, epochs=2, augment="crop", patience=0)
    whole = open_training(plan)
    list(whole)
    steps, states = whole.steps, {}
    part = open_training(plan)
    for point in part:
        for stop in {1, steps // 2, steps // 2 + 1, steps} - set(states):
            if point.step >= stop:
                states[stop] = through_disk(part.state_dict())
        if len(states) == 4:
            break
    part.close()
    for stop, state in states.items():
        rest = open_training(plan, state=state)
        list(rest)
        assert same(weights(whole), weights(rest)), f"stopped at step {stop} of {steps}"
        assert rest.frozen_check.rows == whole.frozen_check.rows


@pytest.mark.parametrize("strategy", ["l2-sp", "dann"])
def test_a_strategy_s_state_goes_on_too(tiny_plan, two_domains, strategy):
    plan = tiny_plan(two_domains, strategy=strategy)
    whole = open_training(plan)
    list(whole)
    part = open_training(plan)
    next(itertools.islice(part, 1, None))
    rest = open_training(plan, state=through_disk(part.state_dict()))
    list(rest)
    assert same(weights(whole), weights(rest))
    assert same(whole.strategy.state_dict(), rest.strategy.state_dict())


def test_the_seed_decides_everything(tiny_plan):
    results = []
    for seed in (0, 0, 1):
        training = open_training(tiny_plan(seed=seed, epochs=1, augment="crop"))
        list(training)
        results.append(weights(training))
    assert same(results[0], results[1]) and not same(results[0], results[2])


def test_the_global_random_state_is_left_alone_by_preparing(tiny_plan):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    open_training(tiny_plan())
    assert torch.equal(torch.rand(3), expected)


def test_the_best_epoch_is_kept(tiny_plan):
    training = open_training(tiny_plan(epochs=4, lr=0.05))
    valid = [p.values for p in training if p.split == "valid"]
    best = max((v["accuracy"], -v["loss"]) for v in valid)
    from workbench.loop.validation import validate_splits

    again = validate_splits(training.net, training.strategy, training.tasks[0], training.device, None)["valid"]
    assert again["accuracy"] == pytest.approx(best[0]) and -again["loss"] == pytest.approx(best[1], rel=1e-5)


def test_patience_ends_early(tiny_plan):
    training = open_training(tiny_plan(epochs=30, lr=1e-7, patience=2))
    epochs = [p.epoch for p in training if p.split == "valid"]
    assert len(epochs) < 30 and epochs[-1] - training.best["epoch"] == 2


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(tiny_plan, monkeypatch):
    training = open_training(tiny_plan(lr=1e-2))
    real = training.strategy.losses
    broken = lambda net, batch, progress: {n: v * float("nan") for n, v in real(net, batch, progress).items()}  # noqa: E731
    monkeypatch.setattr(training.strategy, "losses", broken)
    with pytest.raises(RunFailed, match=r"no longer a finite number at step 1 .*0\.01"):
        list(training)


def greedy(strategy, most):
    """`strategy` on a machine that holds only `most` images at once."""
    real = strategy.losses

    def losses(net, batch, progress):
        if len(batch["labelled"].x) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return real(net, batch, progress)

    return losses


def test_out_of_memory_means_smaller_chunks_and_the_same_result(tiny_plan, monkeypatch):
    plan = tiny_plan(name="test_vit", epochs=1)  # no batch norm: chunks are equivalent
    whole = open_training(plan)
    list(whole)
    small = open_training(plan)
    monkeypatch.setattr(small.strategy, "losses", greedy(small.strategy, 5))
    list(small)
    assert small.update.n_chunks == 4
    for name, tensor in weights(whole).items():
        assert torch.allclose(tensor, weights(small)[name], atol=2e-4), name


def test_out_of_memory_for_good_says_what_to_do(tiny_plan, monkeypatch):
    training = open_training(tiny_plan())
    monkeypatch.setattr(training.strategy, "losses", greedy(training.strategy, 0))
    with pytest.raises(RunFailed, match="smaller batch_size"):
        list(training)


def test_other_errors_are_not_taken_for_memory(tiny_plan, monkeypatch):
    training = open_training(tiny_plan())

    def broken(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(training.strategy, "losses", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        list(training)


def test_one_image_a_batch_needs_norms_that_stand_still(tiny_plan):
    with pytest.raises(BadValue, match="batch_norm='eval'"):
        open_training(tiny_plan(batch_size=1))
    list(itertools.islice(open_training(tiny_plan(batch_size=1, batch_norm="eval")), 2))


def test_label_kinds_are_checked(tiny_plan, tiny, monkeypatch):
    monkeypatch.setattr(strategies["fine-tune"], "label_kinds", ("tags",))
    with pytest.raises(BadValue, match="reads tags"):
        open_training(tiny_plan())


def test_train_by_hand(toy, tiny):
    """The loop without plans and folders: five parts and an iterator."""
    from workbench.data.batches import Batches

    net = tiny()
    batches = Batches(toy, ("labelled",), size=32, batch_size=16)
    schedule = wb.Schedule(epochs=1, augment="flip")
    points = list(train(net, tunings.create("head"), strategies.create("fine-tune"), [batches], schedule))
    assert points[-1].split == "valid"


def test_moving_everything_differs_from_moving_the_head(tiny_plan):
    head, full = (open_training(tiny_plan(tuning=t, epochs=1, select="last")) for t in ("head", "full"))
    list(head), list(full)
    fresh = weights(open_training(tiny_plan()))
    assert same({name: t for name, t in fresh.items() if not name.startswith("head")}, weights(head))
    assert not torch.equal(weights(head)["backbone.conv_stem.weight"], weights(full)["backbone.conv_stem.weight"])
