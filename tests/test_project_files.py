"""What stands around the package agrees with it: citation, issue forms, hooks before a commit."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import workbench as wb
from workbench import cli

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_the_citation_names_this_version_and_licence():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == wb.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["abstract"].removesuffix(".") == PROJECT["description"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


def test_hooks_before_a_commit_run_the_ruff_of_the_lock():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    locked = re.search(r"^ruff==\S+", (ROOT / "requirements-test.lock").read_text(), flags=re.M)[0]
    assert [hook["additional_dependencies"] for hook in hooks] == [[locked]] * 2
    assert [hook["entry"].split()[:2] for hook in hooks] == [["ruff", "check"], ["ruff", "format"]]


@pytest.mark.parametrize("path", [path for path in FORMS if path.name != "config.yml"], ids=lambda path: path.name)
def test_an_issue_form_can_be_shown_and_asks_for_something(path):
    form = yaml.safe_load(path.read_text())
    assert form["name"] and form["description"]
    assert len({field["id"] for field in form["body"]}) == len(form["body"])
    assert all(field["attributes"]["label"] for field in form["body"])
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_a_command_that_an_issue_form_asks_for_is_one():
    asked = [words for path in FORMS for words in re.findall(r"`workbench ([^`]+)`", path.read_text())]
    assert asked
    for words in asked:
        cli.build_parser().parse_args(words.split())
