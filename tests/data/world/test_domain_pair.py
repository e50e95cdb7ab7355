"""Pairs of domains with known shifts."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import BadValue, UnknownName


def test_without_shifts_source_and_target_are_alike_but_not_the_same_images():
    pair = wb.world.make_domain_pair(n=400)
    assert pair.description.endswith("no shift between source and target")
    assert {k: v for k, v in pair.amounts.items() if v} == {"tail": 1.0, "related": "same"}
    assert pair.source.classes == pair.target.classes and len(pair.source.classes) == 8
    a, b = (i.view(32).load_batch(np.arange(8))[0] for i in (pair.source, pair.target))
    assert not np.array_equal(a, b)
    assert pair.images.source.fingerprint == pair.source.fingerprint


def test_covariate_shift_is_the_share_in_another_style():
    pair = wb.world.make_domain_pair(covariate=0.6, n=2000)
    assert set(pair.source.frame["style"]) == {"photo"}
    assert (pair.target.frame["style"] == "sketch").mean() == pytest.approx(0.6, abs=0.04)
    assert pair.amounts["covariate"] == pytest.approx(0.6, abs=0.04)


def test_covariate_shift_can_part_the_ranges_of_factors():
    pair = wb.world.make_domain_pair(covariate=1.0, style=("photo", "photo"), shifted_factors=["scale", "light"], n=400)
    for factor in ("scale", "light"):
        assert not set(pair.source.frame[factor]) & set(pair.target.frame[factor])
    assert pair.amounts["covariate"] == 1.0


@pytest.mark.parametrize("amount", [0.2, 0.5, 0.8])
def test_label_shift_is_a_total_variation_distance(amount: float):
    pair = wb.world.make_domain_pair(label_shift=amount, n=8000)
    shares = np.bincount(pair.target.labels(), minlength=8) / len(pair.target)
    assert 0.5 * np.abs(shares - 1 / 8).sum() == pytest.approx(amount, abs=0.02)
    assert np.ptp(np.bincount(pair.source.labels(), minlength=8)) <= 1


def test_concept_shift_redefines_the_targets_labels_only():
    pair = wb.world.make_domain_pair(concept=0.5, n=800)
    wrong = [(i.frame["label"] != i.frame["shape"].astype(str)).mean() for i in (pair.source, pair.target)]
    assert wrong[0] == 0 and wrong[1] == pytest.approx(0.5, abs=0.02)
    assert pair.amounts["concept"] == pytest.approx(wrong[1])


def test_noise_is_the_sources_and_its_true_amount_is_told():
    pair = wb.world.make_domain_pair(noise=0.4, n=2000)
    assert pair.amounts["noise"] == pytest.approx(0.4 * 7 / 8, abs=0.03)
    assert (pair.target.frame["label"] == pair.target.frame["shape"].astype(str)).all()


def test_a_spurious_cue_holds_in_the_source_and_breaks_in_the_target():
    pair = wb.world.make_domain_pair(spurious=1.0, n=800)
    for images, tied in ((pair.source, True), (pair.target, False)):
        seen = images.frame.groupby("label", observed=True)["texture"].nunique()
        assert (seen == 1).all() == tied


def test_relatedness_decides_what_the_source_learns():
    related, unrelated = (
        wb.world.make_domain_pair(relatedness="related", n=400),
        wb.world.make_domain_pair(relatedness="unrelated", n=400),
    )
    assert not set(related.source.classes) & set(related.target.classes)
    assert unrelated.source.classes == wb.world.FACTORS["texture"]
    assert related.images is None and "texture" in unrelated.description


def test_a_pair_trains_as_two_domains(tiny_plan):
    pair = wb.world.make_domain_pair(covariate=1.0, n=64, size=32)
    plan = wb.Plan.from_json(tiny_plan(pair.images, strategy="dann").to_json())
    assert wb.load_images(plan.data.name, **plan.data.params).fingerprint == pair.images.fingerprint


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"covariate": 2}, "between 0 and 1"),
        ({"n_classes": 1}, "between 2 and"),
        ({"style": ["photo"]}, "source's and the target's style"),
        ({"tail": 0}, "between 1 and"),
    ],
)
def test_impossible_amounts_are_refused(given: dict, says: str):
    with pytest.raises(BadValue, match=says):
        wb.world.make_domain_pair(**given)


def test_wrong_words_are_told_the_nearest():
    with pytest.raises(UnknownName, match="related"):
        wb.world.make_domain_pair(relatedness="relatd")
    with pytest.raises(UnknownName, match="spurious"):
        wb.world.make_domain_pair(spurius=0.4)
