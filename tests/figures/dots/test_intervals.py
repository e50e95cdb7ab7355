import pandas as pd

from workbench.figures import interval_plot
from workbench.figures.style import theme

FRAME = pd.DataFrame(
    {
        "name": ["full", "probe", "scratch"],
        "value": [8.1, 1.0, -9.0],
        "low": [6.0, -1.0, -12.0],
        "high": [10.0, 3.0, -6.0],
    }
)


def dots(figure):
    return {t.name: t for t in figure.data if t.mode == "markers"}


def test_gain_loss_and_unclear_differ_in_colour_and_fill():
    found = dots(interval_plot(FRAME))
    assert found["full"].marker.color == theme.GAIN and found["scratch"].marker.color == theme.LOSS
    assert found["probe"].marker.color == "#ffffff"  # hollow: the interval holds zero


def test_the_zero_line_is_always_drawn():
    figure = interval_plot(FRAME.head(1))
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (0, 0)
    assert figure.layout.xaxis.range[0] < 0


def test_the_first_name_is_on_top():
    assert list(interval_plot(FRAME).layout.yaxis.ticktext) == ["scratch", "probe", "full"]


def test_title_and_level():
    figure = interval_plot(FRAME, level=0.95)
    assert figure.layout.title.text == "Only full gains clearly, +8.1"
    assert figure.layout.annotations[0].text == "whiskers: 95 % interval"


def test_no_clear_gain():
    assert interval_plot(FRAME.iloc[1:]).layout.title.text == "No gain differs clearly from zero"


def test_without_intervals_and_signs():
    figure = interval_plot(FRAME[["name", "value"]], signed=False)
    assert figure.layout.title.text == "full is highest, 8.1"
    assert [a.text for a in figure.layout.annotations if a.text.startswith("−")], "a loss has a minus, not a hyphen"


def test_names_are_text(evil):
    assert "<img" not in interval_plot(pd.DataFrame({"name": evil, "value": range(5)})).to_json()
