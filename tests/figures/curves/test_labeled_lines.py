import numpy as np
import pandas as pd

from workbench.figures import line_chart

ROWS = [(n, x, y0 + x, y0 + x - 1, y0 + x + 1) for n, y0 in (("a", 0.0), ("b", 0.05), ("c", 3.0)) for x in (1, 10, 100)]
FRAME = pd.DataFrame(ROWS, columns=["method", "images", "accuracy", "lo", "hi"])


def test_every_line_differs_in_colour_dash_and_symbol_and_is_named_at_its_end():
    figure = line_chart(FRAME, "images", "accuracy", "method")
    drawn = [t for t in figure.data if t.name in "abc"]
    assert len({(t.line.color, t.line.dash, t.marker.symbol) for t in drawn}) == 3
    assert [n.text for n in figure.layout.annotations] == ["a", "b", "c"]


def test_labels_that_would_cover_each_other_are_pushed_apart():
    figure = line_chart(FRAME, "images", "accuracy", "method")
    low, high = figure.layout.yaxis.range
    inner = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    heights = sorted((n.y - low) / (high - low) * inner for n in figure.layout.annotations)
    assert min(np.diff(heights)) > 14


def test_bands_and_their_level():
    figure = line_chart(FRAME, "images", "accuracy", "method", low="lo", high="hi", level=0.9)
    bands = [t for t in figure.data if t.name == "band"]
    assert len(bands) == 3 and bands[0].fillcolor.endswith("0.25)")
    assert figure.layout.annotations[0].text == "band: 90 % interval"


def test_a_logarithmic_axis():
    axis = line_chart(FRAME, "images", "accuracy", "method", log_x=True).layout.xaxis
    assert axis.type == "log" and list(axis.ticktext) == ["1", "2", "5", "10", "20", "50", "100"]


def test_the_title_knows_what_is_better():
    assert line_chart(FRAME, "images", "accuracy", "method").layout.title.text == (
        "c has the highest accuracy, 103, at images = 100"
    )
    loss = FRAME.rename(columns={"accuracy": "loss"})
    assert line_chart(loss, "images", "loss", "method").layout.title.text.startswith("a has the lowest loss")


def test_names_are_text(evil):
    frame = pd.DataFrame({"m": list(evil) * 2, "x": [0] * 5 + [1] * 5, "y": range(10)})
    figure = line_chart(frame, "x", "y", "m")
    assert "<img" not in figure.to_json() and figure.to_svg()


def test_no_points_is_a_sentence():
    assert line_chart(FRAME.head(0), "images", "accuracy", "method").layout.title.text == "No points yet"
