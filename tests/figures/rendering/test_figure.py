import json
import sys

import plotly.graph_objects as go
import plotly.io as pio
import pytest

from workbench import figures
from workbench.figures.rendering.figure import PAGE_TEXT, PLOTLY_MIME, Figure, create_figure, mime_bundle, wrap_title


@pytest.fixture
def figure():
    made = create_figure("A &lt;b&gt; title", plot_height=200, subtitle="what is shown")
    made.add_scatter(x=[0, 1], y=[1, 2], mode="lines", hoverinfo="skip")
    return made


def test_a_notebook_keeps_the_live_figure_and_a_still_but_no_script(figure, monkeypatch):
    monkeypatch.setattr(pio.renderers, "default", "plotly_mimetype+notebook")
    kept = figure._repr_mimebundle_()
    assert set(kept) == {PLOTLY_MIME, "image/svg+xml", "text/plain"}
    assert len(json.dumps(kept)) < 60_000


def test_ipython_asks_for_the_bundle_and_nothing_else(figure):
    assert not callable(Figure._ipython_display_) and not callable(Figure._repr_html_)
    assert "image/png" not in mime_bundle(figure)  # JupyterLab would show it in place of the live figure


def test_a_renderer_that_the_person_chose_is_kept(figure, monkeypatch):
    monkeypatch.setattr(pio.renderers, "default", "json")
    assert set(figure._repr_mimebundle_()) == {"application/json"}


def test_show_leaves_the_still_too(figure, monkeypatch):
    monkeypatch.setattr(pio.renderers, "default", "plotly_mimetype")
    asked = []
    monkeypatch.setattr(go.Figure, "show", lambda self, *a, **k: asked.append(k))
    figure.show()
    figure.show(renderer="json")
    assert asked == [{"renderer": "workbench"}, {"renderer": "json"}]
    assert "image/svg+xml" in pio.renderers["workbench"].to_mimebundle(figure.to_dict())


def test_text_takes_the_pages_colour_only_where_shown(figure):
    before = figure.to_json()
    shown = mime_bundle(figure)[PLOTLY_MIME]
    assert PAGE_TEXT in shown["layout"]["title"]["text"]
    assert figure.to_json() == before and "var(" not in before


def test_the_plain_text_is_what_the_figure_says(figure):
    assert mime_bundle(figure)["text/plain"] == "A <b> title. what is shown"


def test_it_can_become_a_figure_widget_input(figure):
    assert go.Figure(figure).data[0].mode == "lines"


def test_no_page_is_wider_than_900(figure):
    assert create_figure("t", plot_height=100, width=2000).layout.width == 900


def test_a_long_title_is_broken_and_given_room():
    short, long = create_figure("few words", plot_height=100), create_figure("word " * 40, plot_height=100)
    assert "<br>" in long.layout.title.text and long.layout.height > short.layout.height
    assert wrap_title("a &lt; b", 5) == "a &lt; b"


def test_every_public_name_resolves_to_a_function_or_class_even_after_its_module_was_imported():
    import workbench.figures.curves._rank_flow

    assert callable(workbench.figures.rank_flow) and workbench.figures.curves._rank_flow
    for name in figures.__all__:
        assert callable(getattr(figures, name)), name
        assert name not in {
            module.rpartition(".")[2] for module in sys.modules if module.startswith("workbench.figures.")
        }


def test_an_unknown_figure_is_refused_with_what_is_near():
    with pytest.raises(AttributeError, match="no figure .confusoin.; did you mean confusion_matrix"):
        figures.confusoin  # noqa: B018


UNSEEN = """
import sys
from workbench import figures
figures.Figure()
assert not {"nbformat", "jsonschema"} & set(sys.modules), "the first figure waits for nbformat"
import plotly.graph_objects as go
go.Figure().show(renderer="plotly_mimetype")
import nbformat, plotly.io._renderers as renderers
assert renderers.nbformat.__version__ == nbformat.__version__
"""


def test_the_first_figure_does_without_nbformat_and_plotlys_own_show_has_it(python):
    assert PLOTLY_MIME in python(UNSEEN)
