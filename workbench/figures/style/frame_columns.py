"""Check of the columns of a frame that a figure needs."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import BadValue
from workbench.formatting import join_names


def check_columns(frame: object, wanted: Sequence[str], figure_name: str) -> None:
    """Check that a frame has the wanted columns.

    Raises:
        BadValue: a wanted column is missing; the message lists the wanted and the received columns.
    """
    columns = [str(c) for c in getattr(frame, "columns", ())]
    missing = [w for w in wanted if w not in columns]
    if missing:
        received = ", ".join(columns) or type(frame).__name__
        raise BadValue(
            f"{figure_name} expected a frame with {join_names(wanted)}, got {received}; {join_names(missing)} missing"
        )
