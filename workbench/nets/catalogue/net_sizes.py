"""Parameters and multiply-adds by architecture: the shipped survey, and sizes measured on this machine."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import nn

from workbench import _paths
from workbench.nets.catalogue import size_survey
from workbench.nets.catalogue.size_survey import NetSize, SizeKey

_log = logging.getLogger("workbench")


def load_known_sizes() -> Mapping[SizeKey, NetSize]:
    """Load every known size, shipped or measured on this machine."""
    return {**_read_shipped_table(), **_read_local_table(get_local_table_version())}


def get_local_table_version() -> int:
    """Return a version number of this machine's table, which changes when a size is added."""
    path = _get_local_table_path()
    return path.stat().st_mtime_ns if path.exists() else 0


def measure_and_store(key: SizeKey, build_net: Callable[[], nn.Module], label: str) -> bool:
    """Measure a net that no table has, and store its size; returns whether a size was added.

    Args:
        key: key of the size.
        build_net: function that builds the net on torch's default device.
        label: name in the log.
    """
    if key in load_known_sizes():
        return False
    try:
        size = size_survey.measure_size(build_net, key.height, key.width, label)
    except Exception as error:  # a net that cannot be built here remains in the catalogue
        _log.warning("the size of %s cannot be measured: %s", label, error)
        return False
    try:
        _paths.make_folder(_get_local_table_path().parent)
        size_survey.write_size_table(
            _get_local_table_path(), {**_read_local_table(get_local_table_version()), key: size}
        )
    except OSError as error:  # a full or read-only disk only makes the catalogue less complete
        _log.warning("%s cannot be written: %s", _get_local_table_path(), error)
        return False
    return True


def _get_local_table_path() -> Path:
    return _paths.workbench_home() / "cache" / "sizes.csv"


@functools.cache
def _read_shipped_table() -> Mapping[SizeKey, NetSize]:
    return size_survey.read_size_table(size_survey.TABLE_PATH)


@functools.lru_cache(maxsize=1)
def _read_local_table(_version: int) -> Mapping[SizeKey, NetSize]:
    try:
        return size_survey.read_size_table(_get_local_table_path())
    except ValueError as error:  # the file is only a cache: a damaged one is measured again
        _log.warning("%s cannot be read: %s", _get_local_table_path(), error)
        return {}
