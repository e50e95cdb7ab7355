"""What every score promises, over the registry: a new file is tested by being there."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest
import torch

from workbench.errors import BadData, BadValue, WorkbenchError
from workbench.scores import Moments, scores

KNOWN = {
    "features",
    "labels",
    "probabilities",
    "source_labels",
    "source_features",
    "target_features",
    "backbone",
    "other_accuracies",
}
ALL = list(scores)
OF_ARRAYS = [name for name in ALL if "backbone" not in scores[name].needs]
OF_FEATURES = [name for name in OF_ARRAYS if "features" in scores[name].needs]
OF_LABELS = [name for name in OF_ARRAYS if "labels" in scores[name].needs]
OF_MATRICES = [name for name in OF_ARRAYS if name != "nce"]
# of the features' scores, which a turn of the axes leaves as they are
TURNED = ["gbc", "h_score", "knn", "logme", "n_leep", "parc", "shrunk_h_score", "transrate"]
# and which count features twice as if each were longer by the root of two
DOUBLED = ["h_score", "knn", "logme", "parc", "transrate"]
# least and most, in terms of K classes and D features
BOUNDS = {
    "domain_entropy": lambda k, d: (0, 1),
    "gbc": lambda k, d: (-k * (k - 1), 0),
    "h_score": lambda k, d: (0, min(k - 1, d)),
    "knn": lambda k, d: (0, 1),
    "leep": lambda k, d: (-np.inf, 0),
    "linear_probe": lambda k, d: (0, 1),
    "n_leep": lambda k, d: (-np.inf, 0),
    "nce": lambda k, d: (-np.log(k), 0),
    "parc": lambda k, d: (-1, 1),
    "proxy_a_distance": lambda k, d: (0, 2),
    "sfda": lambda k, d: (0, 1),
    "shrunk_h_score": lambda k, d: (0, k - 1),
    "transrate": lambda k, d: (0, np.inf),
}


def material(features, labels, probabilities=None):
    """Everything that a score may need, from features (N, D) and labels (N,)."""
    x, y = np.asarray(features), np.asarray(labels)
    half = len(x) // 2
    if probabilities is None:
        probabilities = np.random.default_rng(9).dirichlet(np.ones(7), len(x))
    given = {"features": x, "labels": y, "probabilities": probabilities, "source_labels": probabilities.argmax(1)}
    return given | {"source_features": x[:half], "target_features": x[half:]}


def compute(name, given, **options):
    return scores[name](*(given[need] for need in scores[name].needs), **options)


def plain(n=90, d=6, k=3, seed=0, counts=None):
    """Seeded features of classes that overlap, shuffled, and their labels."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts)) if counts else rng.permutation(np.arange(n) % k)
    return rng.standard_normal((len(y), d)) + rng.standard_normal((k, d))[y] * 0.7, y


def few(name):
    """Options under which a score takes few images."""
    return {"gaussians": 1} if name == "n_leep" else {}


@pytest.mark.parametrize("name", ALL)
def test_it_tells_what_it_is(name):
    score = scores[name]
    assert score.needs and set(score.needs) <= KNOWN
    assert list(inspect.signature(score).parameters)[: len(score.needs)] == list(score.needs)
    assert score.paper and score.cost and score.breaks and score.better in ("higher", "lower")
    text = inspect.getdoc(score) or ""
    assert text.partition("\n")[0].endswith(".") and "Args:" in text and "Raises:" in text
    options = [p for p in inspect.signature(score).parameters.values() if p.kind is p.KEYWORD_ONLY]
    assert all(option.default is not option.empty and f"{option.name}:" in text for option in options)


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_numpy_torch_and_single_precision_agree(name):
    given = material(*plain())
    expected = compute(name, given)
    assert type(expected) is float
    tensors = {need: torch.from_numpy(value).requires_grad_(value.dtype.kind == "f") for need, value in given.items()}
    assert compute(name, tensors) == pytest.approx(expected, abs=1e-12)
    single = {need: value.astype(np.float32) if value.dtype.kind == "f" else value for need, value in given.items()}
    assert compute(name, single) == pytest.approx(expected, abs=2e-3 if name == "n_leep" else 1e-4)
    backward = {need: np.asfortranarray(value)[::-1] for need, value in given.items()}
    forward = {need: value[::-1].copy() for need, value in given.items()}
    assert compute(name, backward) == pytest.approx(compute(name, forward), abs=1e-12)


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_nothing_is_written_to_what_came(name):
    given = material(*plain())
    before = {need: value.copy() for need, value in given.items()}
    tensors = {need: torch.from_numpy(value) for need, value in given.items()}
    compute(name, tensors)
    for need, value in before.items():
        np.testing.assert_array_equal(given[need], value)


