"""Writes: whole or not at all, clear of leftovers, and refused in a sentence that names the disk."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from workbench import disk
from workbench.errors import DiskError, Unavailable

KILLED = """
import os, signal, sys
from workbench import disk
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
disk.write(sys.argv[1], "half")
"""


def refusing(number):
    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EROFS, "is read-only"),
        (errno.EACCES, "may not be written by this user"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(tmp_path, monkeypatch, number, words):
    monkeypatch.setattr(os, "fsync", refusing(number))
    with pytest.raises(DiskError, match=words) as refusal:
        disk.write(tmp_path / "kept.txt", "new")
    assert str(tmp_path / "kept.txt") in str(refusal.value) and refusal.value.errno == number
    assert isinstance(refusal.value, OSError) and isinstance(refusal.value, Unavailable)
    assert list(tmp_path.iterdir()) == [], "nothing of the attempt stays"


def test_a_full_disk_is_named_with_its_room(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", refusing(errno.ENOSPC))
    with pytest.raises(DiskError) as refusal:
        disk.write(tmp_path / "x", "new")
    assert f"The disk {disk.mount(tmp_path)} has" in str(refusal.value) and "GB left" in str(refusal.value)


def test_the_home_is_told_from_other_places(tmp_path, monkeypatch, home):
    monkeypatch.setattr(os, "fsync", refusing(errno.ENOSPC))
    with pytest.raises(DiskError, match="set WORKBENCH_HOME"):
        disk.write(home / "x", "")
    with pytest.raises(DiskError, match="name another place"):
        disk.write(tmp_path / "x", "")


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="file is a file"):
        disk.make_folder(tmp_path / "file" / "home")
    with pytest.raises(DiskError, match="there is no folder"):
        disk.write(tmp_path / "nowhere" / "x", "")


def test_a_home_that_cannot_be_made_stops_nobody_who_reads(tmp_path, monkeypatch):
    import workbench as wb

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file" / "home"))
    assert wb.runs().empty and len(wb.images("digits", per_class=2)) and wb.load("test_vit", pretrained=False)


def test_no_home_at_all(monkeypatch):
    monkeypatch.delenv("WORKBENCH_HOME")
    monkeypatch.setattr("pathlib.Path.home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    with pytest.raises(Unavailable, match="set WORKBENCH_HOME"):
        disk.home()


def test_the_next_writer_clears_what_a_killed_one_left(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a.txt")], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".a.txt.") and left.suffix == ".partial"
    disk.write(tmp_path / "other.txt", "")
    assert left.exists(), "another file's writer has no business with it"
    disk.write(tmp_path / "a.txt", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "other.txt"}


def test_a_living_writer_is_no_leftover(tmp_path, monkeypatch):
    real, waiting, going = os.fsync, threading.Event(), threading.Event()

    def slow(handle):
        if threading.current_thread() is writer:
            waiting.set()
            going.wait(10)
        real(handle)

    writer = threading.Thread(target=disk.write, args=(tmp_path / "a", "slow"))
    monkeypatch.setattr(os, "fsync", slow)
    writer.start()
    assert waiting.wait(10)
    disk.write(tmp_path / "a", "quick")
    disk.clear_partials(tmp_path)
    assert (tmp_path / "a").read_text() == "quick"
    going.set()
    writer.join()
    assert (tmp_path / "a").read_text() == "slow" and len(list(tmp_path.iterdir())) == 1


def test_a_lock_is_seen_without_being_taken(tmp_path):
    path = tmp_path / "lock"
    assert not disk.is_locked(path)
    with disk.lock(path):
        assert disk.is_locked(path)
        with pytest.raises(TimeoutError), disk.lock(path, timeout=0):
            pytest.fail("two hold it")
    assert not disk.is_locked(path)


def test_local_disks_are_known(tmp_path, monkeypatch):
    import psutil

    assert disk.mount(tmp_path / "not" / "there") in tmp_path.parents
    shared = psutil.disk_partitions(all=True)[0]._replace(mountpoint=str(disk.mount(tmp_path)), fstype="nfs4")
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [shared])
    assert not disk.is_local(tmp_path)
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [shared._replace(fstype="ext4")])
    assert disk.is_local(tmp_path)


def save_net(folder):
    import workbench as wb

    wb.load("test_vit", pretrained=False).save(folder / "net.safetensors")


def enter_zoo(folder):
    from workbench.nets import zoos

    zoos.enter(folder, {"name": "a", "file": "a.safetensors"})


def store_images(folder):
    import workbench as wb

    wb.images("digits", per_class=2).part(rows=[0, 1, 2]).store_with(folder)


def clean_labels(folder):
    import workbench as wb

    images = wb.images("digits", per_class=2)
    wb.cleaning(images, folder / "list.csv").remove(images.frame["id"][0])


def pretrain(folder):
    from workbench.runs.keeping import pretrain

    pretrain("residual-shape", images=1000, out=folder)


@pytest.mark.parametrize("door", [save_net, enter_zoo, store_images, clean_labels, pretrain])
@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "is read-only")])
def test_every_door_that_writes_says_which_disk(tmp_path, monkeypatch, door, number, words):
    monkeypatch.setattr(os, "fsync", refusing(number))
    with pytest.raises(Unavailable, match=words) as refusal:
        door(tmp_path)
    assert str(disk.mount(tmp_path)) in str(refusal.value)
    assert not list(tmp_path.rglob("*.partial"))
