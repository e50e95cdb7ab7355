"""Plugin that prints how much of a room's lines and branches its own tests reach, and fails below a bound.

`start.py test` loads it with the whole suite. Only the tests of the measured rooms are traced, which costs them a
quarter of their time; with `WORKBENCH_NIGHTLY=1` all tests are, and every room is listed. Each process writes what it
saw into one folder; lines that run when a module is imported are measured in a process of their own, since a module may
have been imported before tracing began.
"""

from __future__ import annotations

import importlib
import io
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from coverage import Coverage

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent / "workbench"
FOLDER = "WORKBENCH_COVERAGE"  # the variable by which processes find the folder of the measurements
ROOMS = ("diagnosis", "storage")
LEAST = 85.0  # percent of lines and branches of each of them


def measurement(folder: str) -> Coverage:
    """A measurement of the package that is saved beside the others in a folder."""
    return Coverage(
        data_file=f"{folder}/part",
        data_suffix=True,
        branch=True,
        source=[str(PACKAGE)],
        config_file=False,
        messages=False,
    )


def import_rooms(folder: str, rooms: list[str]) -> None:
    """Imports every module of some rooms under measurement."""
    part = measurement(folder)
    part.start()
    for room in rooms:
        module = importlib.import_module(f"workbench.{room}")
        for found in pkgutil.walk_packages(getattr(module, "__path__", []), f"{module.__name__}."):
            importlib.import_module(found.name)
    part.stop()
    part.save()


def percent_by_room(folder: str, rooms: list[str]) -> dict[str, float]:
    """Percent of lines and branches that the measurements in a folder reach together."""
    whole = measurement(folder)
    whole.combine([folder])
    inside = {room: f"{PACKAGE / room}/*" if (PACKAGE / room).is_dir() else f"{PACKAGE / room}.py" for room in rooms}
    return {room: whole.report(file=io.StringIO(), include=[inside[room]]) for room in rooms}


class BranchCoverage:
    """The plugin in one process: of a worker, or of the session that waits for workers and prints."""

    def __init__(self, config: pytest.Config) -> None:
        self.nightly = os.environ.get("WORKBENCH_NIGHTLY") == "1"
        everything = {
            path.stem for path in PACKAGE.iterdir() if (path / "__init__.py").exists() or path.suffix == ".py"
        }
        self.rooms = sorted(everything - {"__init__", "__main__"}) if self.nightly else list(ROOMS)
        self.prints = not hasattr(config, "workerinput")
        self.folder = os.environ[FOLDER]
        self.part = measurement(self.folder)
        self.found: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Traces a test of a measured room, its fixtures included."""
        traced = self.nightly or any((TESTS / room) in item.path.parents for room in self.rooms)
        if traced:
            self.part.start()
        try:
            return (yield)
        finally:
            if traced:
                self.part.stop()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Saves this process's part; the session that prints comes last and adds them up."""
        self.part.save()
        if not self.prints:
            return
        code = f"from tests.branch_coverage import import_rooms; import_rooms({self.folder!r}, {self.rooms!r})"
        subprocess.run([sys.executable, "-c", code], cwd=TESTS.parent, check=True)
        self.found = percent_by_room(self.folder, self.rooms)
        if session.exitstatus == pytest.ExitCode.OK and any(self.found[room] < LEAST for room in ROOMS):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Prints a line for each room."""
        terminalreporter.section("lines and branches that are reached")
        for room, percent in self.found.items():
            short = f"; at least {LEAST:.0f} % are wanted" if room in ROOMS and percent < LEAST else ""
            terminalreporter.line(f"{room:12} {percent:5.1f} %{short}", red=bool(short))


def pytest_configure(config: pytest.Config) -> None:
    """Adds the plugin; workers find the folder in the variable."""
    if not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="workbench-coverage-")
        config.add_cleanup(folder.cleanup)
        os.environ[FOLDER] = folder.name
    config.pluginmanager.register(BranchCoverage(config), "workbench-branch-coverage")
