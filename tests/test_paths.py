"""Writes: whole or not at all, clear of leftovers, and refused in a sentence that names the disk."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading

import pytest

from workbench import _paths
from workbench.errors import DiskError, Unavailable

KILLED = """
import os, signal, sys
from workbench import _paths
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
_paths.write_file(sys.argv[1], "half")
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
        (errno.EACCES, "cannot be written by this user"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(tmp_path, monkeypatch, number, words):
    monkeypatch.setattr(os, "fsync", refusing(number))
    with pytest.raises(DiskError, match=words) as refusal:
        _paths.write_file(tmp_path / "kept.txt", "new")
    assert str(tmp_path / "kept.txt") in str(refusal.value) and refusal.value.errno == number
    assert isinstance(refusal.value, OSError) and isinstance(refusal.value, Unavailable)
    assert list(tmp_path.iterdir()) == [], "nothing of the attempt stays"


def test_a_full_disk_is_named_with_its_room(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", refusing(errno.ENOSPC))
    with pytest.raises(DiskError) as refusal:
        _paths.write_file(tmp_path / "x", "new")
    assert f"The disk {_paths.find_mount_point(tmp_path)} has" in str(refusal.value) and "GB left" in str(refusal.value)


def test_the_home_is_told_from_other_places(tmp_path, monkeypatch, home):
    monkeypatch.setattr(os, "fsync", refusing(errno.ENOSPC))
    with pytest.raises(DiskError, match="set WORKBENCH_HOME"):
        _paths.write_file(home / "x", "")
    with pytest.raises(DiskError, match="name another place"):
        _paths.write_file(tmp_path / "x", "")


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match="file is a file"):
        _paths.make_folder(tmp_path / "file" / "home")
    with pytest.raises(DiskError, match="there is no folder"):
        _paths.write_file(tmp_path / "nowhere" / "x", "")


def test_a_home_that_cannot_be_made_stops_nobody_who_reads(tmp_path, monkeypatch):
    import workbench as wb

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file" / "home"))
    assert (
        wb.search_runs().empty
        and len(wb.load_images("digits", per_class=2))
        and wb.load_net("test_vit", pretrained=False)
    )


def test_no_home_at_all(monkeypatch):
    monkeypatch.delenv("WORKBENCH_HOME")
    monkeypatch.setattr("pathlib.Path.home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    with pytest.raises(Unavailable, match="set WORKBENCH_HOME"):
        _paths.workbench_home()


def test_the_next_writer_clears_what_a_killed_one_left(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a.txt")], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".a.txt.") and left.suffix == ".partial"
    _paths.write_file(tmp_path / "other.txt", "")
    assert left.exists(), "another file's writer has no business with it"
    _paths.write_file(tmp_path / "a.txt", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "other.txt"}


def test_a_living_writer_is_no_leftover(tmp_path, monkeypatch):
    real, waiting, going = os.fsync, threading.Event(), threading.Event()

    def slow(handle):
        if threading.current_thread() is writer:
            waiting.set()
            going.wait(10)
        real(handle)

    writer = threading.Thread(target=_paths.write_file, args=(tmp_path / "a", "slow"))
    monkeypatch.setattr(os, "fsync", slow)
    writer.start()
    assert waiting.wait(10)
    _paths.write_file(tmp_path / "a", "quick")
    _paths.remove_partial_files(tmp_path)
    assert (tmp_path / "a").read_text() == "quick"
    going.set()
    writer.join()
    assert (tmp_path / "a").read_text() == "slow" and len(list(tmp_path.iterdir())) == 1


def test_a_lock_is_seen_without_being_taken(tmp_path):
    path = tmp_path / "lock"
    assert not _paths.is_locked(path)
    with _paths.hold_lock(path):
        assert _paths.is_locked(path)
        with pytest.raises(TimeoutError), _paths.hold_lock(path, timeout=0):
            pytest.fail("two hold it")
    assert not _paths.is_locked(path)


def test_local_disks_are_known(tmp_path, monkeypatch):
    import psutil

    assert _paths.find_mount_point(tmp_path / "not" / "there") in tmp_path.parents
    shared = psutil.disk_partitions(all=True)[0]._replace(
        mountpoint=str(_paths.find_mount_point(tmp_path)), fstype="nfs4"
    )
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [shared])
    assert not _paths.is_on_local_disk(tmp_path)
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [shared._replace(fstype="ext4")])
    assert _paths.is_on_local_disk(tmp_path)


def save_net(folder):
    import workbench as wb

    wb.load_net("test_vit", pretrained=False).save(folder / "net.safetensors")


def enter_zoo(folder):
    from workbench.nets.catalogue import zoo_index

    zoo_index.add_entry(folder, {"name": "a", "file": "a.safetensors"})


def store_images(folder):
    import workbench as wb

    wb.load_images("digits", per_class=2).subset(rows=[0, 1, 2]).store_with(folder)


def clean_labels(folder):
    import workbench as wb

    images = wb.load_images("digits", per_class=2)
    wb.label_edits(images, folder / "list.csv").remove(images.frame["id"][0])


def pretrain(folder):
    from workbench.runs.pretraining import pretrain

    pretrain("residual-shape", n_images=1000, folder=folder)


@pytest.mark.parametrize("door", [save_net, enter_zoo, store_images, clean_labels, pretrain])
@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "is read-only")])
def test_every_door_that_writes_says_which_disk(tmp_path, monkeypatch, door, number, words):
    monkeypatch.setattr(os, "fsync", refusing(number))
    with pytest.raises(Unavailable, match=words) as refusal:
        door(tmp_path)
    assert str(_paths.find_mount_point(tmp_path)) in str(refusal.value)
    assert not list(tmp_path.rglob("*.partial"))
