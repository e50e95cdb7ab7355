"""Where the parameters of a net are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import pandas as pd

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.markers import Frame, Like

from . import style
from .figure import Figure, page
from .placing import percent_axis
from .words import count, percent, plain, short

_ROW = 24


Stages = (
    Annotated[
        Any,
        Frame(
            "stages, as a net of wb.load(name) has them",
            within="stages",
            columns=("name",),
            numbers=("parameters",),
            shares=("share",),
            rows=1,
        ),
    ]
    | Annotated[Any, Like("a net, as wb.load(name) gives it", ("stages",))]
    | Sequence[Annotated[Any, Like("a stage of a net", ("name", "parameters", "share"))]]
)


@check_arguments
def stages(frame: Stages, *, title: str | None = None) -> Figure:
    """The share of the parameters in every stage as bars, the head on top, with the shape that leaves it.

    Args:
        frame: frame with name, parameters and share (0..1), optionally shape, stem to head; or a list of stages;
            or anything with `.stages`, such as a net.
        title: replaces the answer read from the stages.
    """
    rows = _rows(getattr(frame, "stages", frame))
    if not rows:
        raise BadValue("there are no stages to show")
    names = [short(r["name"], 24) for r in rows]
    left = 28 + 6.6 * max(len(n) for n in names)
    total = sum(r["parameters"] for r in rows)
    biggest = max(rows, key=lambda r: r["share"])
    answer = f"{short(biggest['name'], 24)} holds {percent(biggest['share'], 0)} of {count(total)} parameters"
    figure = page(
        plain(title if title is not None else answer),
        inner=_ROW * len(rows),
        left=left,
        right=150,
        above=28,
    )
    figure.add_bar(
        x=[r["share"] for r in rows],
        y=list(range(len(rows))),
        orientation="h",
        width=0.72,
        name="share",
        marker={"color": style.PRETRAINED, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[f"<b>{plain(r['name'])}</b><br>{count(r['parameters'])} parameters{_leaving(r)}" for r in rows],
        text=[percent(r["share"]) for r in rows],
        textposition="outside",
        cliponaxis=False,
    )
    high = max(r["share"] for r in rows) or 1.0
    figure.update_xaxes(**percent_axis(0, min(high * 1.14, 1.0)), title_text="share of the parameters", showgrid=True)
    figure.update_yaxes(
        range=[-0.5, len(rows) - 0.5],
        tickvals=list(range(len(rows))),
        ticktext=[plain(n) for n in names],
        **style.NAMES,
    )
    _beside(figure, rows)
    return figure


def _rows(source: Any) -> list[dict[str, Any]]:
    if isinstance(source, pd.DataFrame):
        return source.to_dict("records")
    stages: Sequence[Any] = source
    return [{key: getattr(s, key, None) for key in ("name", "parameters", "share", "shape")} for s in stages]


def _leaving(row: dict[str, Any]) -> str:
    return f"<br>leaves {_shape(row)}" if _shape(row) else ""


def _shape(row: dict[str, Any]) -> str:
    shape = row.get("shape")
    return " × ".join(str(int(s)) for s in shape) if isinstance(shape, Sequence) and len(shape) else ""


def _beside(figure: Figure, rows: list[dict[str, Any]]) -> None:
    shapes = [(float(at), _shape(row), 0) for at, row in enumerate(rows)]
    if not any(text for _, text, _ in shapes):
        return
    for y, text, up in [*shapes, (len(rows) - 0.5, "output shape", 10)]:
        figure.add_annotation(
            xref="paper",
            x=1,
            xshift=136,
            y=y,
            yshift=up,
            text=text,
            xanchor="right",
            showarrow=False,
            font={"size": style.SMALL if up else style.TEXT},
        )
