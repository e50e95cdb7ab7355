"""Whether maps are to be believed: deletion and insertion, and the sanity check."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Frame, Like

from .figure import Figure
from .named_lines import lines
from .saliency_grid import signed
from .words import these_columns

Curves = Annotated[
    Any,
    Frame(
        "curves, as wb.probes.faithfulness(net, shown) gives them",
        within="curves",
        columns=("game", "order"),
        shares=("share", "probability"),
        rows=1,
    ),
]
Shuffled = Annotated[Any, Like("a sanity check, as wb.probes.sanity(net, images) gives it", ("method", "frame"))]


@check_arguments
def faithfulness(result: Curves | Sequence[Curves], *, title: str | None = None) -> Figure:
    """What the net says of its target while the places of a map go (deletion) or come (insertion).

    Args:
        result: has `curves`: a frame with share (0..1), game, order and probability (0..1); or several such, of
            several methods.
        title: replaces the answer read from the curves.

    Raises:
        BadValue: a column is missing.
    """
    several: list[Any] = (
        list(result) if isinstance(result, Iterable) and not isinstance(result, pd.DataFrame) else [result]
    )
    if not several:
        raise BadValue("there are no curves to draw: hand in what wb.probes.faithfulness gives")
    frames = []
    for at, one in enumerate(several):
        table: pd.DataFrame = getattr(one, "curves", one)
        frames.append(table if not at else table[table["order"] != "chance"])
    table = pd.concat(frames, ignore_index=True)
    table = table.assign(line=table["order"].astype(str) + ", " + table["game"].astype(str))
    table = table.assign(pixels=100 * table["share"], said=100 * table["probability"])
    answer = title if title is not None else _answer(table)
    return lines(
        table,
        "pixels",
        "said",
        "line",
        x_title="pixels taken away, or brought back, %",
        y_title="probability of the target, %",
        title=answer,
    )


@check_arguments
def sanity(results: Shuffled | Sequence[Shuffled], *, title: str | None = None) -> Figure:
    """How alike the maps stay while the net forgets its weights, a line a method.

    Args:
        results: one or several with `method` and `frame` (shuffled 0..1, agreement, low, high).
        title: replaces the answer.

    Raises:
        BadValue: a column is missing.
    """
    several = list(results) if isinstance(results, Iterable) else [results]
    if not several:
        raise BadValue("there is no check to draw: hand in what wb.probes.sanity gives")
    frames = []
    for one in several:
        these_columns(one.frame, ("stage", "shuffled", "agreement"), "sanity")
        frames.append(one.frame.assign(method=one.method, step=range(len(one.frame))))
    table = pd.concat(frames, ignore_index=True)
    last = {one.method: float(one.frame["agreement"].iloc[-1]) for one in several}
    worst = max(last, key=lambda name: last[name])
    if title is None:
        title = f"Without what the net learnt, {worst} agrees to {signed(last[worst])}"
        if len(last) > 1:
            best = min(last, key=lambda name: last[name])
            title += f", {best} to {signed(last[best])}"
    figure = lines(
        table,
        "step",
        "agreement",
        "method",
        x_title="stages shuffled, from the head down",
        y_title="agreement with the map before",
        title=title,
    )
    longest = max(several, key=lambda one: len(one.frame)).frame
    figure.update_xaxes(
        tickvals=list(range(len(longest))), ticktext=["none", *longest["stage"].astype(str).iloc[1:]], tickangle=0
    )
    return figure


def _answer(table: pd.DataFrame) -> str:
    area = table.groupby(["order", "game"], sort=False)["probability"].mean()
    names = [name for name in dict.fromkeys(table["order"]) if name != "chance"]
    if not len(names) or ("chance", "insertion") not in area:
        return "What the net says while the places of the map go or come"
    if len(names) > 1:
        best = max(names, key=lambda name: area[name, "insertion"] - area[name, "deletion"])
        return f"Of {len(names)} maps, {best} finds best what the net needs"
    gain = area[names[0], "insertion"] - area[names[0], "deletion"]
    chance = area["chance", "insertion"] - area["chance", "deletion"]
    better = "finds" if gain > chance + 0.02 else "does not find"
    return f"{names[0]} {better} what the net needs: insertion − deletion {gain:.2f}, by chance {chance:.2f}"
