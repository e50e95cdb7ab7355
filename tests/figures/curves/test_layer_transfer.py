from types import SimpleNamespace

import pandas as pd
import pytest

from workbench.figures import layer_transfer_curves

CURVES = {"AnB": (0.6, 0.5, 0.3), "AnB+": (0.7, 0.72, 0.74), "BnB": (0.7, 0.6, 0.7), "BnB+": (0.71, 0.7, 0.72)}
ROWS = [(0, "", "B", 0, 0.7)] + [
    (n + 1, ("stem", "layer1", "layer2")[n], kind, 0, y) for kind, ys in CURVES.items() for n, y in enumerate(ys)
]
FRAME = pd.DataFrame(ROWS, columns=["n", "stage", "kind", "seed", "accuracy"])
MARKS = pd.DataFrame(
    [("dip", 2, "layer1", "BnB", 0.7, 0.6, 10.0, True), ("drop", 3, "layer2", "AnB", 0.7, 0.3, 40.0, True)],
    columns=["name", "n", "stage", "kind", "high", "low", "points", "clear"],
)


def drawn(frame=FRAME, marks=MARKS, **options):
    return layer_transfer_curves(SimpleNamespace(frame=frame, greatest_losses=marks), **options)


def test_a_line_a_kind_named_at_its_end():
    figure = drawn()
    lines = {t.name: t for t in figure.data}
    assert {name: tuple(t.y) for name, t in lines.items()} == {k: CURVES[k] for k in lines} and len(lines) == 4
    assert len({(t.line.color, t.line.dash, t.marker.symbol) for t in lines.values()}) == 4
    ends = [n.text.split(":")[0] for n in figure.layout.annotations if n.name is None and ":" in n.text]
    assert sorted(ends) == sorted(CURVES)


def test_the_dip_and_the_drop_are_marked_where_they_are():
    figure = drawn()
    marks = {n.name: n for n in figure.layout.annotations if n.name}
    assert (marks["dip"].x, marks["dip"].y) == (2, 0.6) and marks["dip"].text.endswith("−10")
    assert (marks["drop"].x, marks["drop"].y) == (3, 0.3) and marks["drop"].text.endswith("−40")
    assert {(s.x0, s.y0, s.y1) for s in figure.layout.shapes if s.x0 == s.x1} >= {(2, 0.6, 0.7), (3, 0.3, 0.7)}


def test_what_is_not_clear_is_not_marked():
    figure = drawn(marks=MARKS.assign(clear=False))
    assert not [n for n in figure.layout.annotations if n.name in ("dip", "drop")]
    assert figure.layout.title.text == "AnB+ ends highest, 74 % right"


def test_the_title_is_the_answer():
    said = drawn().layout.title.text.replace("<br>", " ")
    assert said == "Stages of another task cost 40 points by layer2; splitting the net costs 10 at layer1"
    assert drawn(marks=MARKS.head(1)).layout.title.text == "Splitting the net costs 10 points at layer1"
    assert drawn(title="Mine").layout.title.text == "Mine"


def test_the_net_of_b_alone_is_the_level():
    assert [s for s in drawn().layout.shapes if s.y0 == s.y1 == 0.7 and s.line.dash == "dot"]
    assert "B alone" in [n.text for n in drawn().layout.annotations]


def test_seeds_make_a_mean_and_a_band():
    both = pd.concat([FRAME, FRAME.assign(seed=1, accuracy=FRAME["accuracy"] - 0.1)])
    figure = drawn(both)
    assert len([t for t in figure.data if t.name == "band"]) == 4
    assert next(t for t in figure.data if t.name == "AnB").y[0] == pytest.approx(0.55)
    assert figure.layout.annotations[0].text == "band: lowest to highest of 2 seeds"


def test_stages_are_ticks_and_text(evil):
    figure = drawn(FRAME.assign(stage=FRAME["n"].map(dict(enumerate(evil)))))
    assert "<img" not in figure.to_json() and figure.to_svg()
    assert [t[:1] for t in figure.layout.xaxis.ticktext] == ["1", "2", "3"]


def test_a_frame_alone_is_enough():
    assert layer_transfer_curves(FRAME.drop(columns=["stage", "seed"])).to_svg()


def test_refusals():
    with pytest.raises(ValueError, match="missing: accuracy"):
        layer_transfer_curves(FRAME.drop(columns="accuracy"))
    with pytest.raises(ValueError, match="rows of the kinds BnB"):
        layer_transfer_curves(FRAME.head(1))
