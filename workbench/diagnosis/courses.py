"""How trainings went, epoch by epoch: what a cause is seen by, and what becomes of it where it is put right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.runs.record import run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from workbench.diagnosis.experiments import Outcome

SPLIT, EPOCH = "valid", "epoch"


def courses(outcomes: Mapping[str, Outcome]) -> pd.DataFrame:
    """The loss on the validation images after each epoch: epoch, and a column a training, named as it is here.

    Trainings that failed are left out; of fewer than two epochs there is no course, and no row.
    """
    import pandas as pd

    columns = []
    for name, outcome in outcomes.items():
        points = run(outcome.run).points if outcome.run else pd.DataFrame()
        if "loss" in points and (points["split"] == SPLIT).any():
            seen = points[points["split"] == SPLIT]
            columns.append(seen.set_index(seen[EPOCH].round().astype(int))["loss"].rename(name).groupby(level=0).last())
    frame = pd.concat(columns, axis=1).sort_index().rename_axis(EPOCH).reset_index() if columns else pd.DataFrame()
    return frame if len(frame) > 1 else frame.head(0)
