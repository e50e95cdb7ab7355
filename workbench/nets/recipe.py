"""How one backbone is made, as plain data: what an index, a saved net and a bare name all come down to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Everything needed to build a net and fill it with weights.

    Args:
        name: what messages call it.
        architecture: the first argument of a timm builder; the family's name elsewhere.
        builder: dotted name of the function that makes the module.
        kwargs: its arguments.
        classes: names of the outputs, in order; None where they are not known.
        preprocessing: fields of a `Preprocessing`; what is missing is the architecture's own.
        weights: a file, "hub" for the library's own download, or None for random numbers.
        sha256: checksum of the file, or "".
        source: origin, licence, pretrained_on.
    """

    name: str
    architecture: str
    builder: str = "timm.create_model"
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    weights: Path | str | None = None
    sha256: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)

    def but(self, **changes: Any) -> Recipe:
        """The same with some fields changed."""
        return dataclasses.replace(self, **changes)
