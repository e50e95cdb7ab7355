"""The dials of the world."""

from __future__ import annotations

import workbench as wb
from workbench.figures import ben_david_bound
from workbench.widgets.components.html_charts import render_figure
from workbench.widgets.world_dials import WorldDials


def test_pictures_words_and_code_follow_the_dials():
    dials = WorldDials(n_images=64, covariate=1.0, style=("photo", "flat"))
    dials.wait(60)
    assert dials.words.startswith("shape: 100%") and dials.source.value.count("<img") == 12
    before = dials.target.value
    dials.form.rows["spurious"].control.value = "0.9"
    dials.wait(60)
    assert "90%" in dials.words and dials.options["spurious"] == 0.9
    assert "spurious=0.9" in dials.code.value and "style=" in dials.code.value
    dials.form.rows["target_style"].control.value = "inverted"
    dials.wait(60)
    assert dials.target.value != before


def test_its_product_is_a_pair():
    dials = WorldDials(n_images=64, noise=0.5)
    dials.wait(60)
    pair = dials.make_pair()
    assert len(pair.source) == 64
    assert pair.source.fingerprint == wb.world.make_domain_pair(n=64, **dials.options).source.fingerprint


def test_a_mistake_keeps_the_last_good_pictures():
    dials = WorldDials(n_images=64)
    dials.wait(60)
    shown, options = dials.source.value, dials.options
    dials.form.rows["noise"].control.value = "3"
    dials.wait(60)
    assert dials.source.value == shown and dials.options == options
    assert "noise" in dials.form.problems


def test_a_texture_as_label_is_tied_to_shapes():
    dials = WorldDials(n_images=64, label="texture", spurious=1.0)
    dials.wait(60)
    assert dials.options["cue"] == "shape" and not dials.notice.error


def test_the_bound_follows_the_dials_where_a_net_is_given(tiny):
    dials = WorldDials(n_images=64, net=tiny(), label="hue", covariate=0.0)
    dials.wait(60)
    first = dials.bound
    assert dials.bound.half_distance < 0.3 and dials.terms.value == render_figure(ben_david_bound(dials.bound))
    dials.form.rows["covariate"].control.value = "1.0"
    dials.wait(60)
    assert dials.bound.half_distance > first.half_distance + 0.3
    assert not dials.notice.error
