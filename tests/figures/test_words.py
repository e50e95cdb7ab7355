import pandas as pd
import pytest

from workbench.figures import words


def test_plain_and_shown_are_inverse_for_hostile_names(evil):
    for name in evil:
        escaped = words.plain(name)
        assert "<" not in escaped and "$" not in escaped and "%{" not in escaped
        assert words.shown(escaped) == name


def test_shown_drops_our_own_markup():
    assert words.shown("<b>coat</b> taken<br>3 of 10") == "coat taken\n3 of 10"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (950, "950"),
        (11_200, "11.2 k"),
        (2_230_000, "2.2 M"),
        (2e6, "2 M"),
        (1.3e9, "1.3 G"),
        (999_600, "1 M"),
        (0, "0"),
    ],
)
def test_counts(number, text):
    assert words.count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.003, "0.003"), (3e-5, "3e-5"), (12.5, "12.5"), (1000, "1000"), (-4.1, "−4.1"), (0.1 + 0.2, "0.3")],
)
def test_short_numbers(number, text):
    assert words.short_number(number) == text


def test_short_cuts_the_middle():
    assert words.short("vit_small_patch16_224.augreg", 12) == "vit_sm…ugreg"
    assert words.short("coat", 12) == "coat"


def test_listed():
    assert [words.listed(x) for x in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_a_missing_column_is_refused_with_what_came():
    with pytest.raises(ValueError, match="loss missing, there came epoch"):
        words.these_columns(pd.DataFrame({"epoch": [1]}), ("epoch", "loss"), "curves")
