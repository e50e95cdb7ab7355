"""Refusals: kinds that ordinary `except` clauses catch, and sentences that name what to try instead."""

from __future__ import annotations

import pytest

from workbench.errors import BadData, BadValue, RunFailed, Unavailable, UnknownName, WorkbenchError, listed, nearest


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (UnknownName, LookupError),
        (BadValue, ValueError),
        (BadData, ValueError),
        (Unavailable, RuntimeError),
        (RunFailed, RuntimeError),
    ],
)
def test_a_refusal_is_also_the_builtin_that_people_expect(kind, builtin):
    assert issubclass(kind, WorkbenchError)
    assert issubclass(kind, builtin)


def test_an_unknown_name_is_printed_as_it_was_given():
    refusal = UnknownName.of("strategy", "dan", ["dann", "l2-sp"])
    # KeyError would print it in quotes, with escapes
    assert str(refusal) == "no strategy is called 'dan'; did you mean dann?"


def test_a_hint_closes_the_sentence():
    assert str(UnknownName.of("run", 7, [], "wb.runs() lists them")).endswith("there are none; wb.runs() lists them")
    near = UnknownName.of("backbone", "resnet19", ["resnet18"], "backbones() lists them")
    assert str(near) == "no backbone is called 'resnet19'; did you mean resnet18? (backbones() lists them)"
    assert str(UnknownName.of("fruit", "x", ["pear", "fig"], "there are fig, pear")).count("there are") == 1
    many = [f"name-{i:02}" for i in range(20)]
    assert str(UnknownName.of("fruit", "zzz", many, listed(many))).count("and 8 more") == 1


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("HEAD", ["head", "full"], "did you mean head?"),
        ("lp_ft", ["lp-ft", "full"], "did you mean lp-ft?"),
        ("quite else", ["head", "full"], "there are full, head"),
        ("x", [], "there are none"),
        ("zzz", [f"name-{i:02}" for i in range(20)], "and 8 more"),
    ],
)
def test_nearest_says_what_to_try_instead(name, known, sentence):
    assert sentence in nearest(name, known)
