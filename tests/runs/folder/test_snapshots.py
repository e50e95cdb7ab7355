"""What moved is kept epoch by epoch where a plan says so, small, and the net of an epoch comes back from it."""

from __future__ import annotations

import pytest
import torch

import workbench as wb
from tests.conftest import toy_arrays
from workbench.errors import BadValue
from workbench.runs.folder import snapshots
from workbench.runs.processes.launching import create_run_folder
from workbench.runs.processes.runner import Runner


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A run of four epochs whose stages thaw one after another, kept every second epoch; the weights as it went."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        seen = {}
        take = snapshots.take_snapshot

        def watched(training, folder, epoch):
            seen[epoch] = {name: value.clone() for name, value in training.net.state_dict().items()}
            take(training, folder, epoch)

        patched.setattr(snapshots, "take_snapshot", watched)
        net = {"name": "test_resnet", "params": {"pretrained": False, "size": 32}}
        plan = wb.Plan(
            net,
            wb.load_images(toy_arrays()),
            tuning="gradual",
            epochs=4,
            batch_size=32,
            augment="none",
            select="last",
            snapshots=2,
            precision="fp32",
        )
        yield wb.fit(plan, progress=False), seen


def test_every_second_epoch_is_kept_and_the_net_as_it_began(course):
    run, _ = course
    assert run.snapshots == (0, 2, 4)
    assert run.status.saved_epoch == 4.0
    assert run.plan.schedule.snapshots == 2


@pytest.mark.parametrize("epoch", [2, 4])
def test_the_net_of_an_epoch_is_what_it_was_then(course, epoch):
    run, seen = course
    held = run.net(epoch=epoch).state_dict()
    for name, value in seen[epoch].items():
        # half precision keeps eleven bits of what moved; the rest is exact
        assert torch.allclose(held[name].float(), value.float(), rtol=2**-11, atol=1e-7), name
    matrices = [name for name, value in seen[epoch].items() if value.ndim < 2]
    assert matrices and all(torch.equal(held[name], seen[epoch][name]) for name in matrices)


def test_the_net_of_no_epoch_is_as_it_began(course):
    run, _ = course
    began, then = run.net(epoch=0).state_dict(), run.net(epoch=2).state_dict()
    grid = run.grid
    still = [at for at, row in enumerate(grid["rates"]) if not any(row[:2])]
    frozen = {name for at in still for name in run.net().stages[at].tensor_names} & set(began)
    assert frozen and all(torch.equal(began[name], then[name]) for name in frozen)
    assert not torch.equal(began["head.weight"], then["head.weight"])


def test_a_snapshot_holds_only_what_moved(course):
    from safetensors import safe_open

    run, _ = course
    with safe_open(snapshots.snapshot_path(run.folder, 2), "pt") as file:
        names = set(file.keys())
    moving = {s for s, row in zip(run.grid["stages"], run.grid["rates"], strict=True) if any(row[:2])}
    assert names == {name for stage in run.net().stages if stage.name in moving for name in stage.tensor_names} & set(
        run.net().state_dict()
    )
    assert 0 < len(names) < len(run.net().state_dict())


def test_an_epoch_that_was_not_kept_is_a_sentence(course):
    run, _ = course
    with pytest.raises(BadValue, match=r"no snapshot of epoch 3; did you mean 2\? There are snapshots of 0, 2, 4"):
        run.net(epoch=3)
    with pytest.raises(BadValue, match="epoch of Run.net wants a whole number or None; got 'last'"):
        run.net(epoch="last")


def test_without_snapshots_nothing_is_kept_and_the_sentence_says_how(tiny_plan):
    run = wb.fit(tiny_plan(epochs=1, tuning="head"), progress=False)
    assert run.snapshots == (0,) and not (run.folder / snapshots.SNAPSHOT_FOLDER).exists()
    with pytest.raises(BadValue, match=r"snapshots=1"):
        run.net(epoch=1)


def test_a_run_under_way_says_which_epoch_it_gives(tiny_plan):
    folder = create_run_folder(tiny_plan(epochs=3, select="last", snapshots=1))
    run, seen = wb.load_run(folder), []

    def watch(point, status):
        if point.split == "valid":
            seen.append((point.epoch, run.status.saved_epoch, run.snapshots))

    Runner(folder, callback=watch, save_interval=0).run()
    assert [epoch for epoch, _, _ in seen] == [1, 2, 3]
    assert [saved for _, saved, _ in seen] == [1, 2, 3]
    assert [kept for _, _, kept in seen] == [(0, 1), (0, 1, 2), (0, 1, 2, 3)]
