"""Text from data in figures."""

from __future__ import annotations

from workbench.figures.style.markup import escape_markup, strip_markup


def test_escaping_and_stripping_are_inverse_for_hostile_names(evil):
    for name in evil:
        escaped = escape_markup(name)
        assert "<" not in escaped and "$" not in escaped and "%{" not in escaped
        assert strip_markup(escaped) == name


def test_stripping_drops_our_own_markup():
    assert strip_markup("<b>coat</b> taken<br>3 of 10") == "coat taken\n3 of 10"
