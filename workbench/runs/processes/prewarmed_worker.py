"""Prewarmed worker: a process that has already imported torch and timm and waits for a run folder.

These imports take most of the seconds between a launch and its first point.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

from workbench.runs.folder import run_files as files

_lock = threading.Lock()
_prewarmed: tuple[subprocess.Popen[bytes], dict[str, str]] | None = None


def start_prewarmed_worker(environment: dict[str, str]) -> None:
    """Start a prewarmed worker, unless one is waiting already; it ends with this process if it is never used.

    Args:
        environment: variables of the worker; a launch with other variables cannot use it.
    """
    global _prewarmed
    with _lock:
        if _prewarmed is not None and _prewarmed[0].poll() is None and _prewarmed[1] == environment:
            return
        close_prewarmed_worker()
        child = subprocess.Popen(
            [sys.executable, "-m", "workbench.runs.processes.prewarmed_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
        )
        _prewarmed = (child, environment)


def take_prewarmed_worker(folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes] | None:
    """Send the prewarmed worker to `folder` and return it; None if none waits with this environment."""
    global _prewarmed
    with _lock:
        if _prewarmed is None or _prewarmed[0].poll() is not None or _prewarmed[1] != environment:
            close_prewarmed_worker()
            return None
        (child, _), _prewarmed = _prewarmed, None
    try:
        assert child.stdin is not None
        child.stdin.write(os.fsencode(folder) + b"\n")
        child.stdin.close()
    except OSError:  # it has ended meanwhile
        return None
    return child


def close_prewarmed_worker() -> None:
    """End a prewarmed worker that is no longer useful."""
    global _prewarmed
    if _prewarmed is not None and _prewarmed[0].stdin is not None:
        with contextlib.suppress(OSError):
            _prewarmed[0].stdin.close()
    _prewarmed = None


def main() -> int:
    """Wait for a folder on standard input, then train it as `workbench.runs.processes.worker` does."""
    import workbench.runs.processes.runner  # noqa: F401  what takes the time
    from workbench.runs.processes import worker

    line = sys.stdin.buffer.readline().strip()
    if not line:
        return 0
    folder = Path(os.fsdecode(line))
    log = os.open(folder / files.LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, stream in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, stream)
    return worker.main([str(folder)])


if __name__ == "__main__":
    sys.exit(main())
