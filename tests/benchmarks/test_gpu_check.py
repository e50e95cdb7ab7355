"""The check of a GPU, in small: its parts hold on a CPU, and a part that fails or hangs stops no other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def check(monkeypatch):
    """The script, as a module; its neighbors can be imported while a test runs."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpu_check

    return gpu_check


# "tests" and "processes" start pythons of their own: tests/runs/test_two_processes.py does what the latter does
@pytest.mark.parametrize("part", ["agreement", "rates", "saliency", "scores"])
def test_each_part_holds_in_small(check, part):
    from gpu_parts import PARTS

    lines = list(PARTS[part][0](True))
    assert len(lines) > 2 and not [line for line in lines if line.startswith("FAIL")]
    assert any(" of the plain loop" in line or line.startswith("ok") for line in lines)


def test_the_parts_together_fit_into_the_time(check):
    from gpu_parts import PARTS

    assert sum(seconds for _, seconds in PARTS.values()) < 60 * check.MINUTES


CODE = {
    "good": "print('ok  fine')",
    "wrong": "print('FAIL  1 is 2')",
    "broken": "print('before', flush=True); raise SystemExit('a reason')",
    "hanging": "print('before', flush=True); import time; time.sleep(60)",
    "last": "print('the last')",
}


def test_a_part_that_fails_stops_no_other_and_what_is_done_is_not_done_again(check, tmp_path):
    file, ran = tmp_path / "results" / "check.txt", []

    def command(name):
        ran.append(name)
        return [sys.executable, "-S", "-c", CODE[name]]

    budgets = {name: 1.0 if name == "hanging" else 30.0 for name in CODE}
    ends = check.carry_out(file, "a device", budgets, command, 5, False)
    expected = {"good": "done", "wrong": "failed", "broken": "failed", "hanging": "out of time", "last": "done"}
    assert ends == expected and ran == list(CODE)
    text = file.read_text()
    assert text.startswith("a device\n") and text.count("before") == 2 and "a reason" in text
    ran.clear()
    assert check.carry_out(file, "a device", {"good": 30.0, "wrong": 30.0}, command, 5, False)["good"] == "done"
    assert ran == ["wrong"] and "the last" in file.read_text(), "parts that were not asked for stay"
    ran.clear()
    check.carry_out(file, "another device", {"good": 30.0}, command, 5, False)
    assert ran == ["good"] and "the last" not in file.read_text()
    assert check.carry_out(file, "a device", {"good": 30.0}, command, 0, True) == {"good": "out of time"}
