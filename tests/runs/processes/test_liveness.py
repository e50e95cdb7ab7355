"""A run lives while its folder is held: no clock, process number or status says otherwise."""

from __future__ import annotations

import dataclasses
import errno
import os
import socket
import sys
import time

import psutil
import pytest

import workbench as wb
from workbench import _paths
from workbench.errors import BadValue, DiskError, RunFailed, Unavailable
from workbench.runs.folder import run_files as files
from workbench.runs.processes import launching, liveness
from workbench.runs.processes.launching import create_run_folder


@pytest.fixture
def run(tiny_plan):
    """A run that has not begun."""
    return wb.load_run(create_run_folder(tiny_plan()))


def say(run, **changes):
    files.write_status(run.folder, dataclasses.replace(files.initial_status(run.folder), **changes))


def test_it_is_alive_as_long_as_its_folder_is_held(run):
    with liveness.lock_folder(run.folder):
        say(run, state="running", pid=2**22 - 3)
        assert run.status.state == "running" and run.is_active
        with pytest.raises(BadValue, match="being trained"):
            run.delete()
        with pytest.raises(Unavailable, match="being trained"):
            run.resume()
    assert run.status.state == "interrupted" and "resume()" in run.status.message
    say(run, state="running", pid=os.getpid())  # a process of that number lives, and is another
    assert run.status.state == "interrupted"


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_step_of_the_clock_changes_nothing(tiny_plan, monkeypatch, hours):
    run = wb.launch(tiny_plan(epochs=400, threads=1))
    real, boot = time.time, psutil.boot_time
    monkeypatch.setattr(time, "time", lambda: real() + 3600 * hours)
    if sys.platform == "linux":
        monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot() + 3600 * hours)
    assert run.is_active
    with pytest.raises(BadValue, match="being trained"):
        run.delete()
    assert run.stop(wait=60).status.state == "stopped"
    run.delete()
    assert not run.folder.exists()


def test_a_last_word_that_came_just_now_counts(run, monkeypatch):
    """A worker that ends between two looks of a reader, at its status and at its lock, is not gone without a word."""
    say(run, state="running")

    def ends(folder, host, word):
        say(run, state="done", message="")
        return False

    monkeypatch.setattr(files, "is_worker_alive", ends)
    assert run.status.state == "done"


def test_one_that_is_launched_and_not_there_yet_is_alive(run):
    with liveness.lock_for_launch(run.folder):
        say(run, state="waiting", pid=0)
        assert run.status.state == "waiting"
        with pytest.raises(BadValue, match="being trained"):
            run.delete()
        with pytest.raises(Unavailable, match="being launched"), liveness.lock_for_launch(run.folder):
            pytest.fail("two launch it")


def test_a_lock_that_another_machine_holds_may_not_be_seen(run, monkeypatch):
    watch = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: watch[0])
    say(run, state="running", host="elsewhere")
    assert run.status.state == "interrupted", "on a disk of this machine every lock is seen"
    monkeypatch.setattr(_paths, "is_on_local_disk", lambda path: False)
    assert run.is_active
    watch[0] = 100.0
    say(run, state="running", host="elsewhere", step=1)
    assert run.is_active
    watch[0] = 219.0
    assert run.is_active, "it was heard of 119 seconds ago"
    watch[0] = 221.0
    assert run.status.state == "interrupted"
    say(run, state="running", host=socket.gethostname())
    assert run.status.state == "interrupted"


class Ended:
    """A worker that has ended already."""

    pid = 0

    def poll(self):
        return 1


def test_a_reason_to_fail_is_not_written_over(run, monkeypatch):
    def fails_at_once(folder):
        say(run, state="failed", message="the reason")
        return Ended()

    monkeypatch.setattr(launching, "spawn_worker", fails_at_once)
    run.resume()
    assert (run.status.state, run.status.message) == ("failed", "the reason")


def test_a_worker_that_ends_before_its_first_word(run, monkeypatch):
    monkeypatch.setattr(launching, "spawn_worker", lambda folder: Ended())
    run.resume()
    assert run.status.state == "failed" and "before it began to train" in run.status.message
    with pytest.raises(RunFailed, match=r"log\.txt"):
        run.wait()


@pytest.mark.usefixtures("forked")
def test_a_plan_that_cannot_be_read_is_the_worker_s_reason(run):
    (run.folder / files.PLAN).write_text('{"backbone": "test_vit", "data": "digits", "tuning": "haed"}')
    with pytest.raises(RunFailed, match="did you mean head"):
        run.resume().wait(60)


def full(number, but=()):
    def fail(path, content):
        if path.name not in but:
            raise _paths.to_disk_error(OSError(number, os.strerror(number)), path)
        return real(path, content)

    real = _paths.write_file
    return fail


@pytest.mark.parametrize("door", [wb.fit, wb.launch])
@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "is read-only")])
def test_a_disk_that_takes_no_plan_is_a_sentence_and_nothing_stays(tiny_plan, monkeypatch, door, number, words):
    plan = tiny_plan()
    monkeypatch.setattr(_paths, "write_file", full(number))
    with pytest.raises(DiskError, match=words) as refusal:
        door(plan)
    assert str(files.runs_folder()) in str(refusal.value)
    assert not list(files.runs_folder().iterdir())


def test_a_home_that_is_a_file_is_a_sentence(tiny_plan, monkeypatch, tmp_path):
    plan = tiny_plan()
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    for door in (wb.fit, wb.launch):
        with pytest.raises(DiskError, match="home is a file"):
            door(plan)


def test_a_disk_that_is_full_in_mid_run_is_named(tiny_plan, monkeypatch):
    from workbench.runs.folder.points_file import PointsFile

    real = PointsFile.write

    def write(self, point):
        if point["step"] > 5:
            raise _paths.to_disk_error(OSError(errno.ENOSPC, "No space left on device"), self.path)
        real(self, point)

    monkeypatch.setattr(PointsFile, "write", write)
    with pytest.raises(RunFailed, match="the disk is full") as refusal:
        wb.fit(tiny_plan(), progress=False)
    assert "points.jsonl" in str(refusal.value) and "then call resume()" in str(refusal.value)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is Linux's")
def test_a_log_on_a_full_disk_fails_nothing(tiny_plan, capfd):
    run = wb.load_run(create_run_folder(tiny_plan(epochs=1)))
    (run.folder / files.LOG).symlink_to("/dev/full")
    from workbench.runs.processes.runner import Runner

    assert Runner(run.folder).run().state == "done"
    assert "Logging error" not in capfd.readouterr().err
