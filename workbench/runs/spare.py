"""A worker made ready before it is asked for: it has imported what it needs and waits to be told a folder.

Importing torch and timm takes most of the seconds between a launch and its first point.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

from workbench.runs import folder as files

_lock = threading.Lock()
_spare: tuple[subprocess.Popen[bytes], dict[str, str]] | None = None


def warm(environment: dict[str, str]) -> None:
    """Starts a spare worker, unless one is waiting already; it ends with this process if it is never used.

    Args:
        environment: variables that it runs with; a launch under others cannot use it.
    """
    global _spare
    with _lock:
        if _spare is not None and _spare[0].poll() is None and _spare[1] == environment:
            return
        dismiss()
        child = subprocess.Popen(
            [sys.executable, "-m", "workbench.runs.spare"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
        )
        _spare = (child, environment)


def take(folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes] | None:
    """The spare worker, sent to `folder`; None where none waits with this environment."""
    global _spare
    with _lock:
        if _spare is None or _spare[0].poll() is not None or _spare[1] != environment:
            dismiss()
            return None
        (child, _), _spare = _spare, None
    try:
        assert child.stdin is not None
        child.stdin.write(os.fsencode(folder) + b"\n")
        child.stdin.close()
    except OSError:  # it died just now
        return None
    return child


def dismiss() -> None:
    """Ends a spare that is of no use any more."""
    global _spare
    if _spare is not None and _spare[0].stdin is not None:
        with contextlib.suppress(OSError):
            _spare[0].stdin.close()
    _spare = None


def main() -> int:
    """Waits for a folder on standard input, then works there as `workbench.runs.worker` does."""
    import workbench.runs.carrying  # noqa: F401  what takes the time
    from workbench.runs import worker

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