@pytest.mark.parametrize("name", OF_LABELS)
def test_what_the_classes_are_called_does_not_matter(name):
    x, y = plain()
    given = material(x, y)
    # the same order, so that what is drawn by class is drawn alike
    named = given | {"labels": np.array(["ant", "bee", "cat"])[y]}
    sparse = given | {"labels": y * 40 - 17}
    assert compute(name, named) == compute(name, sparse) == compute(name, given)


@pytest.mark.parametrize("name", OF_FEATURES)
def test_moments_serve_in_place_of_features(name):
    x, y = plain()
    assert scores[name](Moments.from_features(x, y)) == pytest.approx(scores[name](x, y), abs=1e-12)
    wide = np.hstack([x] * 20) + np.random.default_rng(0).standard_normal((90, 120))
    assert scores[name](Moments.from_features(wide, y)) == pytest.approx(scores[name](wide, y), abs=1e-12)


AWKWARD = {
    "two classes": plain(k=2),
    "imbalance": plain(k=4, counts=(70, 10, 6, 4)),
    "one image of a class": plain(k=4, counts=(40, 30, 19, 1)),
    "more features than images": plain(n=40, d=90),
    "one feature": plain(d=1),
    "far from zero": (plain()[0] + 1e5, plain()[1]),
    "tiny": (plain()[0] * 1e-6, plain()[1]),
    "huge": (plain()[0] * 1e6, plain()[1]),
    "constant features": (np.hstack([plain()[0], np.full((90, 2), 0.1), np.zeros((90, 1))]), plain()[1]),
    "duplicate features": (np.hstack([plain()[0], plain()[0][:, :3]]), plain()[1]),
    "duplicate images": (np.repeat(plain()[0][:30], 3, 0), np.repeat(plain()[1][:30], 3)),
    "ten images": plain(n=10, k=2),
}
REFUSED = {("parc", "one feature"): "two features"}


@pytest.mark.parametrize("kind", AWKWARD)
@pytest.mark.parametrize("name", OF_ARRAYS)
def test_awkward_data_give_a_value_within_bounds(name, kind):
    x, y = AWKWARD[kind]
    given = material(x, y)
    if (name, kind) in REFUSED:
        with pytest.raises(BadData, match=REFUSED[name, kind]):
            compute(name, given, **few(name))
        return
    value = compute(name, given, **few(name))
    low, high = BOUNDS.get(name, lambda k, d: (-np.inf, np.inf))(len(set(y.tolist())), x.shape[1])
    assert np.isfinite(value) and low - 1e-9 <= value <= high + 1e-9


@pytest.mark.parametrize("shape", [(90, 6), (40, 70)])
@pytest.mark.parametrize("name", TURNED)
def test_a_turn_of_the_axes_changes_nothing(name, shape):
    x, y = plain(n=shape[0], d=shape[1])
    turn = np.linalg.qr(np.random.default_rng(4).standard_normal((shape[1], shape[1])))[0]
    options = few(name) | ({"components": 6} if name in ("parc", "gbc") else {})
    assert scores[name](x @ turn, y, **options) == pytest.approx(scores[name](x, y, **options), abs=1e-6)


