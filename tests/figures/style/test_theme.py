import matplotlib
import plotly.io as pio
import pytest
from matplotlib import colormaps

from workbench.figures.style import theme


def test_text_reads_on_white_and_on_jupyterlabs_dark_ground():
    assert theme.contrast_ratio(theme.NEUTRAL, "#ffffff") >= 4.5
    assert theme.contrast_ratio(theme.NEUTRAL, "#111111") >= 4.1


def test_no_grey_reaches_4_5_on_both_grounds():
    greys = [f"#{v:02x}{v:02x}{v:02x}" for v in range(256)]
    assert max(min(theme.contrast_ratio(g, "#ffffff"), theme.contrast_ratio(g, "#111111")) for g in greys) < 4.5


def test_contrast_of_black_on_white_is_21():
    assert theme.contrast_ratio("#000000", "#ffffff") == pytest.approx(21)


def test_the_ramp_is_cividis_and_rises_in_brightness():
    levels = [theme.relative_luminance(theme.cividis_color(i / 20)) for i in range(21)]
    assert levels == sorted(levels)
    for share in (0.0, 0.5, 1.0):
        theirs = colormaps["cividis"](share)[:3]
        ours = [int(theme.cividis_color(share)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        assert ours == pytest.approx(theirs, abs=0.03)


def test_categories_are_distinct_and_repeat_past_the_eighth():
    assert len(set(theme.CATEGORIES)) == 8
    assert theme.category_color(8) == theme.category_color(0)


def test_the_template_is_registered_once_and_has_a_transparent_ground():
    assert theme.register_template() == theme.register_template() == "workbench"
    assert pio.templates["workbench"].layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert pio.templates.default != "workbench"


def test_the_matplotlib_style_ends_with_its_block():
    before = dict(matplotlib.rcParams)
    with theme.matplotlib_style():
        assert matplotlib.rcParams["text.parse_math"] is False
    assert dict(matplotlib.rcParams) == before


def test_faint_keeps_the_hue():
    assert theme.with_opacity("#0072B2", 0.5) == "rgba(0,114,178,0.5)"


@pytest.mark.parametrize(("ground", "ink"), [("#00224e", "#ffffff"), ("#fee838", "#111111")])
def test_text_on_a_cell_is_black_or_white_by_contrast(ground, ink):
    assert theme.text_color_on(ground) == ink
