"""The points of a run, written one line each: on disk for good before the state that counts on them is."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import disk
from workbench.errors import BadData
from workbench.runs.folder_contents import parse_point

log = logging.getLogger("workbench")


class PointsFile:
    """The points of one run, open for more; to be used in a `with` statement.

    Args:
        path: the file; made if it is missing.
        known: bytes of it that the state is from. What came after is measured anew, so it is cut off. Where fewer are
            there, or some are no points, the run goes on after those that are.

    Raises:
        DiskError: it cannot be written.
    """

    def __init__(self, path: Path, known: int) -> None:
        self.path = path
        with disk.explain_failures(path):
            path.touch()
            whole = whole_bytes(path, known)
            if whole < known:
                log.warning("%s lacks points that were measured (a power cut?); the run goes on without them", path)
            os.truncate(path, whole)
            self._file = path.open("a", encoding="utf-8")
            disk.sync_folder(path.parent)

    def write(self, point: Mapping[str, Any]) -> None:
        """Add a point, for readers to see at once; NaN, a metric of nothing, is left out, for strict JSON has none."""
        measured = {name: value for name, value in point.items() if isinstance(value, str) or math.isfinite(value)}
        with disk.explain_failures(self.path):
            self._file.write(json.dumps(measured) + "\n")
            self._file.flush()

    def sync(self) -> int:
        """Put all points on disk for good; return how many bytes they are."""
        with disk.explain_failures(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            return self._file.tell()

    def __enter__(self) -> PointsFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with disk.explain_failures(self.path):
                self._file.close()
        except OSError:
            if kind is None:  # what went wrong before is told rather than this
                raise


def whole_bytes(path: Path, known: int) -> int:
    """Return how many of the first `known` bytes are whole points, one after another from the beginning."""
    with path.open("rb") as file:
        data = file.read(known)
    whole = 0
    for line in data.splitlines(keepends=True):
        with contextlib.suppress(BadData):
            if line.endswith(b"\n") and parse_point(path, line):
                whole += len(line)
                continue
        break
    return whole
