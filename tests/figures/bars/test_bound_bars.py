import itertools

import pandas as pd
import pytest

from workbench.figures import ben_david_bound

FRAME = pd.DataFrame(
    {
        "covariate": [0.0, 0.5, 1.0],
        "source_error": [0.1, 0.1, 0.1],
        "half_distance": [0.0, 0.3, 0.9],
        "joint_error": [0.1, 0.2, 0.3],
        "target_error": [0.1, 0.2, 0.5],
        "target_error_low": [0.05, 0.1, 0.4],
        "target_error_high": [0.15, 0.3, 0.6],
    }
)


def bars(figure):
    return {t.name: t for t in figure.data if t.type == "bar"}


def test_the_terms_stand_on_each_other():
    drawn = bars(ben_david_bound(FRAME, "covariate"))
    assert list(drawn) == ["source_error", "half_distance", "joint_error"]
    assert list(drawn["source_error"].base) == [0, 0, 0]
    assert list(drawn["half_distance"].base) == [0.1, 0.1, 0.1]
    assert list(drawn["joint_error"].base) == pytest.approx([0.1, 0.4, 1.0])
    assert list(drawn["joint_error"].y) == [0.1, 0.2, 0.3]
    assert len({t.marker.color for t in drawn.values()}) == 3


def test_the_measured_error_is_a_line_with_its_intervals():
    figure = ben_david_bound(FRAME, "covariate")
    line = next(t for t in figure.data if t.name == "target_error")
    assert list(line.y) == [0.1, 0.2, 0.5] and line.mode == "lines+markers"
    assert [list(t.y) for t in figure.data if t.name == "interval"] == [[0.05, 0.15], [0.1, 0.3], [0.4, 0.6]]
    assert list(figure.layout.xaxis.ticktext) == ["0", "0.5", "1"]


def test_the_caption_says_what_the_estimate_cannot():
    told = " ".join(n.text for n in ben_david_bound(FRAME, "covariate").layout.annotations if n.name == "caption")
    assert "a lower bound" in told and "without guarantee" in told and "above 100 % it is vacuous" in told


def test_a_line_at_one_only_where_the_bound_gets_there():
    assert any(s.y0 == s.y1 == 1 for s in ben_david_bound(FRAME, "covariate").layout.shapes)
    assert not any(s.y0 == s.y1 == 1 for s in ben_david_bound(FRAME.head(2), "covariate").layout.shapes)


def test_the_title_is_the_answer():
    assert "50 % at covariate = 1; the bound exceeds 100 % and is vacuous" in titled(
        ben_david_bound(FRAME, "covariate")
    )
    within = titled(ben_david_bound(FRAME.head(2), "covariate"))
    assert "20 % at covariate = 0.5, within the bound of 60 %, most of it the distance of the domains" in within
    low = FRAME.assign(target_error=0.95, half_distance=0.0).head(1)
    assert "above the bound of 20 %" in titled(ben_david_bound(low))
    assert titled(ben_david_bound(FRAME, "covariate", title="Mine")) == "Mine"


def titled(figure):
    return figure.layout.title.text.replace("<br>", " ")


def test_parts_are_named_apart():
    figure = ben_david_bound(FRAME, "covariate")
    named = [n for n in figure.layout.annotations if n.name is None]
    assert [n.text[:3] for n in named] == ["ε_S", "½·d", "λ: ", "ε_T"]
    low, high = figure.layout.yaxis.range
    heights = sorted((n.y - low) / (high - low) * 320 for n in named)
    assert min(b - a for a, b in itertools.pairwise(heights)) > 14


def test_names_are_text(evil):
    frame = pd.concat([FRAME, FRAME.tail(2)]).assign(pair=list(evil))
    figure = ben_david_bound(frame, "pair", x_title=evil[0])
    assert "<img" not in figure.to_json() and figure.to_svg()


def test_something_with_a_frame_is_enough():
    class Found:
        frame = FRAME.tail(1)

    assert ben_david_bound(Found()).to_svg()


def test_refusals():
    with pytest.raises(ValueError, match="missing: half_distance"):
        ben_david_bound(FRAME.drop(columns="half_distance"), "covariate")
    with pytest.raises(ValueError, match="expected x="):
        ben_david_bound(FRAME)
    with pytest.raises(ValueError, match="empty table"):
        ben_david_bound(FRAME.head(0), "covariate")
