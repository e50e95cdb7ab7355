"""Ranking backbones on images."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadData, BadValue, UnknownName

RANDOM = [{"name": n, "params": {"pretrained": False, "size": 32}} for n in ("test_resnet", "test_vit")]
QUICK = ("logme", "knn", "leep")


def test_the_source_that_knows_the_classes_wins(taught, toy):
    found = wb.rank_backbones([*RANDOM, taught], toy, scores=QUICK, progress=False)
    assert found.verdict.leader == taught and found.frame["place"].tolist() == [1, 2, 3]
    rows = found.frame.set_index("backbone")
    assert rows.loc[taught, "leep"] > -0.5 and rows.loc[taught, "knn"] > 0.95
    why = found.missing_scores[found.missing_scores["score"] == "leep"]
    assert len(why) == 2 and why["reason"].str.contains("random").all() and found.voting_scores == ("logme", "knn")
    assert rows.loc[taught, "parameters"] > 0 and rows["images"].nunique() == 1


def test_it_comes_bit_by_bit_and_can_be_left(toy):
    course = wb.iter_rankings([RANDOM[0], "no-such-net", RANDOM[1]], toy, scores=["knn"], n_resamples=10)
    first, second, third = next(course), next(course), next(course)
    course.close()
    assert [len(r.results) for r in (first, second, third)] == [0, 1, 2] and first.frame.empty
    assert second.verdict.kind == "nothing" and "2 backbones not scored yet" in str(second)
    assert "no-such-net" in third.frame["reason"].iloc[-1]


def test_the_second_ranking_costs_no_forward_pass(toy, tiny):
    net = tiny("test_resnet")
    first = wb.rank_backbones([net], toy, scores=["knn"], n_resamples=10, progress=False)
    seen = []
    net.backbone.register_forward_hook(lambda _, args, __: seen.append(len(args[0])))
    again = wb.rank_backbones([net], toy, scores=["knn"], n_resamples=10, progress=False)
    assert sum(seen) <= 30, "a trial of the cut and nothing else"
    assert again.frame["knn"].tolist() == first.frame["knn"].tolist()


def test_two_nets_of_one_name_are_ranked_as_two(toy, tiny):
    net = tiny("test_resnet")
    other = copy.deepcopy(net)
    other.backbone.act1 = torch.nn.GELU()
    found = wb.rank_backbones([net, other], toy, scores=["knn", "logme"], n_resamples=10, progress=False)
    names = [s.name for s in found.results]
    assert [name.rpartition(" (net ")[2] for name in names] == ["1)", "2)"]
    assert found.valid_results[0].values["logme"] != found.valid_results[1].values["logme"]
    assert found.valid_results[0].net is net and found.valid_results[1].net is other
    alone = wb.rank_backbones([other], toy, scores=["logme"], n_resamples=10, progress=False).valid_results[0]
    assert alone.values["logme"] == pytest.approx(found.valid_results[1].values["logme"])
    trial = wb.successive_halving(found, toy, seconds=1, progress=False, batch_size=16)
    assert sorted(trial.order) == sorted(names)
    with pytest.raises(BadValue, match="was given twice"):
        wb.rank_backbones([net, net], toy, progress=False)


def test_a_head_of_several_questions_gives_probabilities(tiny):
    from workbench.ranking.source_head import count_question_classes, to_source_probabilities

    assert count_question_classes(("shape: a", "shape: b", "hue: x", "hue: y", "hue: z")) == [2, 3]
    assert (
        count_question_classes(("cat", "dog")) == [] and count_question_classes(("a: 1", "b: 1", "a: 2", "b: 2")) == []
    )
    net = tiny(classes=("shape: a", "shape: b", "hue: x", "hue: y", "hue: z"))
    logits = np.log(np.array([[0.9, 0.1, 0.5, 0.25, 0.25]]))
    np.testing.assert_allclose(to_source_probabilities(net, logits), [[0.45, 0.05, 0.25, 0.125, 0.125]])


def test_a_head_made_for_other_classes_is_no_source(tiny, toy):
    found = wb.rank_backbones([tiny()], toy, scores=["leep", "knn"], n_resamples=10, progress=False)
    assert found.frame["leep"].isna().all()


@pytest.mark.parametrize(
    ("backbones", "options", "error", "said"),
    [
        ([], {}, BadValue, "at least one backbone"),
        ([RANDOM[0], RANDOM[0]], {}, BadValue, "given twice"),
        (RANDOM, {"scores": ["logmee"]}, UnknownName, "did you mean logme"),
        (RANDOM, {"scores": ["parameters"]}, BadValue, "baseline"),
        (RANDOM, {"scores": []}, BadValue, "at least one score"),
        (RANDOM, {"n_resamples": 3}, BadValue, "10 to 1000"),
        (RANDOM, {"split": "test"}, BadData, "at least 8"),
    ],
)
def test_what_cannot_be_ranked_is_refused_at_once(toy, backbones, options, error, said):
    with pytest.raises(error, match=said):
        wb.iter_rankings(backbones, toy, **options)


def test_images_without_one_class_each_are_refused():
    x, y = np.zeros((20, 8, 8, 3), np.uint8), np.eye(2, dtype=int)[np.arange(20) % 2]
    with pytest.raises(BadData, match="one class per image"):
        wb.iter_rankings(RANDOM, wb.load_images((x, y), kind="tags"))
