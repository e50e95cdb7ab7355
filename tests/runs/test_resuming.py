"""Going on: only with what the state belongs to, with the points that there are, and to the same bits."""

from __future__ import annotations

import json
import os
import random
import signal
import time

import pytest
import torch

import workbench as wb
from workbench.errors import BadData, RunFailed
from workbench.runs import folder as files
from workbench.runs.carrying import Carrier
from workbench.runs.launching import create
from workbench.runs.saved_state import read_state


@pytest.fixture
def stopped(tiny_plan):
    """A function that makes a run which was stopped after some steps, its state saved."""

    def make(plan=None, steps=4, name="r"):
        run = wb.run(create(plan or tiny_plan(epochs=3), files.root() / name))
        asked = lambda point, _: (run.folder / files.STOP).touch() if point.step >= steps else None  # noqa: E731
        assert Carrier(run.folder, watch=asked, save_every=0).carry_out().state == "stopped"
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
    status = Carrier(run.folder).carry_out()
    assert status.state == "failed" and (run.folder / files.STATE).read_bytes() == kept, "nothing is lost"
    assert f"wb.run('{run.name}').resume(anew=True)" in status.sentence
    return status.sentence


def test_another_plan_is_refused_until_it_is_put_back(stopped):
    run = stopped()
    points = run.points
    edit_plan(run, epochs=5)
    assert "epochs was 3, is 5" in refused(run)
    assert run.points.equals(points)
    edit_plan(run, epochs=3, threads=1)  # where and with how many threads is free
    assert Carrier(run.folder).carry_out().state == "done"


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
    assert "top had not been there, has 4 images" in refused(run)


def test_other_pixels_under_the_same_name_and_size(stopped, tiny_plan, tree):
    run = stopped(tiny_plan(tree, epochs=3))
    first, second = sorted((tree / "left").iterdir())[:2]
    data, when = first.read_bytes(), os.stat(second)
    second.write_bytes(data + bytes(max(0, when.st_size - len(data))))
    os.utime(second, ns=(when.st_atime_ns, when.st_mtime_ns))
    assert "what the image files hold has changed" in refused(run)


def test_a_set_that_only_moved_goes_on(stopped, tiny_plan, tree):
    run = stopped(tiny_plan(tree, epochs=3))
    moved = tree.rename(tree.with_name("elsewhere"))
    path = run.folder / files.PLAN
    plan = json.loads(path.read_text())
    plan["data"]["name"] = str(moved)
    path.write_text(json.dumps(plan))
    for image in moved.rglob("*.png"):
        os.utime(image)
    assert Carrier(run.folder).carry_out().state == "done"


def test_other_weights_are_refused(stopped, tiny_plan, tiny, tmp_path, toy):
    net = tiny()
    net.save(tmp_path / "net.safetensors")
    run = stopped(wb.Plan(str(tmp_path / "net.safetensors"), toy, epochs=3, batch_size=16, augment="none"))
    with torch.no_grad():
        net.backbone.conv_stem.weight.mul_(2)
    net.save(tmp_path / "net.safetensors")
    assert "the weights that it began with are others" in refused(run)


def test_begun_anew_it_takes_what_there_is(stopped, forked):
    run = stopped()
    edit_plan(run, epochs=1)
    run.resume(anew=True).wait(60)
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
    assert Carrier(run.folder).carry_out().state == "done"


def test_a_state_from_before_states_were_sealed_is_read(stopped):
    run = stopped()
    state = read_state(run.folder)
    del state["belongs"]
    torch.save(state, run.folder / files.STATE)
    assert Carrier(run.folder).carry_out().state == "done"


@pytest.mark.parametrize("left", [0, 100, "zeros"])
def test_points_that_a_power_cut_took_are_done_without(stopped, left):
    run = stopped()
    path = run.folder / files.POINTS
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    path.write_bytes(whole[:first] + bytes(len(whole) - first) if left == "zeros" else whole[:left])
    assert Carrier(run.folder).carry_out().state == "done"
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
    run = wb.run(create(tiny_plan(epochs=1)))
    assert Carrier(run.folder, save_every=0).carry_out().state == "done"


def test_killed_at_random_moments_it_ends_with_the_same_bits(tiny_plan, nursery):
    """Points, net and proof are those of a run that nobody killed, whatever a SIGKILL interrupts: saving, too."""
    plan = tiny_plan(epochs=4, tuning="gradual", augment="crop", threads=1, snapshots=1)
    expected, run = wb.fit(plan, progress=False), wb.run(create(plan))
    moments, end = random.Random(1), time.monotonic() + 60
    for _ in range(6):
        child = nursery.worker(run.folder, save_every=0.0)
        while run.status.pid != child.pid or run.status.state == "waiting":
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(moments.uniform(0.3, 1.0))
        os.kill(child.pid, signal.SIGKILL)
        while child.poll() is None:
            time.sleep(0.01)
        if run.status.state == "done":
            break
        assert run.status.state == "interrupted"
    assert Carrier(run.folder).carry_out().state == "done"
    a, b = expected.net().state_dict(), run.net().state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)
    measured = ["step", "epoch", "split", "loss", "accuracy"]
    valid = [r.points[r.points.split == "valid"][measured].reset_index(drop=True) for r in (expected, run)]
    assert valid[0].equals(valid[1]) and run.proof.equals(expected.proof)
    assert not list(run.folder.rglob("*.partial")), "what the killed were writing is cleared away"


def test_a_refusal_reaches_those_who_wait(stopped, forked):
    run = stopped()
    edit_plan(run, epochs=9)
    with pytest.raises(RunFailed, match="epochs was 3, is 9"):
        run.resume().wait(60)
