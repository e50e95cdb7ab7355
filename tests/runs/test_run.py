"""A run is a folder: what is in it, and what can be asked of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadData, BadValue, RunFailed, Unavailable, UnknownName
from workbench.runs.folder import run_files as files


@pytest.fixture
def done(tiny_plan):
    return wb.fit(tiny_plan(epochs=3, lr=3e-3, tuning="gradual"), progress=False)


def test_the_folder_holds_everything(done):
    names = {path.name for path in done.folder.iterdir()}
    assert {"plan.json", "points.jsonl", "weights.safetensors", "log.txt", "environment.json", "proof.json"} <= names
    assert done.status.state == "done" and not done.is_active
    environment = done.environment
    assert environment["versions"]["torch"] == torch.__version__.split("+")[0] or environment["versions"]["torch"]
    assert environment["device"] == "cpu" and environment["threads"] >= 1


def test_points_are_a_frame(done):
    points = done.points
    assert {"step", "epoch", "split", "loss", "accuracy", "calibration_error", "rate/head"} <= set(points.columns)
    assert points[points.split == "valid"].epoch.tolist() == [1, 2, 3]


def test_points_can_be_followed(done):
    first, at = done.new_points()
    assert len(first) == len(done.points) and done.new_points(at) == ([], at)


def test_the_net_comes_back_as_it_was_kept(done):
    best = done.points.query("split == 'valid'").sort_values(["accuracy", "loss"], ascending=[False, True]).iloc[0]
    result = done.evaluate()
    assert result.accuracy == pytest.approx(best.accuracy) and result.loss == pytest.approx(best.loss, rel=1e-4)
    assert done.net().classes == ("left", "middle", "right")


def test_proof_names_the_frozen_stages(done):
    proof = done.frozen_check
    assert "stem" in set(proof.stage) and "head" not in set(proof.stage) and proof.unchanged.all()
    assert (proof.before == proof.after).all()


def test_the_grid_is_what_was_obeyed(done):
    grid, net = done.grid, done.net()
    assert grid["stages"] == [stage.name for stage in net.stages]
    assert np.allclose(grid["rates"], wb.lr_grid("gradual", net, 3))


def test_points_go_to_tensorboard(done):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = done.to_tensorboard()
    events = EventAccumulator(str(folder / "valid")).Reload()
    valid = done.points.query("split == 'valid'")
    assert np.allclose([e.value for e in events.Scalars("accuracy")], valid.accuracy)
    assert [e.step for e in events.Scalars("accuracy")] == valid.step.tolist()


def test_it_is_found_by_name_and_by_path(done):
    assert wb.load_run(done.name) == done == wb.load_run(done.folder) == wb.load_run(str(done.folder))
    with pytest.raises(UnknownName, match="did you mean"):
        wb.load_run(done.name[:-1] + "x")


def test_all_runs_are_a_frame(done):
    frame = wb.search_runs()
    assert frame.name.tolist() == [done.name] and frame.state.tolist() == ["done"]
    assert frame.accuracy[0] == pytest.approx(done.points.accuracy.max())
    assert frame.tuning[0] == "gradual" and frame.backbone[0] == "test_efficientnet"


def test_a_damaged_run_does_not_hide_the_others(done):
    other = done.folder.parent / "other"
    other.mkdir()
    (other / "plan.json").write_text("{ not json")
    frame = wb.search_runs().set_index("name")
    assert frame.state["other"] == "damaged" and frame.state[done.name] == "done"


def test_images_in_memory_are_stored_with_the_run_and_move_with_it(done, tmp_path):
    before = done.evaluate()
    moved = tmp_path / "elsewhere"
    done.folder.rename(moved)
    again = wb.load_run(moved)
    assert not str(again.plan.data.params.get("path", "")).startswith("/")
    assert len(again.images) == 96 and again.evaluate().loss == before.loss


def test_a_finished_run_is_a_backbone(done, tiny_plan):
    second = wb.fit(wb.Plan(done, done.images, tuning="head", epochs=1, augment="none"), progress=False)
    start, end = done.net(), second.net()
    assert torch.equal(start.state_dict()["backbone.conv_stem.weight"], end.state_dict()["backbone.conv_stem.weight"])


def test_a_net_in_memory_is_stored_with_the_run(tiny, toy):
    net = tiny()
    with torch.no_grad():
        net.backbone.conv_stem.weight.fill_(0.01)
    run = wb.fit(wb.Plan(net, toy, tuning="head", epochs=1, augment="none"), progress=False)
    assert torch.allclose(run.net().backbone.conv_stem.weight, torch.tensor(0.01))


def test_deleting(done):
    done.delete()
    assert not done.folder.exists() and wb.search_runs().empty


def test_a_folder_is_used_once(done, tiny_plan):
    with pytest.raises(BadValue, match="holds a run already"):
        wb.fit(tiny_plan(), folder=done.folder, progress=False)


def test_resuming_what_is_done_does_nothing(done):
    before = (done.folder / "weights.safetensors").stat().st_mtime_ns
    assert done.resume().status.state == "done"
    assert (done.folder / "weights.safetensors").stat().st_mtime_ns == before


def test_no_weights_yet(tiny_plan):
    from workbench.runs.processes.launching import create_run_folder

    run = wb.load_run(create_run_folder(tiny_plan()))
    assert run.status.state == "created" and run.points.empty and run.log == ""
    with pytest.raises(Unavailable, match="no weights yet"):
        run.net()


def test_evaluating_a_split_that_is_not_there(done):
    with pytest.raises(BadData, match="test"):
        done.evaluate("test")


def test_a_failure_is_a_sentence_and_keeps_the_last_good_state(tiny_plan, monkeypatch):
    from workbench.loop.training import Training

    real = Training._make_point

    def poisoned(self, seen, epoch, rates):
        if self.step > self.steps // 2:
            seen = [({n: v * float("nan") for n, v in losses.items()}, count) for losses, count in seen]
        return real(self, seen, epoch, rates)

    monkeypatch.setattr(Training, "_make_point", poisoned)
    with pytest.raises(RunFailed, match="no longer a finite number"):
        wb.fit(tiny_plan(epochs=4), progress=False)
    run = wb.load_run(wb.search_runs().name[0])
    assert run.status.state == "failed" and "lower learning rate" in run.status.message
    assert all(torch.isfinite(p).all() for p in run.net().parameters())


def test_a_full_disk_is_a_sentence_and_can_be_resumed(tiny_plan, monkeypatch):
    from workbench import _paths
    from workbench.runs.processes.launching import create_run_folder
    from workbench.runs.processes.runner import Runner

    real, plan = _paths.write_file, tiny_plan(epochs=3)
    expected = wb.fit(plan, progress=False).net().state_dict()

    def full(path, content):
        if path.name == files.STATE and full.count > 0:
            raise OSError(28, "No space left on device", str(path))
        full.count += path.name == files.STATE
        real(path, content)

    full.count = 0
    monkeypatch.setattr(_paths, "write_file", full)
    run = wb.load_run(create_run_folder(plan))
    status = Runner(run.folder, save_interval=0.0).run()
    assert status.state == "failed" and "the disk is full" in status.message
    assert run.net().classes, "the state before is whole"
    monkeypatch.setattr(_paths, "write_file", real)
    assert Runner(run.folder).run().state == "done"
    assert all(torch.equal(t, expected[n]) for n, t in run.net().state_dict().items())


def test_a_vanished_folder_is_a_sentence(tiny_plan, tmp_path, toy_arrays):
    from PIL import Image

    x, y = toy_arrays(24)
    for row, (pixels, label) in enumerate(zip(x, y, strict=True)):
        (tmp_path / "set" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "set" / label / f"{row}.png")
    plan = tiny_plan(wb.load_images(tmp_path / "set"))
    (tmp_path / "set").rename(tmp_path / "gone")
    with pytest.raises((RunFailed, wb.WorkbenchError), match="set"):
        wb.fit(plan, progress=False)


def test_status_of_a_worker_that_is_gone(tiny_plan):
    from workbench.runs.folder.run_files import Status, write_status
    from workbench.runs.processes.launching import create_run_folder

    folder = create_run_folder(tiny_plan())
    import socket

    write_status(folder, Status(state="running", pid=2**22 - 3, host=socket.gethostname()))
    status = wb.load_run(folder).status
    assert status.state == "interrupted" and "resume()" in status.message


def test_points_file_is_strict_json_even_of_a_class_without_images(done):
    for line in (done.folder / "points.jsonl").read_text().splitlines():
        values = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
        assert np.isfinite([v for v in values.values() if isinstance(v, float)]).all()


def test_an_interrupt_stops_cleanly_and_resuming_gives_the_same(tiny_plan, monkeypatch):
    import signal

    from workbench.loop.training import Training
    from workbench.runs.processes.runner import Runner

    plan = tiny_plan(epochs=3, augment="crop")
    expected = wb.fit(plan, progress=False).net().state_dict()
    real = Training._train_step

    def interrupted(self, *given):
        if self.step == self.steps // 2:
            monkeypatch.setattr(Training, "_train_step", real)
            signal.raise_signal(signal.SIGINT)
        return real(self, *given)

    monkeypatch.setattr(Training, "_train_step", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="resume"):
        wb.fit(plan, progress=False)
    assert signal.getsignal(signal.SIGINT) == before
    run = wb.load_run(wb.search_runs().query("state == 'stopped'").name.iloc[0])
    assert Runner(run.folder).run().state == "done"
    assert all(torch.equal(t, expected[n]) for n, t in run.net().state_dict().items())
    assert not (run.folder / files.STATE).exists() and not (run.folder / files.RESERVE).exists()
