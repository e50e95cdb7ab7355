"""Values as text: durations, sizes, counts, numbers, names, long texts, images."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from workbench import formatting


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (4.94, "4.9 s"),
        (9.96, "10 s"),
        (89, "89 s"),
        (170, "3 min"),
        (5340, "89 min"),
        (4 * 3600 + 300, "4 h 5 min"),
    ],
)
def test_durations(seconds, text):
    assert formatting.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0.0 MB"),
        (2.5e6, "2.5 MB"),
        (9.96e6, "10 MB"),
        (82e6, "82 MB"),
        (0.96e8, "0.1 GB"),
        (4.42e9, "4.4 GB"),
        (15.6e9, "16 GB"),
    ],
)
def test_bytes(n_bytes, text):
    assert formatting.format_bytes(n_bytes) == text


def test_percentages():
    assert formatting.format_percent(0.8237) == "82.4 %"
    assert formatting.format_percent(0.8237, 0) == "82 %"
    assert formatting.format_percent(float("nan")) == "–"


def test_quantities():
    assert [formatting.format_quantity(n, "image") for n in (0, 1, 3068)] == ["0 images", "1 image", "3,068 images"]
    assert [formatting.format_quantity(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]
    assert [formatting.choose_plural(n, "term") for n in (1, 2)] == ["term", "terms"]


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
    assert formatting.format_count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.003, "0.003"), (3e-5, "3e-5"), (12.5, "12.5"), (1000, "1000"), (-4.1, "−4.1"), (0.1 + 0.2, "0.3")],
)
def test_numbers_of_three_digits(number, text):
    assert formatting.format_number(number) == text


def test_decimals_have_a_typographic_sign():
    assert formatting.format_decimal(-0.125) == "−0.12" and formatting.format_decimal(0.5) == "0.50"
    assert formatting.format_decimal(3.14, 1, signed=True) == "+3.1"
    assert formatting.format_multiplier(0.1) == "0.1×"


def test_joined_names():
    assert [formatting.join_names(x) for x in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert formatting.join_names(["a", "b", "c"], "or") == "a, b or c"


def test_summarized_names():
    assert formatting.summarize_names(["a", "b"], 2) == "a, b" and formatting.summarize_names([]) == ""
    assert formatting.summarize_names(iter("abcde"), 2) == "a, b and 3 more"


def test_articles():
    assert [formatting.add_article(noun) for noun in ("net", "Image")] == ["a net", "an Image"]


def test_long_texts_are_truncated():
    assert formatting.truncate_middle("vit_small_patch16_224.augreg", 12) == "vit_sm…ugreg"
    assert formatting.truncate_middle("coat", 12) == "coat"
    assert all(len(formatting.truncate_middle("x" * 99, n)) == n for n in (5, 6, 60))
    assert formatting.truncate_end("abcdef", 4) == "abc…" and formatting.truncate_end("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (3, "3"),
        ("x" * 99, f"'{'x' * 27}...{'x' * 28}'"),
        ([1, 2], "[1, 2]"),
        (list(range(9)), "a list"),
        (int, "the class int itself"),
        (len, "the function len"),
        (np.zeros((2, 3)), "a ndarray of float64 with the shape (2, 3)"),
    ],
)
def test_values_of_any_kind(value, text):
    assert formatting.format_value(value) == text


def test_a_data_uri_holds_the_image():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    uri = formatting.to_data_uri(image)
    head, _, data = uri.partition(",")
    png = base64.b64decode(data)
    assert head == "data:image/png;base64" and np.array_equal(np.asarray(Image.open(io.BytesIO(png))), image)
    assert formatting.to_data_uri(png) == uri
