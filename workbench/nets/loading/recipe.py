"""Construction of a backbone as plain data, the common form of an index entry, a saved net and a bare name."""

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
        name: name used in messages.
        architecture: first argument of a timm builder; otherwise the family's name.
        builder: dotted name of the function that builds the module.
        kwargs: keyword arguments of the builder.
        classes: names of the outputs, in order; None where they are not known.
        preprocessing: fields of a `Preprocessing`; missing ones are the architecture's own.
        weights: a file, "hub" for the library's own download, or None for random weights.
        sha256: checksum of the file, or "".
        provenance: origin, licence and pretrained_on of the weights.
    """

    name: str
    architecture: str
    builder: str = "timm.create_model"
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    weights: Path | str | None = None
    sha256: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def replace(self, **changes: Any) -> Recipe:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)
