"""Parameters and multiply-adds by architecture: the shipped survey, and what this machine measured besides."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from workbench import disk
from workbench.nets import survey
from workbench.nets.survey import Key, Size

_log = logging.getLogger("workbench")


def known() -> Mapping[Key, Size]:
    """Every size that was measured, shipped or here."""
    return {**_shipped(), **_own(changed())}


def changed() -> int:
    """A number that is another one once this machine has measured something."""
    path = _file()
    return path.stat().st_mtime_ns if path.exists() else 0


def learn(key: Key, make: Callable[[], nn.Module], what: str) -> bool:
    """Measures a net that no table has, and remembers; whether that told anything new.

    Args:
        key: what the size is filed under.
        make: builds the net on torch's default device.
        what: how the log calls it.
    """
    if key in known():
        return False
    try:
        size = survey.measure(make, key.height, key.width, what)
    except Exception as error:  # a net that cannot be built here keeps its place in the catalogue
        _log.warning("the size of %s cannot be measured: %s", what, error)
        return False
    try:
        disk.make_folder(_file().parent)
        survey.write(_file(), {**_own(changed()), key: size})
    except OSError as error:  # a full or read-only disk: the catalogue is less complete, and no more
        _log.warning("%s cannot be written: %s", _file(), error)
        return False
    return True


def _file() -> Path:
    return disk.home() / "cache" / "sizes.csv"


@functools.cache
def _shipped() -> Mapping[Key, Size]:
    return survey.read(survey.TABLE)


@functools.lru_cache(maxsize=1)
def _own(_changed: int) -> Mapping[Key, Size]:
    try:
        return survey.read(_file())
    except ValueError as error:  # the file is only a cache: a torn or foreign one is measured anew
        _log.warning("%s is not read: %s", _file(), error)
        return {}
