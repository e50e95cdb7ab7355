"""Only what a run wrote is ever removed, and no run begins among a person's files."""

from __future__ import annotations

import pytest

import workbench as wb
from workbench import _paths
from workbench.errors import BadValue
from workbench.runs.folder import removal
from workbench.runs.folder import run_files as files
from workbench.runs.processes import liveness
from workbench.runs.processes.launching import create_run_folder


@pytest.fixture
def done(tiny_plan):
    """A run with everything that one may write."""
    run = wb.fit(tiny_plan(epochs=1, snapshots=1), progress=False)
    run.to_tensorboard()
    (run.folder / "0123456789ab-judged.npz").write_bytes(b"")
    (run.folder / ".state.abc.partial").write_bytes(b"")
    return run


def test_all_that_a_run_wrote_goes(done):
    done.delete()
    assert not done.folder.exists() and wb.search_runs().empty


def test_what_a_person_put_into_it_stays(done, caplog):
    theirs = [done.folder / "thesis.txt", done.folder / "data" / "notes" / "a.txt", done.folder / "snapshots" / "b.png"]
    for path in theirs:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    done.delete()
    left = [path for path in done.folder.rglob("*") if path.is_file()]
    assert sorted(left) == sorted(theirs) and all(path.read_text() == "mine" for path in theirs)
    assert "thesis.txt" in caplog.text and wb.search_runs().empty


def test_a_link_is_removed_and_not_what_it_leads_to(done, tmp_path):
    (tmp_path / "epoch-0001.safetensors").write_text("mine")
    (done.folder / files.LOG).unlink()
    (done.folder / files.LOG).symlink_to(tmp_path / "epoch-0001.safetensors")
    for path in (done.folder / "snapshots").iterdir():
        path.unlink()
    (done.folder / "snapshots").rmdir()
    (done.folder / "snapshots").symlink_to(tmp_path)
    done.delete()
    assert (tmp_path / "epoch-0001.safetensors").read_text() == "mine"


@pytest.mark.parametrize("held", [{}, {"thesis.txt": "x"}, {"plan.json": '{"rooms": 3}'}, {"status.json": "[]"}])
def test_a_folder_that_is_no_run_is_not_touched(tmp_path, held):
    for name, text in held.items():
        (tmp_path / name).write_text(text)
    for deed in (wb.Run(tmp_path).delete, wb.Run(tmp_path).resume):
        with pytest.raises(BadValue, match="is not a run folder"):
            deed()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == held


@pytest.mark.parametrize("door", [wb.fit, wb.launch])
@pytest.mark.parametrize("name", ["thesis.txt", ".hidden", "data/images/mine.png", "log.txt", "state"])
def test_no_run_begins_among_a_person_s_files(tiny_plan, tmp_path, door, name):
    (tmp_path / "mine" / name).parent.mkdir(parents=True)
    (tmp_path / "mine" / name).write_text("x")
    with pytest.raises(BadValue, match="contains other files") as refusal:
        door(tiny_plan(), folder=tmp_path / "mine")
    assert name.partition("/")[0] in str(refusal.value)
    assert [path for path in (tmp_path / "mine").rglob("*") if path.is_file()] == [tmp_path / "mine" / name]


def test_a_file_is_no_folder_for_a_run(tiny_plan, tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(BadValue, match="is a file"):
        wb.fit(tiny_plan(), folder=tmp_path / "mine")


def test_an_empty_folder_will_do(tiny_plan, tmp_path):
    assert create_run_folder(tiny_plan(), tmp_path) == tmp_path
    wb.Run(tmp_path).delete()


def test_what_a_killed_maker_left_is_no_stranger_and_is_cleared(tiny_plan, tmp_path):
    left = create_run_folder(tiny_plan(), tmp_path / "named")
    (left / files.PLAN).unlink()
    assert (create_run_folder(tiny_plan(), left) / files.PLAN).exists(), "the same folder can be begun again"
    forgotten = create_run_folder(tiny_plan())
    (forgotten / files.PLAN).unlink()
    with liveness.lock_for_launch(forgotten):
        create_run_folder(tiny_plan())
        assert forgotten.exists(), "somebody is about to write its plan"
    made = create_run_folder(tiny_plan())  # within the same second it bears the same name
    assert made == forgotten or not forgotten.exists()
    assert [path for path in made.parent.iterdir() if not (path / files.PLAN).exists()] == []


def test_a_making_that_fails_leaves_a_folder_as_it_was(tiny_plan, tmp_path, monkeypatch):
    monkeypatch.setattr(
        _paths, "write_file", lambda path, content: (_ for _ in ()).throw(_paths.to_disk_error(OSError(28, ""), path))
    )
    with pytest.raises(wb.WorkbenchError, match="the disk is full"):
        create_run_folder(tiny_plan(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert removal.find_foreign_files(tmp_path) == []
