"""Stored results can still be read: each table is made again from its numbers, and is the one that is stored."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RESULTS = BENCHMARKS / "results"


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a script's `main` with arguments, and return what it prints."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))

    def printed(name: str, *words: str) -> str:
        script = importlib.import_module(name)
        monkeypatch.setattr(sys, "argv", [name, *words])
        script.main()
        return capsys.readouterr().out

    return printed


def numbers(text: str) -> list[str]:
    """The lines of a table, without the machine that it was made on."""
    return [line.rstrip() for line in text.strip().splitlines() if "cores, torch" not in line and line.strip()]


@pytest.mark.parametrize("name", ["advisor", "planted_causes", "transfer_table"])
def test_a_table_is_made_again_from_its_numbers(run, name):
    # cells that were made later stand at the end of the stored table
    assert sorted(numbers(run(name, "--table"))) == sorted(
        numbers((RESULTS / f"{name}.txt").read_text(encoding="utf-8"))
    )


def test_the_study_of_backbones_is_made_again_from_its_numbers(run, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import which_backbone

    key = next(iter(json.loads(which_backbone.CELLS.read_text(encoding="utf-8"))["ranking"]))
    # the nets themselves are not part of the project
    monkeypatch.setattr(which_backbone, "backbones", lambda: key.partition(" | ")[2].split(", "))
    monkeypatch.setattr(which_backbone, "STUDY", Path(os.devnull))
    monkeypatch.setattr(which_backbone._paths, "write_file", lambda file, text: None)
    stored = (RESULTS / "which_backbone.txt").read_text(encoding="utf-8")
    assert numbers(run("which_backbone", "--table")) == numbers(stored)


def test_the_strengths_of_evidence_are_read(run):
    text = run("calibrate_causes", "--show", "noisy-labels")
    assert "noisy-labels" in text and "strength" in text


def test_the_accuracies_of_views_and_of_caching_are_read(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    views = json.loads((RESULTS / "views.json").read_text(encoding="utf-8"))
    assert all({"accuracy", "seconds"} <= {*cell} for cell in views.values())
    import pay_for_what_you_train as paid

    cells = json.loads(paid.ACCURACY.read_text(encoding="utf-8"))
    assert {key.split(" | ")[3] for key in cells} <= {*paid.WORK}
