"""Saved state of an unfinished run: one file with a checksum and its provenance, either whole or refused."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import _paths
from workbench.errors import BadData
from workbench.runs.folder import run_files as files

SEAL = b"\nwb-state-1 "  # after it, a hash of all that comes before
STATE_KEYS = {"step", "validated", "points", "net", "strategy", "optimizer", "proof", "best"}


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Write a state to disk in place of the previous one.

    Raises:
        DiskError: the state cannot be written; the previous one is intact.
    """
    import torch

    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    _paths.write_file(folder / files.STATE, content + SEAL + _hash_content(content))


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return the state that was last saved; None if there is none.

    Raises:
        BadData: the file is truncated or not a state; the message explains how to restart.
    """
    import torch

    path = folder / files.STATE
    try:
        content, seal, digest = path.read_bytes().rpartition(SEAL)
        if not seal:  # written before states had a checksum
            content = digest
        elif digest != _hash_content(content):
            raise ValueError("its checksum does not match")
        state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        if not isinstance(state, dict) or not set(state) >= STATE_KEYS:
            raise ValueError("it is not the state of a run")
    except FileNotFoundError:
        return None
    except Exception as error:  # torch raises errors of many types for a file that it did not write
        raise unusable_state_error(
            folder, f"is damaged ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error
    return state


def unusable_state_error(folder: Path, reason: str) -> BadData:
    """Return the error for a state that cannot be resumed, with the way to restart."""
    return BadData(f"the saved state of {folder.name} {reason}; {restart_hint(folder)}")


def restart_hint(folder: Path) -> str:
    """Return the hint how to restart a run with the present plan, images and weights."""
    called = folder.name if folder.parent.resolve() == files.runs_folder().resolve() else str(folder)
    return f"wb.load_run({called!r}).resume(restart=True) restarts it from its first step"


def _hash_content(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).hexdigest().encode()
