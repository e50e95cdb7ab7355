"""The plugin that prints what tests reach: parts of several processes add up, and too little fails the suite."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import branch_coverage
from tests.branch_coverage import BranchCoverage

ROOT = Path(__file__).resolve().parents[1]
MEASURED = """
import sys
from pathlib import Path
from tests import branch_coverage

branch_coverage.PACKAGE = Path(sys.argv[1])
sys.path.insert(0, str(branch_coverage.PACKAGE.parent))
part = branch_coverage.measurement(sys.argv[2])
part.start()
from package.room import doors
doors.leave(sys.argv[3] == "yes")
part.stop()
part.save()
print(branch_coverage.percent_by_room(sys.argv[2], ["room"])["room"]) if sys.argv[3] == "no" else None
"""


def test_parts_of_two_processes_add_up(tmp_path):
    room = tmp_path / "package" / "room"
    room.mkdir(parents=True)
    (room.parent / "__init__.py").touch()
    (room / "__init__.py").touch()
    (room / "doors.py").write_text(
        textwrap.dedent("""
        def leave(open):
            if open:
                return 1
            return 2
        """)
    )
    (tmp_path / "parts").mkdir()
    printed = [
        subprocess.run(
            [sys.executable, "-c", MEASURED, room.parent, tmp_path / "parts", answer],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for answer in ("yes", "no")
    ]
    assert printed[0] == "" and float(printed[1]) == 100.0


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """The plugin of a session whose tests reached what `found` says."""
    monkeypatch.setenv(branch_coverage.FOLDER, str(tmp_path))
    monkeypatch.delenv("WORKBENCH_NIGHTLY", raising=False)
    monkeypatch.setattr(branch_coverage.subprocess, "run", lambda *_, **__: None)
    monkeypatch.setattr(branch_coverage, "percent_by_room", lambda *_: plugin.found)
    plugin = BranchCoverage(SimpleNamespace())
    return plugin


@pytest.mark.parametrize(("storage", "status"), [(84.9, 1), (85.0, 0)])
def test_too_little_of_one_room_fails_a_suite_that_passed(plugin, storage, status):
    plugin.found = {"diagnosis": 95.0, "storage": storage}
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    plugin.pytest_sessionfinish(session)
    assert session.exitstatus == status
    lines = []
    plugin.pytest_terminal_summary(SimpleNamespace(section=lines.append, line=lambda text, red: lines.append(text)))
    assert "diagnosis     95.0 %" in lines
    assert any("at least 85 % are wanted" in line for line in lines) == bool(status)


def test_another_outcome_stays(plugin):
    plugin.found = {"diagnosis": 1.0, "storage": 1.0}
    session = SimpleNamespace(exitstatus=pytest.ExitCode.INTERRUPTED)
    plugin.pytest_sessionfinish(session)
    assert session.exitstatus == pytest.ExitCode.INTERRUPTED


def test_every_night_every_room_is_listed(plugin, monkeypatch):
    assert plugin.rooms == ["diagnosis", "storage"]
    monkeypatch.setenv("WORKBENCH_NIGHTLY", "1")
    rooms = BranchCoverage(SimpleNamespace()).rooms
    assert {"nets", "plan", "widgets", "diagnosis"} <= set(rooms)
