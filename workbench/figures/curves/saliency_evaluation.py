"""Evaluation of saliency maps: deletion and insertion curves, and the sanity check by weight randomization."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Frame, HasAttributes
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.curves.labeled_lines import line_chart
from workbench.figures.rendering.figure import Figure
from workbench.figures.style.frame_columns import check_columns
from workbench.formatting import format_decimal

__all__ = ["faithfulness_curves", "sanity_check_curves"]

FaithfulnessLike = Annotated[
    Any,
    Frame(
        "curves, as wb.probes.faithfulness(net, saliency) gives them",
        attribute="curves",
        columns=("game", "order"),
        fraction_columns=("share", "probability"),
        min_rows=1,
    ),
]
SanityCheckLike = Annotated[
    Any, HasAttributes("a sanity check, as wb.probes.sanity_check(net, images) gives it", ("method", "frame"))
]


@check_arguments
def faithfulness_curves(result: FaithfulnessLike | Sequence[FaithfulnessLike], *, title: str | None = None) -> Figure:
    """Plot the probability of the target class while pixels are deleted or inserted in the order of a map.

    Args:
        result: object with `curves`: a frame with share (0..1), game, order and probability (0..1); or several such
            objects, one per method.
        title: replaces the title computed from the curves.

    Raises:
        BadValue: a column is missing.
    """
    results: list[Any] = (
        list(result) if isinstance(result, Iterable) and not isinstance(result, pd.DataFrame) else [result]
    )
    if not results:
        raise BadValue("expected a result of wb.probes.faithfulness, got no curves to draw")
    frames = []
    for index, item in enumerate(results):
        table: pd.DataFrame = getattr(item, "curves", item)
        frames.append(table if not index else table[table["order"] != "chance"])
    table = pd.concat(frames, ignore_index=True)
    table = table.assign(line=table["order"].astype(str) + ", " + table["game"].astype(str))
    table = table.assign(pixels=100 * table["share"], percent=100 * table["probability"])
    answer = title if title is not None else _faithfulness_title(table)
    return line_chart(
        table,
        "pixels",
        "percent",
        "line",
        x_title="pixels deleted or inserted, %",
        y_title="probability of the target, %",
        title=answer,
    )


@check_arguments
def sanity_check_curves(results: SanityCheckLike | Sequence[SanityCheckLike], *, title: str | None = None) -> Figure:
    """Plot the similarity to the original saliency map while weights are randomized by stage, one line per method.

    Args:
        results: one or several objects with `method` and `frame` (shuffled 0..1, agreement, low, high).
        title: replaces the title computed from the frames.

    Raises:
        BadValue: a column is missing.
    """
    checks = list(results) if isinstance(results, Iterable) else [results]
    if not checks:
        raise BadValue("expected a result of wb.probes.sanity_check, got nothing to draw")
    frames = []
    for check in checks:
        check_columns(check.frame, ("stage", "shuffled", "agreement"), "sanity_check_curves")
        frames.append(check.frame.assign(method=check.method, step=range(len(check.frame))))
    table = pd.concat(frames, ignore_index=True)
    last = {check.method: float(check.frame["agreement"].iloc[-1]) for check in checks}
    worst = max(last, key=lambda name: last[name])
    if title is None:
        title = f"With all weights randomized, {worst} agrees to {format_decimal(last[worst])}"
        if len(last) > 1:
            best = min(last, key=lambda name: last[name])
            title += f", {best} to {format_decimal(last[best])}"
    figure = line_chart(
        table,
        "step",
        "agreement",
        "method",
        x_title="stages randomized, from the head down",
        y_title="agreement with the original map",
        title=title,
    )
    longest = max(checks, key=lambda check: len(check.frame)).frame
    figure.update_xaxes(
        tickvals=list(range(len(longest))), ticktext=["none", *longest["stage"].astype(str).iloc[1:]], tickangle=0
    )
    return figure


def _faithfulness_title(table: pd.DataFrame) -> str:
    area = table.groupby(["order", "game"], sort=False)["probability"].mean()
    names = [name for name in dict.fromkeys(table["order"]) if name != "chance"]
    if not len(names) or ("chance", "insertion") not in area:
        return "Probability of the target while pixels are deleted or inserted"
    if len(names) > 1:
        best = max(names, key=lambda name: area[name, "insertion"] - area[name, "deletion"])
        return f"Of {len(names)} maps, {best} is the most faithful"
    gain = area[names[0], "insertion"] - area[names[0], "deletion"]
    chance = area["chance", "insertion"] - area["chance", "deletion"]
    better = "finds" if gain > chance + 0.02 else "does not find"
    return f"{names[0]} {better} the pixels that the net uses: insertion − deletion {gain:.2f}, by chance {chance:.2f}"
