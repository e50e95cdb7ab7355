"""Learning curves of trainings, for a cause and for its fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.runs.run import load_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from workbench.diagnosis.experiments.plan_outcomes import Outcome

SPLIT, EPOCH = "valid", "epoch"


def validation_loss_curves(outcomes: Mapping[str, Outcome]) -> pd.DataFrame:
    """Collect validation losses after each epoch: column epoch, and one column per training, named by its key.

    Failed trainings are omitted. With fewer than two epochs the frame has no rows.
    """
    import pandas as pd

    columns = []
    for name, outcome in outcomes.items():
        points = load_run(outcome.run).points if outcome.run else pd.DataFrame()
        if "loss" in points and (points["split"] == SPLIT).any():
            valid = points[points["split"] == SPLIT]
            losses = valid.set_index(valid[EPOCH].round().astype(int))["loss"].rename(name)
            columns.append(losses.groupby(level=0).last())
    frame = pd.concat(columns, axis=1).sort_index().rename_axis(EPOCH).reset_index() if columns else pd.DataFrame()
    return frame if len(frame) > 1 else frame.head(0)
