"""Share of a net's parameters per stage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import pandas as pd

from workbench.annotated_types import Frame, HasAttributes
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.figures.rendering.figure import Figure, create_figure
from workbench.figures.style import theme
from workbench.figures.style.label_layout import percent_axis
from workbench.figures.style.markup import escape_markup
from workbench.formatting import format_count, format_percent, truncate_middle

__all__ = ["stage_parameters"]

_ROW = 24


StagesLike = (
    Annotated[
        Any,
        Frame(
            "stages, as a net of wb.load_net(name) has them",
            attribute="stages",
            columns=("name",),
            numeric_columns=("n_parameters",),
            fraction_columns=("parameter_fraction",),
            min_rows=1,
        ),
    ]
    | Annotated[Any, HasAttributes("a net, as wb.load_net(name) gives it", ("stages",))]
    | Sequence[Annotated[Any, HasAttributes("a stage of a net", ("name", "n_parameters", "parameter_fraction"))]]
)


@check_arguments
def stage_parameters(frame: StagesLike, *, title: str | None = None) -> Figure:
    """Plot the share of the parameters in every stage as bars, head at the top, with the stage's output shape.

    Args:
        frame: frame with name, n_parameters and parameter_fraction (0..1), optionally shape, stem to head; or a list
            of stages; or any object with `.stages`, such as a net.
        title: replaces the title computed from the stages.
    """
    rows = _stage_records(getattr(frame, "stages", frame))
    if not rows:
        raise BadValue("there are no stages to show")
    names = [truncate_middle(r["name"], 24) for r in rows]
    left = 28 + 6.6 * max(len(n) for n in names)
    total = sum(r["n_parameters"] for r in rows)
    biggest = max(rows, key=lambda r: r["parameter_fraction"])
    share = format_percent(biggest["parameter_fraction"], 0)
    answer = f"{truncate_middle(biggest['name'], 24)} holds {share} of {format_count(total)} parameters"
    figure = create_figure(
        escape_markup(title if title is not None else answer),
        plot_height=_ROW * len(rows),
        left=left,
        right=150,
        above=28,
    )
    figure.add_bar(
        x=[r["parameter_fraction"] for r in rows],
        y=list(range(len(rows))),
        orientation="h",
        width=0.72,
        name="share",
        marker={"color": theme.PRETRAINED, "line": {"width": 0}},
        hoverinfo="text",
        hovertext=[
            f"<b>{escape_markup(r['name'])}</b><br>{format_count(r['n_parameters'])} parameters{_shape_hover(r)}"
            for r in rows
        ],
        text=[format_percent(r["parameter_fraction"]) for r in rows],
        textposition="outside",
        cliponaxis=False,
    )
    high = max(r["parameter_fraction"] for r in rows) or 1.0
    figure.update_xaxes(**percent_axis(0, min(high * 1.14, 1.0)), title_text="share of the parameters", showgrid=True)
    figure.update_yaxes(
        range=[-0.5, len(rows) - 0.5],
        tickvals=list(range(len(rows))),
        ticktext=[escape_markup(n) for n in names],
        **theme.CATEGORY_AXIS,
    )
    _add_shape_column(figure, rows)
    return figure


def _stage_records(source: Any) -> list[dict[str, Any]]:
    if isinstance(source, pd.DataFrame):
        return source.to_dict("records")
    stages: Sequence[Any] = source
    return [
        {key: getattr(s, key, None) for key in ("name", "n_parameters", "parameter_fraction", "shape")} for s in stages
    ]


def _shape_hover(row: dict[str, Any]) -> str:
    return f"<br>leaves {_format_shape(row)}" if _format_shape(row) else ""


def _format_shape(row: dict[str, Any]) -> str:
    shape = row.get("shape")
    return " × ".join(str(int(s)) for s in shape) if isinstance(shape, Sequence) and len(shape) else ""


def _add_shape_column(figure: Figure, rows: list[dict[str, Any]]) -> None:
    shapes = [(float(index), _format_shape(row), 0) for index, row in enumerate(rows)]
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
            font={"size": theme.SMALL if up else theme.TEXT},
        )
