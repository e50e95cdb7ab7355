"""Words and bounds, and everything that must not get through."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.errors import BadValue, UnknownName, WorkbenchError
from workbench.nets.catalogue.catalogue_query import match_rows

FRAME = pd.DataFrame(
    {
        "name": ["mobilenetv2_100", "ResNet18", "vit_tiny", "resnet50"],
        "licence": ["apache-2.0", "bsd-3-clause", "apache-2.0", "mit"],
        "parameters": pd.array([3_500_000, 11_700_000, 5_700_000, pd.NA], dtype="Int64"),
        "top1": [72.0, np.nan, 75.5, 80.0],
        "offline": [True, False, False, True],
    }
)


def ask(query):
    kept = match_rows(FRAME, query, ("name", "licence"), {"license": "licence", "params": "parameters"})
    return "".join("mrvR"[i] for i in np.flatnonzero(kept))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (None, "mrvR"),
        ("", "mrvR"),
        (" , ,", "mrvR"),
        ("resnet", "rR"),
        ("RESNET bsd", "r"),
        ("resnet, bsd", "r"),
        ("nothing", ""),
        ("offline", "mR"),
        ("offline resnet", "R"),
        ("parameters < 6e6", "mv"),
        ("params < 6_000_000", "mv"),
        ("parameters < 6e6 and licence == 'apache-2.0'", "mv"),
        ("license == 'Apache-2.0'", "mv"),
        ("licence in ('mit', 'bsd-3-clause')", "rR"),
        ("licence not in ['mit']", "mrv"),
        ("licence in ()", ""),
        ("'net' in name and offline", "mR"),
        ("'RES' in name", "rR"),
        ("not offline", "rv"),
        ("not offline and top1 > 70", "v"),
        ("70 < top1 <= 75.5", "mv"),
        ("top1 > -1", "mvR"),
        ("offline == True", "mR"),
        ("top1 > 70 or parameters > 1e7", "mrvR"),
        ("(top1 > 76 or parameters < 4e6) and offline", "mR"),
        ("resnet, parameters > 1e6", "r"),
        ("resnet parameters > 1e6", "r"),
        ("resnet where parameters > 1e6", "r"),
        ("resnet WHERE parameters > 1e6; top1 > 0", ""),
        ("parameters < 1e7, vit, top1 > 75", "v"),
        ("licence in ('mit', 'apache-2.0'), offline", "mR"),
        ('name == "vit_tiny"', "v"),
        ("name < 'n'", "m"),
        ("1 < 2", "mrvR"),
    ],
)
def test_answers(query, found):
    assert ask(query) == found


@pytest.mark.parametrize(
    "query",
    [
        "__import__('os').system('true') == 0",
        "name == __import__('os')",
        "__class__ == 1",
        "name.__class__ == 1",
        "().__class__.__bases__ == 1",
        "parameters < (lambda: 1)()",
        "[x for x in (1,)] == 1",
        "@__name__ == 'x'",
        "name == f'{parameters}'",
        "parameters < 9**9**9",
        "parameters < 10 * 10",
        "parameters[0] < 3",
        "name == open('/etc/passwd')",
        "(offline := True) == True",
        "print(1) < 2",
        "parameters < 1 if offline else 2 > 1",
        "`ls` == 1",
        "name is 'x' and offline",
        "name == b'x'",
        "parameters < 1j",
        "name == None",
        "parameters < ...",
        "*name == 1",
        "parameters < 1; import os == 1",
    ],
)
def test_nothing_runs(query):
    with pytest.raises(WorkbenchError):
        ask(query)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("parameters <", "parameters < is not a bound such as"),
        ("parameters << 3", "is not allowed in a query"),
        ("licence = 'mit'", "equality is =="),
        ("parameters < 'small'", "one is text, one a number"),
        ("licence > 3", "one is text, one a number"),
        ("parameters and offline", "parameters alone is not a bound"),
        ("3 in parameters", "needs a list in brackets"),
        ("(" * 1000 + "1 < 2" + ")" * 900, "is not a bound"),
        ("parameters < 1" + "0" * 1500, "is not a bound"),
        ("parameters < 6e6\0", "is not a bound"),
        ("x" * 3000, "at most 2000 characters"),
        ("parameters < 6M", "is not a bound"),
    ],
)
def test_bad_bounds_are_refused_with_a_sentence(query, said):
    with pytest.raises(BadValue) as refused:
        ask(query)
    assert said in str(refused.value) and len(str(refused.value)) < 300


def test_a_query_is_text():
    with pytest.raises(BadValue, match="a query is text"):
        ask(3)


def test_an_unknown_column_gets_its_near_miss():
    with pytest.raises(UnknownName, match="no column is called 'paramters'; did you mean parameters"):
        ask("paramters < 3")


def test_unquoted_text_is_pointed_out():
    with pytest.raises(UnknownName, match="text is quoted"):
        ask("licence == mit")


def test_the_frame_is_left_alone():
    before = FRAME.copy()
    ask("not offline, resnet, parameters < 3")
    pd.testing.assert_frame_equal(FRAME, before)
