"""Arrays of every layout, and what they are called."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.data.opening.image_arrays import to_uint8_images

RGB = np.random.default_rng(0).integers(0, 256, (8, 5, 6, 3), dtype=np.uint8)
TWO = np.array([0, 1] * 4)


def test_channels_first_last_or_none():
    assert (to_uint8_images(RGB.transpose(0, 3, 1, 2))[0] == RGB).all()
    assert to_uint8_images(torch.zeros(4, 1, 5, 5))[0].shape == (4, 5, 5, 1)
    assert to_uint8_images(np.zeros((4, 5, 5)))[0].shape == (4, 5, 5)


@pytest.mark.parametrize(
    "given", [RGB / 255, (RGB / 255).astype(np.float32), RGB.astype(np.int64), torch.from_numpy(RGB)]
)
def test_every_number_type_gives_the_same_pixels(given):
    pixels, scale = to_uint8_images(given)
    assert (pixels == RGB).all() and scale is None
    for listed in (list(given), [RGB[0], *given[1:]]):
        assert (np.stack(to_uint8_images(listed)[0]) == RGB).all()


def test_deep_arrays_have_one_scale():
    deep = RGB.astype(np.uint16) * 16  # 12 bits
    pixels, scale = to_uint8_images(deep)
    assert scale == (0, 4095) and np.abs(pixels.astype(int) - RGB).max() <= 1
    dim = [deep[0] // 16, deep[1]]  # neither is read by itself
    assert [np.max(x) for x in to_uint8_images(dim)[0]] == [pytest.approx(RGB[0].max() / 16, abs=1), pixels[1].max()]
    assert wb.load_images({"train": (dim[:1] * 4, [0, 1] * 2), "test": (dim[1:] * 2, [0, 1])}).pixel_range == (0, 4095)
    images = wb.load_images((deep, TWO))
    assert "greys from 0 to 4,095" in repr(images) and "pixel_range=" in images.problems["reason"][0]


def test_a_scale_that_is_given_counts_for_arrays_of_every_type():
    for kind in (np.uint8, np.int16, np.float32):
        pixels, scale = to_uint8_images(np.array([[[10, 20, 30]]], kind), (10, 30))
        assert pixels.tolist() == [[[0, 128, 255]]] and scale == (10, 30)


@pytest.mark.parametrize(
    "x",
    [RGB / 127.5 - 1, RGB.astype(np.int16) - 1000, RGB.astype(int) * 16, [RGB[0] / 255, RGB[1].astype(np.uint16) * 16]],
)
def test_arrays_without_a_plain_scale_are_asked_for_one(x):
    with pytest.raises(wb.WorkbenchError, match="pixel_range="):
        wb.load_images((x, TWO[: len(x)]))


def test_a_list_of_images_of_different_sizes():
    images = wb.load_images(([RGB[0], RGB[1, :3], RGB[2, :, :2, 0]] * 2, list("aabbab")))
    assert [images.pixels(i).shape for i in range(3)] == [(5, 6, 3), (3, 6, 3), (5, 2, 3)]


def test_labels_as_words_numbers_and_tags():
    assert wb.load_images((RGB, ["u", "v"] * 4)).classes == ("u", "v")
    assert wb.load_images((RGB, TWO * 3)).classes == ("0", "3")
    assert (
        wb.load_images(
            (
                RGB,
                TWO,
            )
        )
        .labels()
        .tolist()
        == TWO.tolist()
    )
    assert wb.load_images((RGB, torch.tensor(TWO)), classes=["cat", "dog"]).classes == ("cat", "dog")
    tags = wb.load_images((RGB, np.stack([TWO, 1 - TWO], 1)), classes=["sea", "sky"], kind="tags")
    assert tags.kind == "tags" and tags.classes == ("sea", "sky") and tags.labels().shape == (8, 2)


def test_names_may_be_more_than_the_classes_present():
    images = wb.load_images((RGB, TWO), classes=["cat", "dog", "owl"])
    assert images.classes == ("cat", "dog", "owl") and images.missing_classes == ("owl",)


def test_equal_images_fall_into_the_same_split():
    x = np.random.default_rng(1).integers(0, 256, (40, 4, 4), dtype=np.uint8)
    images = wb.load_images((np.concatenate([x, x]), np.tile([0, 1], 40)))
    frame = images.frame
    assert frame["id"].is_unique and frame["split"][:40].tolist() == frame["split"][40:].tolist()
    assert images.duplicates["same_split"].all() and len(images.duplicates) == 40


def test_order_of_the_rows_moves_no_split():
    x = np.random.default_rng(1).integers(0, 256, (40, 4, 4), dtype=np.uint8)
    one, two = (
        wb.load_images((x[o], np.tile([0, 1], 20)[o])).frame.set_index("id")["split"]
        for o in (slice(None), slice(None, None, -1))
    )
    assert one.sort_index().equals(two.sort_index())


def test_arrays_by_split():
    images = wb.load_images({"train": (RGB[:5], TWO[:5]), "test": (RGB[5:], TWO[5:])})
    assert images.class_counts()["test"].sum() == 3 and images.class_counts()["valid"].sum() >= 1


def test_arrays_by_split_keep_each_image_with_its_label():
    with pytest.raises(wb.WorkbenchError, match="the split train has 5 images but 4 labels"):
        wb.load_images({"train": (RGB[:5], TWO[:4]), "test": (RGB[5:], TWO[4:])})
    mixed = wb.load_images({"train": (RGB[:5], TWO[:5].astype(float)), "test": (RGB[5:], ["1", "0", "1"])})
    assert mixed.classes == ("0", "1") and mixed.labels().tolist() == TWO.tolist()
    hot = wb.load_images({"train": (RGB[:5], np.eye(2)[TWO[:5]]), "test": (RGB[5:], torch.eye(2)[TWO[5:]])})
    assert hot.kind == "classes" and hot.labels().tolist() == TWO.tolist()


def test_one_hot_labels_are_classes_unless_tags_are_said():
    hot = np.eye(2, dtype=np.float32)[TWO]
    images = wb.load_images((RGB, hot))
    assert images.kind == "classes" and images.labels().tolist() == TWO.tolist() and 'kind="tags"' in images.notes[0]
    assert wb.load_images((RGB, hot), kind="tags").kind == "tags"
    with pytest.raises(wb.WorkbenchError, match="did you mean tags"):
        wb.load_images((RGB, hot), kind="tag")


def test_lists_of_tags_beside_arrays():
    images = wb.load_images((RGB, [["cat"], ["dog", "cat"], [], ["dog"]] * 2))
    assert images.kind == "tags" and images.classes == ("cat", "dog") and images.labels()[2].tolist() == [0, 0]
