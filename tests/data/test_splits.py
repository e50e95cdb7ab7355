"""Splits that a new file does not move, with every class in every part."""

from __future__ import annotations

import numpy as np

import workbench as wb
from workbench.data.splits import TEST, TRAIN, VALID, assign_splits, hash_to_uniform


def splits_of(images) -> dict[str, str]:
    return dict(zip(images.frame["id"], images.frame["split"], strict=True))


def test_chances_are_even_and_depend_on_seed_and_name_alone():
    names = [str(i) for i in range(20_000)]
    luck = hash_to_uniform(names, 0)
    assert abs(luck.mean() - 0.5) < 0.01 and luck.min() >= 0 and luck.max() < 1
    assert np.array_equal(hash_to_uniform(names[::-1], 0)[::-1], luck)
    assert not np.array_equal(hash_to_uniform(names, 1), luck)


def test_adding_files_moves_no_other(make_tree):
    root = make_tree({"cat": 40, "dog": 40})
    before = splits_of(wb.load_images(root))
    make_tree({"cat/new": 20, "dog/new": 5})
    after = splits_of(wb.load_images(root))
    assert len(after) == 105
    assert {name: after[name] for name in before} == before


def test_every_class_has_one_in_every_split(make_tree):
    root = make_tree({f"class{i}": 3 for i in range(12)} | {"big": 30})
    counts = wb.load_images(root, valid=0.1, test=0.1).class_counts()
    assert (counts[["train", "valid", "test"]] >= 1).all().all()


def test_a_class_of_two_trains_and_validates_and_one_image_trains(make_tree):
    counts = wb.load_images(make_tree({"pair": 2, "lone": 1, "big": 20}), test=0.2).class_counts()
    assert counts.loc["pair", ["train", "valid", "test"]].tolist() == [1, 1, 0]
    assert counts.loc["lone", ["train", "valid", "test"]].tolist() == [1, 0, 0]


def test_shares_come_out_near_what_was_asked():
    images = wb.load_images("digits", valid=0.25, test=0.15)
    shares = images.class_counts().sum() / len(images)
    assert abs(shares["valid"] - 0.25) < 0.03 and abs(shares["test"] - 0.15) < 0.03


def test_given_splits_stay_and_the_missing_one_is_carved_from_train(make_tree):
    root = make_tree({"train/a": 10, "train/b": 10, "test/a": 3, "test/b": 3})
    counts = wb.load_images(root, test=0.3).class_counts()
    assert counts["test"].tolist() == [3, 3]
    assert (counts["valid"] >= 1).all() and (counts["train"] + counts["valid"] == 10).all()


def test_nothing_is_carved_where_nothing_is_asked_for(make_tree):
    assert wb.load_images(make_tree({"a": 9, "b": 9}), valid=0).class_counts()["train"].tolist() == [9, 9]


def test_domains_are_stratified_each(make_tree):
    folders = {f"{d}/{c}": 2 for d in ("photo", "sketch") for c in ("cat", "dog", "owl")}
    assert (wb.load_images(make_tree(folders)).class_counts()[["train", "valid"]] == 1).all().all()


def test_rare_tags_reach_both_parts():
    y = np.zeros((60, 4), int)
    y[:, 0] = 1
    y[::2, 1] = 1
    y[:2, 2] = 1
    y[5, 3], y[59, 0] = 1, 0
    x = np.random.default_rng(0).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    counts = wb.load_images((x, y)).class_counts()
    assert (counts.loc[["0", "1", "2"], ["train", "valid"]] >= 1).all().all()
    assert counts.loc["3", "train"] == 1


def test_few_keeps_at_most_k_training_images_and_all_others(make_tree):
    root = make_tree({"a": 20, "b": 20, "c": 3})
    whole, five, two = (wb.load_images(root, per_class=k) for k in (None, 5, 2))
    assert five.class_counts()["train"].tolist() == [5, 5, 2]
    assert five.class_counts()["valid"].tolist() == whole.class_counts()["valid"].tolist()
    chosen = [set(s.subset("train").frame["id"]) for s in (two, five)]
    assert chosen[0] < chosen[1]


def test_decided_rows_are_left_alone():
    items = wb.load_images("digits").items
    items.splits[:] = [TRAIN, VALID, TEST] * 599
    assert np.array_equal(assign_splits(items, 0.5, 0.4, 3), items.splits)
