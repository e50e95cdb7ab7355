"""The world as images."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.data.world.domain_settings import cue_of_class
from workbench.errors import BadData, BadValue, UnknownName

FACTORS = wb.world.FACTORS


def test_every_image_carries_its_factors():
    images = wb.load_images("world", n=200, label="texture")
    assert images.kind == "classes" and images.classes == FACTORS["texture"]
    assert set(FACTORS) <= set(images.frame.columns)
    assert (images.frame["label"] == images.frame["texture"].astype(str)).all()
    assert images.class_counts()["total"].between(12, 13).all()


@pytest.mark.parametrize("factor", FACTORS)
def test_any_factor_can_be_the_label(factor: str):
    style = dict.fromkeys(FACTORS["style"], 1.0) if factor == "style" else "flat"
    images = wb.load_images("world", n=400, label=factor, style=style)
    assert images.classes == FACTORS[factor]


def test_several_labels_are_tasks():
    images = wb.load_images("world", n=300, label=["shape", "hue"])
    assert images.kind == "tasks" and images.tasks == {"shape": FACTORS["shape"], "hue": FACTORS["hue"]}
    values = images.labels()
    assert values.shape == (300, 2)
    assert [FACTORS["hue"][v] for v in values[:5, 1]] == images.frame["hue"].tolist()[:5]


def test_a_recipe_opens_the_same_and_nothing_is_stored(home):
    images = wb.load_images(
        "world", n=64, style=["photo", "sketch"], seed=5, label="hue", source_domain="photo", target_domain="sketch"
    )
    again = wb.load_images(images.choice.name, **images.choice.params)
    assert again.fingerprint == images.fingerprint
    assert images.domains == ("photo", "sketch") and len(images.target) == 64
    first, kept = images.view(48).load_batch([3, 100])
    assert kept.all() and np.array_equal(first, again.view(48).load_batch([3, 100])[0])
    assert not (home / "cache" / "pixels").exists()


def test_the_world_is_endless_and_addressed_by_place():
    images = wb.load_images("world", n=40, label="hue")
    later = wb.load_images("world", n=40, start=10**9, label="hue")
    ahead = wb.load_images("world", n=20, start=20, label="hue")
    view = images.view(32, crop_pct=1.0)
    assert not np.array_equal(later.view(32, crop_pct=1.0).load_batch([0])[0], view.load_batch([0])[0])
    assert np.array_equal(ahead.view(32, crop_pct=1.0).load_batch([3])[0], view.load_batch([23])[0])


def test_one_image_looked_at_is_the_one_that_is_trained_on():
    images = wb.load_images("world", n=64, size=48)
    square = images.view(48, crop_pct=1.0).load_batch([9])[0][0].numpy().transpose(1, 2, 0)
    assert np.array_equal(images.pixels(9), square)
    assert len(images.duplicates) == 0 and len(images.problems) == 0


def test_a_picture_is_recognised_without_being_drawn():
    images, other = wb.load_images("world", n=64), wb.load_images("world", n=64, seed=1)
    stamps = [[i.items.pixel_source.stamp(row) for row in range(64)] for i in (images, other)]
    assert len({*stamps[0], *stamps[1]}) == 128
    assert stamps[0] == [wb.load_images("world", n=64).items.pixel_source.stamp(row) for row in range(64)]
    formulas = wb.load_images("material", n=128)
    assert len({formulas.items.pixel_source.stamp(row) for row in range(128)}) == 128


def test_made_shifts_apply_to_drawn_pictures_too():
    plain, inverted = wb.load_images("world", n=64), wb.load_images("world", n=64, shift="invert")
    a, b = (i.view(32, crop_pct=1.0).load_batch([4])[0].numpy() for i in (plain, inverted))
    assert np.array_equal(a, 255 - b)


def test_noise_redraws_labels_and_keeps_factors():
    images = wb.load_images("world", n=4000, label="hue", noise=0.5)
    wrong = (images.frame["label"] != images.frame["hue"].astype(str)).mean()
    # half of the labels are thrown anew, and a tenth of those falls on the old one
    assert wrong == pytest.approx(0.45, abs=0.03)


def test_a_spurious_cue_is_tied_to_its_class():
    images = wb.load_images("world", n=2000, label="hue", spurious=0.9)
    frame = images.frame
    texture = frame["texture"].cat.codes.to_numpy()
    tied = cue_of_class(frame["hue"].cat.codes.to_numpy(np.int64), 16)
    assert (texture == tied).mean() == pytest.approx(0.9 + 0.1 / 16, abs=0.03)
    assert len(set(cue_of_class(np.arange(10), 16))) == 10


def test_concept_moves_the_names_of_some_classes():
    plain, moved = (
        wb.load_images("world", n=1000, label="hue"),
        wb.load_images("world", n=1000, label="hue", concept=0.4),
    )
    assert (plain.labels() != moved.labels()).mean() == pytest.approx(0.4, abs=0.02)
    assert sorted(np.unique(moved.labels())) == list(range(10))


def test_a_long_tail_falls_geometrically():
    images = wb.load_images("world", n=6000, label="hue", tail=20)
    held = np.bincount(images.labels(), minlength=10)
    assert held[0] / held[-1] == pytest.approx(20, rel=0.25)
    assert held[0] / held[1] == pytest.approx(20 ** (1 / 9), rel=0.15)


def test_priors_and_only_choose_the_values():
    images = wb.load_images(
        "world", n=900, label="shape", only={"shape": ["star", "moon"], "hue": "red"}, priors={"shape": {"star": 2}}
    )
    assert images.classes == ("star", "moon") and set(images.frame["hue"]) == {"red"}
    assert (images.labels() == 0).mean() == pytest.approx(2 / 3, abs=0.02)


def test_material_is_labelled_by_its_formula():
    images = wb.load_images("material", n=256)
    assert len(images.classes) == 128 and np.bincount(images.labels()).tolist() == [2] * 128
    square, _ = images.view(32, crop_pct=1.0).load_batch([0, 1, 2, 3])
    assert np.array_equal(square[2:3], wb.load_images("material", n=256).view(32, crop_pct=1.0).load_batch([2])[0])


def test_formulas_of_one_class_are_alike_and_differ_from_others():
    images = wb.load_images("material", n=1280, valid=0.0)
    x, _ = images.view(32, crop_pct=1.0).load_batch(np.arange(1280))
    spectra = np.abs(np.fft.fft2(x.float().mean(1).numpy()))[:, :16, :16].reshape(1280, -1)
    spectra = np.log1p(spectra)
    spectra -= spectra.mean(0)
    y = images.labels()
    train = np.arange(1280) < 1024
    means = np.stack([spectra[train & (y == k)].mean(0) for k in range(128)])
    found = (spectra[~train] @ means.T - 0.5 * (means**2).sum(1)).argmax(1)
    assert (found == y[~train]).mean() > 8 / 128


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"noise": -0.1}, "0 to 1"),
        ({"spurious": 1.5}, "0 to 1"),
        ({"concept": "much"}, "concept of DomainSettings wants a number"),
        ({"tail": 0.5}, "1 to 10000"),
        ({"size": 16}, "32 to 224"),
        ({"size": 500}, "32 to 224"),
        ({"n": 0}, "expected an integer from 2"),
        ({"seed": -1}, "whole number from 0"),
        ({"clutter": 9}, "0 to 8"),
        ({"label": "hue", "only": {"hue": ["red"]}}, "single value"),
        ({"only": {"style": ["photo"]}}, "style="),
        ({"label": ["hue", "hue"]}, "twice"),
        ({"style": {"photo": 0}}, "above 0"),
        ({"priors": {"hue": {"red": -1}}}, "0 or more"),
        ({"spurious": 0.5, "cue": "shape"}, "label itself"),
        ({"domains": {}}, "a mapping from names to settings"),
        ({"only": {"hue": []}}, "one value or a list"),
    ],
)
def test_impossible_settings_are_refused_with_their_range(options: dict, says: str):
    with pytest.raises(BadValue, match=says):
        wb.load_images("world", **options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"label": "colour"}, "factor"),
        ({"style": "potho"}, "photo"),
        ({"only": {"hue": ["rde"]}}, "red"),
        ({"nosie": 0.2}, "noise"),
        ({"domains": {"a": {"stile": "photo"}}}, "style"),
        ({"cue": "textur"}, "texture"),
    ],
)
def test_a_wrong_name_is_told_the_nearest(options: dict, says: str):
    with pytest.raises(UnknownName, match=says):
        wb.load_images("world", **options)


def test_too_few_images_for_the_classes_are_refused():
    with pytest.raises(BadData, match="no image of the class"):
        wb.load_images("world", n=10)
