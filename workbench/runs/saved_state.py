"""The state of a run under way: one file that is whole or refused, and says what it belongs to."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench import disk
from workbench.errors import BadData
from workbench.runs import folder as files

SEAL = b"\nwb-state-1 "  # after it, a hash of all that comes before
KEYS = {"step", "validated", "points", "net", "strategy", "optimizer", "proof", "best"}


def write_state(folder: Path, state: Mapping[str, Any]) -> None:
    """Put a state on disk, in the place of the one before.

    Raises:
        DiskError: it cannot be written; the one before is whole.
    """
    import torch

    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    disk.write(folder / files.STATE, content + SEAL + _digest(content))


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return the state that was saved last; None where there is none.

    Raises:
        BadData: it is torn or no state; says how to begin anew.
    """
    import torch

    path = folder / files.STATE
    try:
        content, seal, digest = path.read_bytes().rpartition(SEAL)
        if not seal:  # from before states were sealed
            content = digest
        elif digest != _digest(content):
            raise ValueError("its bytes are not those that were written")
        state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        if not isinstance(state, dict) or not set(state) >= KEYS:
            raise ValueError("it is no state of a run")
    except FileNotFoundError:
        return None
    except Exception as error:  # torch raises nearly anything of a file that is none of its own
        raise unusable(
            folder, f"is damaged ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
        ) from error
    return state


def unusable(folder: Path, why: str) -> BadData:
    """Return the refusal to go on from a state, with the way to begin anew."""
    return BadData(f"the state that {folder.name} was saved in {why}; {begin_anew(folder)}")


def begin_anew(folder: Path) -> str:
    """Return how a run is begun again with the plan, images and weights that there are now."""
    called = folder.name if folder.parent.resolve() == files.root().resolve() else str(folder)
    return f"wb.run({called!r}).resume(anew=True) begins anew, from its first step"


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).hexdigest().encode()
