"""Where things live on disk, and writes that a kill cannot tear."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def home() -> Path:
    """The folder for runs and caches: `$WORKBENCH_HOME`, else `~/.workbench`; made if missing."""
    folder = Path(os.environ.get("WORKBENCH_HOME") or Path.home() / ".workbench").expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def mask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    current = os.umask(0)
    os.umask(current)
    return current


def write(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Writes a whole file or nothing: a new file beside `path`, flushed to disk, then renamed over it."""
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o666 & ~mask())  # a temporary file is its maker's alone; a shared disk wants the usual
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        raise
