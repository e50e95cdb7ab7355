"""What is read from a run's folder is checked for its shape: a damaged run is a row, and hides no other."""

from __future__ import annotations

import json

import pytest

import workbench as wb
from workbench.errors import BadData, BadValue, UnknownName, WorkbenchError
from workbench.runs.folder import run_files as files
from workbench.runs.processes.launching import create_run_folder
from workbench.widgets.run_list import RunList

DEEP = "[" * 100_000
PLAN = '{"backbone": {"name": "test_vit"}, "data": {"name": "digits"}}'
POINT = '{"step": 1, "epoch": 1.0, "split": "valid", "accuracy": 0.5}\n'

DAMAGED = [
    ("plan.json", "null"),
    ("plan.json", "[]"),
    ("plan.json", "{ not json"),
    ("plan.json", ""),
    ("plan.json", DEEP),
    ("plan.json", b"\xff\xfe\x00"),
    ("plan.json", '{"backbone": {"name": 5}, "data": {"name": "digits"}}'),
    ("plan.json", '{"backbone": null, "data": "digits"}'),
    ("plan.json", '{"backbone": "test_vit", "data": "digits", "schedule": 3}'),
    ("plan.json", '{"backbone": "test_vit", "data": "digits", "schedule": {"epochs": "five"}}'),
    ("plan.json", '{"data": "digits"}'),
    ("status.json", "null"),
    ("status.json", "7"),
    ("status.json", "{"),
    ("status.json", '{"state": "sleeping"}'),
    ("status.json", '{"state": ["done"]}'),
    ("status.json", '{"state": "done", "step": "many"}'),
    ("status.json", '{"state": "done", "sentence": null}'),
    ("points.jsonl", "1\n"),
    ("points.jsonl", "null\n"),
    ("points.jsonl", POINT + "\0" * 300 + "\n"),
    ("points.jsonl", '{"step": 1, "epoch": 1.0, "split": "valid", "accuracy": "high"}\n'),
    ("points.jsonl", '{"step": 1, "epoch": 1.0, "split": 3}\n'),
    ("points.jsonl", '{"accuracy": 0.5}\n'),
    ("points.jsonl", DEEP + "\n"),
]


def folder_with(name, **contents):
    folder = files.runs_folder() / name
    folder.mkdir(parents=True)
    for file, text in {"plan.json": PLAN, **contents}.items():
        (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


@pytest.mark.parametrize(("file", "text"), DAMAGED)
def test_a_damaged_run_is_a_row_that_says_so(file, text):
    folder_with("sound", **{"points.jsonl": POINT})
    folder = folder_with("odd", **{file: text})
    frame = wb.search_runs().set_index("name")
    assert frame.state["odd"] == "damaged" and file in frame.message["odd"]
    assert frame.state["sound"] == "created" and frame.accuracy["sound"] == 0.5
    shown = RunList()
    assert {row["name"]: row["state"] for row in shown.rows} == {"odd": "damaged", "sound": "created"}
    shown.close()
    read = {"plan.json": "plan", "points.jsonl": "points"}.get(file)
    if read:
        with pytest.raises(BadData, match=file):
            getattr(wb.Run(folder), read)
    else:
        assert wb.Run(folder).status.state == "damaged" and "resume()" in wb.Run(folder).status.message


@pytest.mark.parametrize(
    ("plan", "epochs", "tuning"),
    [
        (PLAN, 5, "full"),
        ('{"backbone": "test_vit", "data": "digits", "tuning": "head", "epochs": 2}', 2, "head"),
        ('{"backbone": "a/test_vit", "data": "digits", "schedule": {"lr": 0.001}}', 5, "full"),
        ('{"backbone": "test_vit", "data": "digits", "schedule": null}', 5, "full"),
    ],
)
def test_a_short_plan_is_no_damaged_one(plan, epochs, tuning):
    folder = folder_with("short", **{"plan.json": plan})
    (row,) = wb.search_runs().itertuples()
    assert (row.state, row.backbone, row.data) == ("created", "test_vit", "digits")
    assert (row.epochs, row.tuning) == (epochs, tuning)
    assert wb.Run(folder).plan.schedule.epochs == epochs and wb.Run(folder).plan.tuning.name == tuning


@pytest.mark.parametrize(
    ("file", "text", "read"),
    [
        ("grid.json", "[]", "grid"),
        ("grid.json", '{"stages": ["stem"], "rates": 3}', "grid"),
        ("grid.json", '{"stages": ["stem"], "rates": [["fast"]]}', "grid"),
        ("grid.json", '{"stages": ["stem", "head"], "rates": [[0.1]]}', "grid"),
        ("proof.json", '{"stages": [1]}', "frozen_check"),
        ("proof.json", "null", "frozen_check"),
        ("environment.json", "[1]", "environment"),
        ("environment.json", "{", "environment"),
        ("weights.safetensors", "torn", "net"),
        ("snapshots/epoch-0001.safetensors", "torn", "snapshot"),
    ],
)
def test_other_files_are_checked_too(tiny_plan, file, text, read):
    run = wb.load_run(create_run_folder(tiny_plan()))
    (run.folder / file).parent.mkdir(exist_ok=True)
    (run.folder / file).write_text(text)
    asked = {"net": run.net, "snapshot": lambda: run.net(epoch=1)}.get(read, lambda: getattr(run, read))
    with pytest.raises(WorkbenchError, match=file.rpartition("/")[2]):
        asked()


def test_stored_images_are_checked(tiny_plan):
    run = wb.load_run(create_run_folder(tiny_plan()))
    table = run.folder / "data" / "images" / "images.json"
    whole = json.loads(table.read_text())
    for broken in ("{}", "null", json.dumps({**whole, "ids": 3}), json.dumps({**whole, "labels": ["x"] * 96}), DEEP):
        table.write_text(broken)
        with pytest.raises(BadData, match="damaged"):
            run.images  # noqa: B018


def test_a_folder_that_is_no_run():
    (files.runs_folder() / "empty").mkdir(parents=True)
    with pytest.raises(BadData, match="contains no plan.json"):
        wb.Run(files.runs_folder() / "empty").plan  # noqa: B018
    with pytest.raises(BadValue, match="is not a run folder"):
        wb.Run(files.runs_folder() / "empty").resume()
    for name in ("x" * 300, "a\0b"):
        with pytest.raises(UnknownName):
            files.find_run_folder(name)


def test_names_from_outside_do_nothing_to_a_terminal(capsys):
    from workbench import cli

    folder = folder_with("n\x1b[2J", **{"plan.json": '{"backbone": "b\\u001b]0;x\\u0007", "data": "d"}'})
    (folder / "log.txt").write_bytes(b"line\x1b[31m\n")
    (folder / "status.json").write_text('{"state": "failed", "sentence": "a\\u001b[31mb\\u202e"}')
    assert cli.main(["runs"]) == 0
    for text in (capsys.readouterr().out, repr(wb.Run(folder)), wb.Run(folder).log):
        assert "\x1b" not in text and "\u202e" not in text and "\\x1b" in text
