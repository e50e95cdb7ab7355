"""Painted grid: learning rates per stage and epoch, as the layer painter writes them."""

from __future__ import annotations

from typing import Any

from workbench.errors import BadValue, UnknownName
from workbench.nets.net import Net
from workbench.tunings import Tuning, tunings


@tunings.add("grid")
class Painted(Tuning):
    """Any rate for any stage at any epoch, painted by hand.

    Args:
        rows: multipliers by stage name, one per column; stages not named stay frozen. Columns are spread evenly over
            the epochs, so a grid painted for ten epochs also serves for five.
    """

    paper = "Lee et al. 2022, arXiv:2210.11466 (which stages to tune depends on the shift)"
    lr = 1e-3

    def __init__(self, *, rows: dict[str, list[float]]) -> None:
        if not isinstance(rows, dict) or not rows:
            raise BadValue('expected rows such as {"head": [1.0], "layer4": [0.0, 0.1]}, got ' + repr(rows))
        self.rows = {stage: _check_multipliers(stage, values) for stage, values in rows.items()}

    def apply(self, net: Net) -> None:
        names = [stage.name for stage in net.stages]
        for stage in self.rows:
            if stage not in names:
                raise UnknownName.of(f"stage of {net.choice.name}", stage, names)
        if not any(value > 0 for row in self.rows.values() for value in row):
            raise BadValue("no stage moves in this grid: paint at least one stage in one epoch")

    def lr_multipliers(self, net: Net, progress: float) -> list[float]:
        rows = [self.rows.get(stage.name, [0.0]) for stage in net.stages]
        # the tiny offset selects column e of E at progress e / E despite rounding
        return [row[min(int(progress * len(row) + 1e-9), len(row) - 1)] for row in rows]


def _check_multipliers(stage: str, values: Any) -> list[float]:
    listed = [values] if isinstance(values, (int, float)) else list(values)
    if not listed or not all(isinstance(v, (int, float)) and 0 <= v <= 100 for v in listed):
        raise BadValue(f"expected multipliers from 0 (frozen) to 100 in row {stage} of the grid, got {values!r}")
    return [float(v) for v in listed]
