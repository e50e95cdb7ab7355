"""How widgets of ours are made: one script, one stylesheet, errors in view."""

from __future__ import annotations

import re

import pytest

from workbench.errors import BadValue
from workbench.widgets import base

ENTRIES = sorted(file.name for file in base.STATIC.glob("*.mjs") if "export default" in file.read_text())


class Answering(base.Panel):
    @base.show_errors
    def refuse(self):
        raise BadValue("the rate is positive; got -1")

    @base.show_errors
    def stumble(self):
        raise ZeroDivisionError("division by zero")

    @base.show_errors
    def answer(self):
        return 3


def test_a_refusal_is_shown_as_it_is_and_cleared_by_the_next_success():
    panel = Answering()
    assert panel.refuse() is None
    assert panel.error == "the rate is positive; got -1"
    assert panel.answer() == 3
    assert panel.error == ""


def test_any_other_exception_is_shown_with_its_kind_and_logged(caplog):
    panel = Answering()
    panel.stumble()
    assert panel.error == "ZeroDivisionError: division by zero"
    assert "Answering.stumble" in caplog.text


@pytest.mark.parametrize("name", ENTRIES)
def test_a_script_is_one_module_without_imports(name):
    text = base.bundle_script(name)
    assert not re.findall(r"^\s*import\b", text, flags=re.M)
    assert re.findall(r"^export\b.*", text, flags=re.M) == ["export default { render };"]


@pytest.mark.parametrize("name", ENTRIES)
def test_a_script_parses_so_no_two_of_its_modules_share_a_name(run_node, name, tmp_path):
    file = tmp_path / name
    file.write_text(base.bundle_script(name))
    done = run_node("--check", str(file))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", sorted(base.STATIC.glob("*.mjs")), ids=lambda file: file.name)
def test_names_reach_the_page_as_text_only(file):
    found = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", file.read_text())
    assert not found


def test_every_class_of_the_stylesheet_is_ours_or_jupyters():
    classes = set(re.findall(r"\.([a-zA-Z][\w-]*)", re.sub(r"/\*.*?\*/", "", base.join_stylesheets(), flags=re.S)))
    assert {name for name in classes if not re.match(r"wb-|jupyter-|widget-|jp-|lm-|mod-", name)} == set()
