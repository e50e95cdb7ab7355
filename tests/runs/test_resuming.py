"""Going on: only with what the state belongs to, with the points that there are, and to the same bits."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time

import pytest
import torch

import workbench as wb
from workbench.errors import BadData, RunFailed
from workbench.plan_migration import SCHEDULE_NAMES
from workbench.runs.folder import run_files as files
from workbench.runs.folder.saved_state import read_state, write_state
from workbench.runs.processes.launching import create_run_folder
from workbench.runs.processes.runner import Runner


@pytest.fixture
def stopped(tiny_plan):
    """A function that makes a run which was stopped after some steps, its state saved."""

    def make(plan=None, steps=4, name="r"):
        run = wb.load_run(create_run_folder(plan or tiny_plan(epochs=3), files.runs_folder() / name))
        asked = lambda point, _: (run.folder / files.STOP).touch() if point.step >= steps else None  # noqa: E731
        assert Runner(run.folder, callback=asked, save_interval=0).run().state == "stopped"
        return run

    return make


@pytest.fixture
def tree(tmp_path, toy_arrays):
    """A folder of images of three classes."""
    from PIL import Image

    for row, (pixels, label) in enumerate(zip(*toy_arrays(48), strict=True)):
        (tmp_path / "set" / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "set" / label / f"{row}.png")
    return tmp_path / "set"


def edit_plan(run, **schedule):
    path = run.folder / files.PLAN
    plan = json.loads(path.read_text())
    plan["schedule"] |= schedule
    path.write_text(json.dumps(plan))


def refused(run):
    kept = (run.folder / files.STATE).read_bytes()
    status = Runner(run.folder).run()
    assert status.state == "failed" and (run.folder / files.STATE).read_bytes() == kept, "nothing is lost"
    assert f"wb.load_run('{run.name}').resume(restart=True)" in status.message
    return status.message


def test_another_plan_is_refused_until_it_is_put_back(stopped):
    run = stopped()
    points = run.points
    edit_plan(run, epochs=5)
    assert "epochs was 3, is 5" in refused(run)
    assert run.points.equals(points)
    edit_plan(run, epochs=3, threads=1)  # where and with how many threads is free
    assert Runner(run.folder).run().state == "done"


def test_another_tuning_is_named(stopped):
    run = stopped()
    path = run.folder / files.PLAN
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tuning": {"name": "head", "params": {}}}))
    assert "tuning was full, is head" in refused(run)


def test_images_that_changed_class_are_counted(stopped, tiny_plan, tree):
    run = stopped(tiny_plan(tree, epochs=3))
    for path in sorted((tree / "left").iterdir())[:4]:
        path.rename(tree / "right" / f"from-left-{path.name}")
    said = refused(run)
    assert "left had 16 images, has 12 images" in said and "right had 16 images, has 20 images" in said


def test_a_class_more_is_named(stopped, tiny_plan, tree):
    run = stopped(tiny_plan(tree, epochs=3))
    (tree / "top").mkdir()
    for path in sorted((tree / "left").iterdir())[:4]:
        path.rename(tree / "top" / path.name)
    assert "top had no images, has 4 images" in refused(run)


def test_other_pixels_under_the_same_name_and_size(stopped, tiny_plan, tree):
    run = stopped(tiny_plan(tree, epochs=3))
    first, second = sorted((tree / "left").iterdir())[:2]
    data, when = first.read_bytes(), os.stat(second)
    second.write_bytes(data + bytes(max(0, when.st_size - len(data))))
    os.utime(second, ns=(when.st_atime_ns, when.st_mtime_ns))
    assert "the content of the image files has changed" in refused(run)


def test_a_set_that_only_moved_goes_on(stopped, tiny_plan, tree):
    run = stopped(tiny_plan(tree, epochs=3))
    moved = tree.rename(tree.with_name("elsewhere"))
    path = run.folder / files.PLAN
    plan = json.loads(path.read_text())
    plan["data"]["name"] = str(moved)
    path.write_text(json.dumps(plan))
    for image in moved.rglob("*.png"):
        os.utime(image)
    assert Runner(run.folder).run().state == "done"


def test_other_weights_are_refused(stopped, tiny_plan, tiny, tmp_path, toy):
    net = tiny()
    net.save(tmp_path / "net.safetensors")
    run = stopped(wb.Plan(str(tmp_path / "net.safetensors"), toy, epochs=3, batch_size=16, augment="none"))
    with torch.no_grad():
        net.backbone.conv_stem.weight.mul_(2)
    net.save(tmp_path / "net.safetensors")
    assert "the initial weights differ" in refused(run)


def test_begun_anew_it_takes_what_there_is(stopped, forked):
    run = stopped()
    edit_plan(run, epochs=1)
    run.resume(restart=True).wait(60)
    assert run.status.state == "done" and run.status.epochs == 1 and run.points.epoch.max() == 1


@pytest.mark.parametrize("harm", ["cut", "flipped", "other", "empty"])
def test_a_torn_state_is_a_sentence(stopped, harm):
    run = stopped()
    path = run.folder / files.STATE
    whole = path.read_bytes()
    flipped = whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]
    path.write_bytes({"cut": whole[: len(whole) // 2], "flipped": flipped, "other": b"no state", "empty": b""}[harm])
    assert "is damaged" in refused(run)
    with pytest.raises(BadData, match="is damaged"):
        run.net()
    path.write_bytes(whole)
    assert Runner(run.folder).run().state == "done"


def test_a_state_from_before_states_were_sealed_is_read(stopped):
    run = stopped()
    state = read_state(run.folder)
    del state["belongs"]
    torch.save(state, run.folder / files.STATE)
    assert Runner(run.folder).run().state == "done"


def test_a_run_that_version_0_1_stopped_is_resumed(stopped):
    run, names = stopped(), {today: old for old, today in SCHEDULE_NAMES.items()}

    def to_version_0_1(plan):
        schedule = plan["schedule"] | {"select": "best", "batch_norm": "follow"}
        return plan | {"schedule": {names.get(name, name): value for name, value in schedule.items()}}

    path, state = run.folder / files.PLAN, read_state(run.folder)
    path.write_text(json.dumps(to_version_0_1(json.loads(path.read_text()))))
    state["belongs"]["plan"] = to_version_0_1(state["belongs"]["plan"])
    write_state(run.folder, state)
    assert "clip" in path.read_text() and "clip_grad" not in path.read_text()
    assert Runner(run.folder).run().state == "done"


@pytest.mark.parametrize("left", [0, 100, "zeros"])
def test_points_that_a_power_cut_took_are_done_without(stopped, left):
    run = stopped()
    path = run.folder / files.POINTS
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    path.write_bytes(whole[:first] + bytes(len(whole) - first) if left == "zeros" else whole[:left])
    assert Runner(run.folder).run().state == "done"
    assert b"\0" not in path.read_bytes()
    points = run.points
    assert points.step.is_monotonic_increasing and points[points.split == "valid"].epoch.max() == 3
    assert "lacks points" in run.log


def test_points_are_on_disk_before_the_state_that_counts_on_them(tiny_plan, monkeypatch):
    synced, real, replace = [], os.fsync, os.replace

    def fsync(handle):
        real(handle)
        synced.append((os.readlink(f"/proc/self/fd/{handle}"), os.fstat(handle).st_size))

    def replaced(source, target):
        replace(source, target)
        if str(target).endswith("/state"):
            promised = read_state(run.folder)["points"]
            assert (str(run.folder / files.POINTS), promised) in synced

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replaced)
    run = wb.load_run(create_run_folder(tiny_plan(epochs=1)))
    assert Runner(run.folder, save_interval=0).run().state == "done"


def test_killed_at_random_moments_it_ends_with_the_same_bits(tiny_plan, nursery):
    """Points, net and frozen check equal those of a run that nobody killed, whatever a SIGKILL interrupts: saving, too.

    The moments are fractions of the time that the undisturbed run took, so that a fast machine is hit too.
    """
    plan = tiny_plan(epochs=4, tuning="gradual", augment="crop", threads=1, snapshots=1)
    expected, run = (wb.load_run(create_run_folder(plan)) for _ in range(2))
    moments, end = random.Random(1), time.monotonic() + 120

    def wait_until(condition):
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.01)

    def start_training(run):
        child = nursery.worker(run.folder, save_interval=0.0)
        wait_until(lambda: run.status.pid == child.pid and run.status.state != "waiting")
        return child

    start_training(expected)
    began = time.monotonic()
    wait_until(lambda: not expected.is_active)
    duration = time.monotonic() - began
    assert expected.status.state == "done"
    n_hits = 0
    for _ in range(6):
        child = start_training(run)
        time.sleep(moments.uniform(0.1, 0.6) * duration)
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            os.kill(child.pid, signal.SIGKILL)
        wait_until(lambda child=child: child.poll() is not None and not run.is_active)
        if run.status.state == "done":
            break
        assert run.status.state == "interrupted"
        n_hits += 1
    assert n_hits > 0, "no kill hit a worker that was training"
    assert Runner(run.folder).run().state == "done"
    a, b = expected.net().state_dict(), run.net().state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)
    measured = ["step", "epoch", "split", "loss", "accuracy"]
    valid = [r.points[r.points.split == "valid"][measured].reset_index(drop=True) for r in (expected, run)]
    assert valid[0].equals(valid[1]) and run.frozen_check.equals(expected.frozen_check)
    assert not list(run.folder.rglob("*.partial")), "what the killed were writing is cleared away"


def test_a_refusal_reaches_those_who_wait(stopped, forked):
    run = stopped()
    edit_plan(run, epochs=9)
    with pytest.raises(RunFailed, match="epochs was 3, is 9"):
        run.resume().wait(60)
