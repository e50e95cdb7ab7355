"""Shift kinds told apart where the truth is known; the world's pairs are in `benchmarks/shift_kinds.py`."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from workbench.errors import BadData, BadValue
from workbench.probes import classify_shift
from workbench.probes.domains.shift_tests import SHIFT_KINDS, estimate_class_priors


def domains(kind, seed, n=240, k=4, d=8):
    """Clouds of `k` classes; the target is shifted in the one way that is asked for, clearly."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(k, d)) * 1.2
    ys = rng.integers(0, k, n)
    yt = rng.choice(k, n, p=[0.55, 0.25, 0.1, 0.1]) if kind == "label" else rng.integers(0, k, n)
    s, t = centres[ys] + rng.normal(size=(n, d)), centres[yt] + rng.normal(size=(n, d))
    if kind == "covariate":
        t += rng.normal(size=d)
    if kind == "concept":
        yt = np.where(rng.random(n) < 0.4, (yt + 1) % k, yt)
    return s, ys, t, yt


def told(kind, labelled, seeds, **options):
    """How often each kind was said."""
    answers: Counter[str] = Counter()
    for seed in seeds:
        s, ys, t, yt = domains(kind, seed, **options)
        answers[classify_shift(s, ys, t, yt if labelled else None, seed=seed).kind] += 1
    return answers


@pytest.mark.parametrize("kind", ["covariate", "label", "concept"])
def test_clear_shifts_are_told_with_labels(kind):
    assert told(kind, True, range(6))[kind] >= 5


@pytest.mark.parametrize("kind", ["covariate", "label"])
def test_clear_shifts_are_told_without_labels(kind):
    assert told(kind, False, range(6))[kind] >= 5


@pytest.mark.parametrize("labelled", [True, False])
def test_hardly_a_false_alarm(labelled):
    # 16 draws at a level of 2 %: three alarms or more come once in 280 sets
    assert told("none", labelled, range(16), n=100)["none"] >= 14


def test_a_concept_shift_cannot_be_seen_without_labels_and_that_is_said():
    s, ys, t, _ = domains("concept", 0)
    found = classify_shift(s, ys, t)
    assert found.kind == "none" and np.isnan(found.probabilities["concept"])
    assert "cannot be detected without labels" in str(found)


def test_probabilities_are_of_all_kinds_and_sum_to_one():
    for kind in SHIFT_KINDS:
        found = classify_shift(*domains(kind, 1))
        assert list(found.probabilities) == list(SHIFT_KINDS) and sum(found.probabilities.values()) == pytest.approx(1)
        assert found.confidence == found.probabilities[found.kind] == max(found.probabilities.values())
    s, ys, t, _ = domains("label", 1)
    assert np.nansum(list(classify_shift(s, ys, t).probabilities.values())) == pytest.approx(1)


def test_confidence_grows_with_the_images():
    few, many = (classify_shift(*domains("none", 3, n=n)) for n in (60, 2000))
    assert few.kind == many.kind == "none" and many.confidence > few.confidence


def test_the_class_shares_of_an_unlabelled_target():
    s, ys, t, yt = domains("label", 2, n=1000)
    told = classify_shift(s, ys, t).class_shares
    assert told["class"].tolist() == [0, 1, 2, 3] and told["source"].sum() == pytest.approx(1)
    assert np.abs(told["target"] - np.bincount(yt) / 1000).max() < 0.08
    assert np.allclose(classify_shift(s, ys, t, yt).class_shares["target"], np.bincount(yt) / 1000)


def test_expectation_maximisation_finds_the_likeliest_shares():
    rng = np.random.default_rng(0)
    told = rng.dirichlet([0.5, 0.5], 300)
    before = np.array([0.3, 0.7])
    grid = np.linspace(0.001, 0.999, 999)
    likelihood = [np.log(told @ (np.array([p, 1 - p]) / before)).sum() for p in grid]
    assert estimate_class_priors(told, before)[0] == pytest.approx(grid[int(np.argmax(likelihood))], abs=2e-3)


def test_the_evidence_is_a_row_a_question():
    s, ys, t, yt = domains("label", 0)
    assert len(classify_shift(s, ys, t).tests) == 2
    rows = classify_shift(s, ys, t, yt).tests
    assert list(rows.columns) == ["question", "statistic", "p_value", "bayes_factor"] and len(rows) == 4


def test_a_class_that_only_one_domain_has():
    s, ys, t, yt = domains("none", 0)
    assert classify_shift(s, ys, t[yt > 0], yt[yt > 0]).kind == "label"
    assert classify_shift(s[ys > 0], ys[ys > 0], t, yt).kind != "none"


def test_words_as_labels_and_a_seed():
    s, ys, t, yt = domains("concept", 0)
    words = np.array(["ash", "beech", "cedar", "date"])
    found = [classify_shift(s, words[ys], t, words[yt], seed=2).probabilities for _ in range(2)]
    assert found[0] == found[1] == classify_shift(s, ys, t, yt, seed=2).probabilities


def test_features_that_are_constant_or_double():
    s, ys, t, yt = domains("covariate", 0)
    s, t = (np.concatenate([x, x, np.ones((len(x), 3))], axis=1) for x in (s, t))
    assert classify_shift(s, ys, t, yt).kind == "covariate"
    flat = np.ones((40, 3))
    assert classify_shift(flat, np.arange(40) % 2, flat, np.arange(40) % 2).kind == "none"


def test_refusals():
    s, ys, t, yt = domains("none", 0)
    with pytest.raises(BadValue, match="source labels must be one class per image"):
        classify_shift(s, ys[:5], t)
    with pytest.raises(BadValue, match="labels of the same kind"):
        classify_shift(s, ys, t, yt.astype(str))
    with pytest.raises(BadData, match="at least two classes"):
        classify_shift(s, np.zeros(len(s)), t)
    with pytest.raises(BadValue, match="level"):
        classify_shift(s, ys, t, significance_level=1.5)
    with pytest.raises(BadData, match="not finite"):
        classify_shift(np.where(s > 3, np.nan, s), ys, t)
