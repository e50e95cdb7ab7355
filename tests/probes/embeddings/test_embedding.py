"""Embeddings of features: each method keeps its promise, reports what it preserves, and starts at an earlier one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.manifold import trustworthiness

import workbench as wb
from workbench.errors import BadData, BadValue, UnknownName
from workbench.probes import align_points, embed, svcca
from workbench.probes.embeddings.projections import PROJECTIONS
from workbench.probes.nearest_neighbors import find_neighbors, label_agreement, measure_preservation


def groups(n=160, k=8, d=20, apart=4.0, seed=4):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    return rng.normal(size=(n, d)) + apart * rng.normal(size=(k, d))[y] / 2, y


@pytest.fixture(scope="module")
def drawn():
    x, y = groups()
    return {method: embed(x, labels=y, method=method) for method in PROJECTIONS}


def test_neighbours_are_kept_better_than_by_two_directions(drawn):
    _, y = groups()
    for method in ("tsne", "umap"):
        found = drawn[method]
        assert (
            found.preservation.recall > drawn["pca"].preservation.recall + 0.1
            and found.preservation.trustworthiness > 0.9
        )
        own, _ = label_agreement(y, find_neighbors(found.points, 10)[0])
        assert own > 0.95, "the groups stand apart in the picture"
    assert drawn["pca"].label_agreement == drawn["tsne"].label_agreement > 0.95 and drawn[
        "pca"
    ].chance_agreement == pytest.approx(19 / 159)
    assert "of the 15 nearest neighbours preserved" in str(drawn["umap"]) and len(drawn["umap"].frame) == 160


def test_quality_is_that_of_the_papers():
    x, _ = groups(90)
    points = PCA(2).fit_transform(x)
    found = measure_preservation(x, points, 7)
    assert found.trustworthiness == pytest.approx(trustworthiness(x, points, n_neighbors=7))
    true, near = find_neighbors(x, 7)[0], find_neighbors(points, 7)[0]
    recall = np.mean([len(set(a) & set(b)) / 7 for a, b in zip(true, near, strict=True)])
    assert found.recall == pytest.approx(recall) and found.chance == pytest.approx(7 / 89)
    assert measure_preservation(x, x).recall == measure_preservation(x, x).trustworthiness == 1
    random = np.random.default_rng(0).normal(size=(90, 2))
    assert measure_preservation(x, random).recall < 0.35 and measure_preservation(x, random).trustworthiness < 0.65


def test_quality_is_counted_over_some_of_many(monkeypatch):
    x, _ = groups(400)
    points = x[:, :2]
    whole = measure_preservation(x, points)
    monkeypatch.setattr("workbench.probes.nearest_neighbors.MAX_QUERIES", 100)
    monkeypatch.setattr("workbench.probes.nearest_neighbors.MAX_DISTANCES", 5000)
    part = measure_preservation(x, points)
    assert part.n_queries == 100 and part.trustworthiness == pytest.approx(whole.trustworthiness, abs=0.03)


def test_many_neighbours_are_found_by_trees(monkeypatch):
    x, _ = groups(300)
    exact = find_neighbors(x, 5)[0]
    monkeypatch.setattr("workbench.probes.nearest_neighbors.MAX_EXACT_ROWS", 10)
    rows, distances = find_neighbors(x, 5)
    assert rows.shape == (300, 5) and (np.diff(distances) >= 0).all() and not (rows == np.arange(300)[:, None]).any()
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(exact, rows, strict=True)]) > 0.9


def test_pca_and_lda_are_those_of_scikit_learn(drawn):
    reference = PCA(2).fit_transform(groups()[0])
    assert np.allclose(drawn["pca"].points, reference, atol=1e-4)
    x, y = groups(4000)  # so many that shrinking changes nothing
    x = x * np.linspace(0.2, 3, 20)
    model = LinearDiscriminantAnalysis(solver="eigen").fit(x, y)
    mine, theirs = embed(x, labels=y, method="lda").points, model.transform(x)[:, :2]
    assert svcca(mine, theirs, variance_fraction=1.0) > 0.99, "the same plane"


def test_lda_says_what_images_held_back_say():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(120, 60)), np.arange(120) % 2
    fooled = embed(x, labels=y, method="lda")
    one = fooled.points[:, 0]
    # the picture parts two classes that nothing parts; the note does not
    assert abs(one[y == 0].mean() - one[y == 1].mean()) > one[y == 0].std()
    share = int(fooled.note.partition("it places ")[2].partition("%")[0])
    assert 30 <= share <= 70 and "by chance 50%" in fooled.note
    assert np.ptp(fooled.points[:, 1]) > 1, "two classes have one direction, the second is what varies within them"


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_a_picture_that_starts_at_another_moves_its_points(method, drawn):
    later = groups()[0] * np.linspace(1.5, 0.5, 20)  # other directions are the principal ones now
    moved = embed(later, method=method, init=drawn[method])
    alone = embed(later, method=method)
    span = np.ptp(drawn[method].points)

    def away(found):
        return float(np.linalg.norm(found.points - drawn[method].points, axis=1).mean() / span)

    assert away(moved) < 0.2 < 0.4 < away(alone)
    assert moved.preservation.trustworthiness > 0.9


def test_stages_are_aligned_over_the_images_that_all_have():
    x, y = groups(60)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    found = embed({"first": x[:, :2], "second": 3 * x[:, :2] @ turn + 5}, labels=y)
    assert list(found) == ["first", "second"] and found["second"].layer == "second"
    assert np.allclose(found["first"].points, found["second"].points, atol=1e-3)


def test_a_net_and_its_stages(tiny, toy):
    net = tiny("test_resnet")
    one = embed(net, toy, stages="layer2")
    assert (
        one.layer == "layer2"
        and one.ids.tolist() == toy.frame["id"].tolist()
        and one.label_agreement > one.chance_agreement
    )
    some = embed(wb.extract_features(net, toy, ["stem", "layer2", None]), dimensions=3)
    assert some["features"].points.shape == (96, 3)
    part = wb.extract_features(net, toy.subset(rows=range(50, 10, -1)), "stem")
    both = embed({"all": wb.extract_features(net, toy, "stem"), "part": part})
    assert set(both["all"].ids) == set(part.ids) and both["part"].ids.tolist() == both["all"].ids.tolist()


@pytest.mark.parametrize("method", PROJECTIONS)
def test_hard_features_give_a_sensible_picture(method):
    y = np.arange(30) % 2
    equal = embed(np.full((30, 6), 0.1, np.float32), labels=y, method=method)
    assert (equal.points == 0).all() and equal.preservation is None and "nothing to embed" in str(equal)
    twins = np.repeat(np.random.default_rng(0).normal(size=(2, 6)), 15, axis=0)
    two = embed(twins, labels=np.repeat([0, 1], 15), method=method, dimensions=3)
    assert np.isfinite(two.points).all() and two.points.shape == (30, 3)
    few = embed(np.random.default_rng(0).normal(size=(4, 3)), labels=[0, 0, 1, 1], method=method)
    assert np.isfinite(few.points).all()
    again = embed(np.random.default_rng(0).normal(size=(4, 3)), labels=[0, 0, 1, 1], method=method)
    assert (few.points == again.points).all()


def test_alignment_by_hand():
    p = np.array([[0.0, 0], [1, 0], [0, 2]])
    mirrored = 2 * p[:, ::-1] * [1, -1] + [3, 4]
    assert np.allclose(align_points(mirrored, p), p)
    assert np.allclose(align_points(np.zeros((3, 2)), p), p.mean(0))
    with pytest.raises(BadValue, match="of the same shape"):
        align_points(p, np.zeros((3, 3)))


REFUSALS = {
    "method": ({"method": "tnse"}, UnknownName, "did you mean tsne"),
    "dimensions": ({"dimensions": 4}, BadValue, "2 or 3"),
    "option": ({"method": "umap", "neighbors": 3}, UnknownName, "did you mean n_neighbors"),
    "range": ({"method": "tsne", "perplexity": 0}, BadValue, "from 2 to 1000"),
    "other option": ({"perplexity": 5}, UnknownName, "option of PCA"),
    "no classes": ({"method": "lda"}, BadData, "pass labels="),
    "one class": ({"method": "lda", "labels": np.zeros(20)}, BadData, "at least two classes"),
    "labels": ({"labels": [1, 2]}, BadValue, "one label per image"),
    "init": ({"init": np.zeros((3, 2))}, BadValue, r"\(20, 2\)"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name):
    arguments, kind, says = REFUSALS[name]
    with pytest.raises(kind, match=says):
        embed(groups(20)[0], **arguments)


def test_refused_features(tiny):
    with pytest.raises(BadData, match="1 image given"):
        embed(np.ones((1, 4)))
    with pytest.raises(BadData, match="row 2 the first"):
        embed(np.where(np.arange(20)[:, None] == 2, np.nan, groups(20)[0]))
    with pytest.raises(BadValue, match="expected images for the net"):
        embed(tiny("test_resnet"))
    with pytest.raises(BadValue, match="at least one stage"):
        embed({})


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_a_drawing_tells_how_far_it_is_and_may_be_ended(method):
    x, _ = groups(80)
    told = []

    def watch(step, steps, points):
        told.append((step, steps, points.copy()))
        return len(told) == 3

    found = embed(x, method=method, callback=watch)
    step, steps, points = told[-1]
    assert not found.is_complete and found.note.startswith(f"Stopped after {step} of {steps} steps. ")
    assert [t[0] for t in told] == sorted({t[0] for t in told}) and points.shape == (80, 2)
    assert np.allclose(found.points - found.points.mean(0), points - points.mean(0), atol=1e-4)
    assert not np.allclose(told[0][2], points)
    # watched to its end, it is the picture that it is unwatched
    whole = embed(x, method=method, callback=lambda *_: False)
    assert whole.is_complete and np.allclose(whole.points, embed(x, method=method).points, atol=1e-4)


def test_of_several_pictures_those_begun_are_kept_when_they_are_ended():
    x, _ = groups(60)
    found = embed({"a": x, "b": x + 0.1, "c": x}, method="umap", callback=lambda *_: True)
    assert list(found) == ["a"] and not found["a"].is_complete
    assert list(embed({"a": x, "b": x}, callback=lambda *_: True)) == ["a", "b"], "PCA is done at once"
