import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workbench.figures import confident_mistakes, image_comparison, image_grid
from workbench.figures.image_grids.thumbnails import to_uint8


def image(height=8, width=8, value=0):
    return np.full((height, width, 3), value, np.uint8)


def boxes(sheet):
    width, height = sheet.get_size_inches() * 100
    return [
        (b.x0 * width, b.y0 * height, b.width * width, b.height * height)
        for b in (a.get_position() for a in sheet.axes)
    ]


def texts(sheet):
    return [t.get_text() for t in sheet.texts]


TABLE = pd.DataFrame(
    {"row": [7, 3], "true": ["coat", "coat"], "predicted": ["shirt", "shirt"], "confidence": [0.98, 0.7]}
)


def test_cells_are_equal_and_two_pixels_apart_whatever_the_images():
    places = boxes(image_grid([image(4, 9), image(30, 10), image(400, 300)], ["a", "b", "c"], columns=3))
    assert len({(round(w, 3), round(h, 3)) for _, _, w, h in places}) == 1
    gaps = [b[0] - a[0] - a[2] for a, b in itertools.pairwise(places)]
    assert gaps == pytest.approx([2, 2])


def test_captions_stand_under_their_images():
    sheet = image_grid([image()] * 3, ["a", "b", "c"], columns=2)
    height = sheet.get_size_inches()[1] * 100
    for (_, bottom, _, _), text in zip(boxes(sheet), sheet.texts[1:], strict=True):
        assert 0 < bottom - text.get_position()[1] * height < 12


def test_no_sheet_is_wider_than_900():
    assert max(image_grid([image()] * 30, columns=30).get_size_inches()) * 100 <= 900.01


def test_the_title_counts():
    assert texts(image_grid([image()] * 3, ["a", "a", "b"]))[0] == "3 images of 2 classes"


def test_names_are_text_not_formulas(evil):
    sheet = image_grid([image(value=9)] * 5, evil, image_size=300, columns=2)
    assert not any(t.get_parse_math() for t in sheet.texts)
    assert set(evil) <= set(texts(sheet))
    assert sheet._repr_png_().startswith(b"\x89PNG")


def test_long_captions_are_cut_to_their_cell():
    sheet = image_grid([image()] * 8, ["a very long name of a class indeed"] * 8)
    assert "…" in texts(sheet)[1]


def test_mistakes_say_true_predicted_and_how_sure():
    sheet = confident_mistakes([image(), image()], TABLE)
    assert texts(sheet) == [
        "2 mistakes; most often coat → shirt (2)",
        "coat",
        "→ shirt",
        "98 % sure",
        "coat",
        "→ shirt",
        "70 % sure",
    ]


def test_mistakes_ask_the_images_for_their_rows():
    asked = []
    source = SimpleNamespace(pixels=lambda row: asked.append(row) or image())
    sheet = confident_mistakes(source, SimpleNamespace(mistakes=TABLE), n_images=1)
    assert asked == [7] and len(sheet.axes) == 1
    assert texts(sheet)[0].startswith("The surest of 2 mistakes")


def test_no_mistakes_is_said():
    assert texts(confident_mistakes([], TABLE.head(0))) == ["No mistakes"]


def test_side_by_side_is_one_row():
    sheet = image_comparison([image()] * 4, ["right", "wrong\n−4 points", "c", "d"])
    assert len({round(b[1]) for b in boxes(sheet)}) == 1
    assert texts(sheet)[0] == "One image under 4 transforms"


@pytest.mark.parametrize(
    ("given", "first"),
    [
        (np.zeros((2, 2)), 0),
        (np.ones((2, 2, 1)), 255),
        (np.full((2, 2, 4), 7, np.uint8), 7),
        (np.full((2, 2, 3), 2.0), 255),
    ],
)
def test_any_image_becomes_uint8_rgb(given, first):
    array = to_uint8(given)
    assert array.shape == (2, 2, 3) and array.dtype == np.uint8 and array[0, 0, 0] == first


@pytest.mark.parametrize("given", [np.zeros(3), np.zeros((2, 2, 5)), np.zeros((0, 4, 3))])
def test_what_is_no_image_is_refused(given):
    with pytest.raises(ValueError, match="expected an image"):
        image_grid([given])


def test_captions_must_match():
    with pytest.raises(ValueError, match="2 images but 1 captions"):
        image_grid([image()] * 2, ["a"])


def test_as_svg_captions_are_text_and_pixels_are_kept():
    sheet = image_grid([image(value=90), image(value=200)], ["<b>a</b>\nsure", "$b$"], title="Two")
    svg = sheet.to_svg()
    width, height = sheet.get_size_inches() * 100
    assert f'width="{width:.0f}" height="{height:.0f}"' in svg and svg.count("<image") == 2
    assert "&lt;b&gt;a&lt;/b&gt;" in svg and "$b$" in svg and "var(--jp-content-font-color1" in svg
