"""Refusals: kinds that ordinary `except` clauses catch, and sentences that name what to try instead."""

from __future__ import annotations

import logging

import pytest

from workbench.errors import (
    BadData,
    BadValue,
    RunFailed,
    Unavailable,
    UnknownName,
    WorkbenchError,
    describe_known_names,
    escape_control_characters,
    suggest_names,
)


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


ODD = "a\x1b[2Jb\r\x07\u202ec\x9b\udce9"


def test_no_refusal_does_anything_to_a_terminal():
    shown = r"a\x1b[2Jb\r\x07\u202ec\x9b\udce9"
    assert str(BadData(f"{ODD} is no image")) == f"{shown} is no image"
    assert (
        shown in str(UnknownName.of("class", "cat", [ODD]))
        and escape_control_characters("two\nlines\tü 猫") == "two\nlines\tü 猫"
    )


def test_no_line_of_the_log_does_anything_to_a_terminal(caplog):
    logging.getLogger("workbench").warning("%s cannot be read", ODD)
    assert "\x1b" not in caplog.text and r"\x1b[2J" in caplog.text


def test_no_name_in_what_is_printed_does_anything_to_a_terminal(tmp_path):
    import numpy as np

    import workbench as wb

    x, y = np.zeros((6, 8, 8, 3), np.uint8), ["e\x1b[31m", "f"] * 3
    images = wb.load_images((x, y))
    net = wb.load_net("test_vit", pretrained=False, classes=list(images.classes), size=32)
    plan = wb.Plan(str(tmp_path / "n\x1b]0;"), "digits")
    for thing in (images, wb.label_edits(images).keep(images.frame["id"][0]), plan, plan.backbone, net):
        assert "\x1b" not in str(thing)


def test_an_unknown_name_is_printed_as_it_was_given():
    refusal = UnknownName.of("strategy", "dan", ["dann", "l2-sp"])
    # KeyError would print it in quotes, with escapes
    assert str(refusal) == "no strategy is called 'dan'; did you mean dann?"


def test_a_hint_closes_the_sentence():
    assert str(UnknownName.of("run", 7, [], "wb.search_runs() lists them")).endswith(
        "there are none; wb.search_runs() lists them"
    )
    near = UnknownName.of("backbone", "resnet19", ["resnet18"], "search_backbones() lists them")
    assert str(near) == "no backbone is called 'resnet19'; did you mean resnet18? (search_backbones() lists them)"
    assert str(UnknownName.of("fruit", "x", ["pear", "fig"], "there are fig, pear")).count("there are") == 1
    many = [f"name-{i:02}" for i in range(20)]
    assert str(UnknownName.of("fruit", "zzz", many, describe_known_names(many))).count("and 8 more") == 1


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
    assert sentence in suggest_names(name, known)
