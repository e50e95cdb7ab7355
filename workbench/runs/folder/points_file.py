"""File of a run's points, one JSON line each, synced to disk before the state that refers to them."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import _paths
from workbench.errors import BadData
from workbench.runs.folder.file_readers import parse_point

log = logging.getLogger("workbench")


class PointsFile:
    """Points of one run, open for appending; to be used in a `with` statement.

    Args:
        path: the file; created if missing.
        n_bytes: size of the file when the state was saved. Later points are measured again, so they are cut off. If the
            file is shorter, or some lines are not points, the run continues after the valid ones.

    Raises:
        DiskError: the file cannot be written.
    """

    def __init__(self, path: Path, n_bytes: int) -> None:
        self.path = path
        with _paths.raise_disk_errors(path):
            path.touch()
            whole = count_whole_bytes(path, n_bytes)
            if whole < n_bytes:
                log.warning("%s lacks points that were measured (a power cut?); the run continues without them", path)
            os.truncate(path, whole)
            self._file = path.open("a", encoding="utf-8")
            _paths.sync_folder(path.parent)

    def write(self, point: Mapping[str, Any]) -> None:
        """Append a point and flush it for readers; NaN (a metric of no images) is left out, as strict JSON has none."""
        measured = {name: value for name, value in point.items() if isinstance(value, str) or math.isfinite(value)}
        with _paths.raise_disk_errors(self.path):
            self._file.write(json.dumps(measured) + "\n")
            self._file.flush()

    def sync(self) -> int:
        """Sync all points to disk; return the size of the file in bytes."""
        with _paths.raise_disk_errors(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            return self._file.tell()

    def __enter__(self) -> PointsFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with _paths.raise_disk_errors(self.path):
                self._file.close()
        except OSError:
            if kind is None:  # an earlier error takes precedence over this one
                raise


def count_whole_bytes(path: Path, n_bytes: int) -> int:
    """Count the bytes of complete points at the beginning of the file, within its first `n_bytes` bytes."""
    with path.open("rb") as file:
        data = file.read(n_bytes)
    whole = 0
    for line in data.splitlines(keepends=True):
        with contextlib.suppress(BadData):
            if line.endswith(b"\n") and parse_point(path, line):
                whole += len(line)
                continue
        break
    return whole