@pytest.mark.parametrize("shape", [(90, 6), (40, 70)])
@pytest.mark.parametrize("name", DOUBLED)
def test_duplicate_features_are_one_that_is_longer(name, shape):
    x, y = plain(n=shape[0], d=shape[1])
    options = {"components": None} if name == "parc" else {}
    twice, longer = scores[name](np.hstack([x, x]), y, **options), scores[name](x * np.sqrt(2), y, **options)
    assert twice == pytest.approx(longer, abs=1e-7)


@pytest.mark.parametrize("name", ["gbc", "h_score", "knn", "linear_probe", "n_leep", "parc", "transrate"])
def test_constant_features_change_nothing(name):
    x, y = plain()
    padded = np.hstack([np.full((90, 1), 0.1), x, np.full((90, 2), 1e5)])
    assert scores[name](padded, y) == pytest.approx(scores[name](x, y), abs=1e-6)


@pytest.mark.parametrize("name", OF_FEATURES)
def test_a_better_backbone_scores_higher(name):
    # 200 images: the scores break where classes have few, as their docstrings say
    x, y = plain(n=200, seed=1)
    noise = np.random.default_rng(2).standard_normal(x.shape)
    good, worse, useless = (scores[name](z, y) for z in (x, x + 2 * noise, noise))
    assert scores[name].better == "higher" and good > worse and good > useless


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", OF_MATRICES)
def test_what_is_not_finite_is_refused(name, value):
    given = material(*plain())
    for need in ("features", "probabilities", "source_features", "target_features"):
        given[need] = given[need].copy()
        given[need][7, 1] = value
    for wrong in (given, {need: torch.from_numpy(array) for need, array in given.items()}):
        with pytest.raises(BadData, match="finite"):
            compute(name, wrong)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e5])
@pytest.mark.parametrize("name", [n for n in OF_ARRAYS if n not in ("leep", "nce")])
def test_features_that_are_all_constant_are_refused(name, constant):
    with pytest.raises(BadData, match="the same for all"):
        compute(name, material(np.full((90, 6), constant), np.arange(90) % 3))


@pytest.mark.parametrize("name", OF_LABELS)
def test_labels_that_do_not_do_are_refused(name):
    given = material(*plain())
    with pytest.raises(BadData, match="two classes"):
        compute(name, given | {"labels": np.zeros(90, dtype=int)})
    with pytest.raises(BadValue, match="the same"):
        compute(name, given | {"labels": given["labels"][:-1]})
    with pytest.raises(BadData, match="fractions"):
        compute(name, given | {"labels": given["labels"] + 0.5})


@pytest.mark.parametrize("name", OF_MATRICES)
def test_shapes_that_do_not_do_are_refused(name):
    given = material(*plain())
    flat = {need: value.ravel() if value.ndim == 2 else value for need, value in given.items()}
    with pytest.raises(BadValue, match="shape"):
        compute(name, flat)


@pytest.mark.parametrize("name", OF_ARRAYS)
def test_few_images_are_refused_with_a_sentence_or_scored(name):
    for n in (2, 3, 4):
        x, y = np.random.default_rng(0).standard_normal((n, 3)), np.arange(n) % 2
        try:
            assert np.isfinite(compute(name, material(x, y)))
        except WorkbenchError as refusal:
            assert len(str(refusal).split()) > 7


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", OF_ARRAYS)
def test_on_a_gpu_it_is_the_same(name):
    given = material(*plain())
    there = {need: torch.from_numpy(value).cuda() for need, value in given.items()}
    assert compute(name, there) == pytest.approx(compute(name, given), abs=1e-6)


def test_the_baselines_are_scores_too():
    row = {"name": "a", "parameters": 1e6, "gmacs": 1.0, "top1": 70.0, "pretrained_on": "ImageNet-1k"}
    given = {"backbone": row, "other_accuracies": pd.DataFrame({"digits": [0.9, 0.8]}, index=["a", "b"])}
    values = {name: compute(name, given) for name in ALL if name not in OF_ARRAYS}
    assert set(values) == {"parameters", "multiply_adds", "published_top1", "pretraining_size", "rank_elsewhere"}
    assert all(type(value) is float for value in values.values())
