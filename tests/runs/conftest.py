"""Workers forked from one process that has imported torch and timm: a test waits for what it tests, not for imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from workbench.runs.folder import run_files as files
from workbench.runs.processes import launching

NURSERY = """
import faulthandler, functools, json, os, signal, sys
import timm
from workbench.runs.processes import runner, worker
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are not kept as zombies
for line in sys.stdin:
    asked = json.loads(line)
    if pid := os.fork():
        print(pid, flush=True)
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for descriptor, stream in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
        os.dup2(descriptor, stream)
    faulthandler.register(signal.SIGUSR1)
    os.environ.update(asked["environment"])
    code = 1
    try:
        exec(asked["before"])
        if asked["save_interval"] is not None:
            runner.Runner = functools.partial(runner.Runner, save_interval=asked["save_interval"])
        code = worker.main([asked["folder"]])
    finally:
        os._exit(code)
"""


class Forked:
    """A worker, as far as a `Popen` is asked for."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        return None if psutil.pid_exists(self.pid) else 0


class Nursery:
    """The process that workers are forked from."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", NURSERY]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=launching.worker_environment()
        )

    def worker(
        self,
        folder: Path,
        save_interval: float | None = None,
        environment: dict[str, str] | None = None,
        log: Path | None = None,
        before: str = "",
    ) -> Forked:
        """A worker at `folder` in a session of its own, as `launching.spawn_worker` starts one.

        Args:
            before: Python that it executes first.
        """
        asked = {"folder": str(folder), "log": str(log or folder / files.LOG), "save_interval": save_interval}
        asked |= {"environment": {**os.environ, **(environment or {})}, "before": before}
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        return Forked(int(self.process.stdout.readline()))

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


@pytest.fixture(scope="module")
def nursery():
    """Where workers are forked."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def forked(nursery, monkeypatch):
    """Launches fork their workers; one test launches as a person does."""
    monkeypatch.setattr(launching, "spawn_worker", nursery.worker)
