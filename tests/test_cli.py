"""The command line: each command does one thing, a refusal is one sentence and status 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from workbench import __version__, cli
from workbench.errors import BadValue


def test_no_runs_yet_is_a_sentence(capsys):
    assert cli.main(["runs"]) == 0
    assert capsys.readouterr().out == "there are no runs yet\n"


def test_runs_are_listed(monkeypatch, capsys):
    monkeypatch.setattr(
        "workbench.runs.folder.run_files.search_runs", lambda folder: pd.DataFrame([{"name": "one", "folder": folder}])
    )
    assert cli.main(["runs", "--folder", "there"]) == 0
    assert capsys.readouterr().out.split() == ["name", "folder", "one", "there"]


def test_a_run_that_does_not_exist_is_refused_with_one_sentence(capsys):
    assert cli.main(["run", "nowhere"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no run is called 'nowhere'" in error


def test_run_carries_out_the_folder(monkeypatch, tmp_path):
    (tmp_path / "plan.json").write_text("{}")
    given = []
    monkeypatch.setattr("workbench.runs.processes.worker.main", lambda words: given.append(words) or 1)
    assert cli.main(["run", str(tmp_path)]) == 1
    assert given == [[str(tmp_path)]]


def test_stages_are_shown_stem_to_head(capsys):
    assert cli.main(["stages", "resnet10t", "test_vit"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("resnet10t: 5,4")
    assert lines[1].split() == ["stage", "parameters", "share", "output"]
    assert lines[2].split()[0] == "stem"
    assert sum(line.split()[0] == "head" for line in lines) == 2


def test_an_unknown_backbone_is_refused_with_a_near_miss(capsys):
    assert cli.main(["stages", "resnet81"]) == 2
    assert "resnet18" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "count"), [([], 40), (["--all"], 50)])
def test_a_long_catalogue_is_cut_and_says_so(monkeypatch, capsys, words, count):
    asked = []
    frame = pd.DataFrame({"name": [f"net{i}" for i in range(50)]})
    monkeypatch.setattr(
        "workbench.nets.catalogue.backbone_search.search_backbones", lambda query: asked.append(query) or frame
    )
    assert cli.main(["backbones", "parameters < 6e6", "offline", *words]) == 0
    out = capsys.readouterr().out
    assert out.count("net") == count
    assert ("… and 10 more; --all prints them" in out) == (count == 40)
    assert asked == ["parameters < 6e6, offline"]


def test_a_query_that_makes_no_sense_is_refused(monkeypatch, capsys):
    def refuse(query):
        raise BadValue("no column is called 'paramters'")

    monkeypatch.setattr("workbench.nets.catalogue.backbone_search.search_backbones", refuse)
    assert cli.main(["backbones", "paramters < 3"]) == 2
    assert capsys.readouterr().err == "no column is called 'paramters'\n"


def test_info_prints_its_findings(capsys):
    assert cli.main(["info"]) == 0
    assert f"workbench    {__version__}" in capsys.readouterr().out


def test_lab_opens_the_notebooks_and_passes_options_on(monkeypatch):
    became = []
    monkeypatch.setattr(cli, "replace_process", lambda words, folder: became.append((words, folder)) or 0)
    assert cli.main(["lab", "--no-browser", "--port=9"]) == 0
    words, folder = became[0]
    assert words[:3] == [sys.executable, "-m", "jupyterlab"]
    assert words[-2:] == ["--no-browser", "--port=9"]
    assert folder == Path(cli.__file__).parents[1] / "notebooks"


def test_lab_without_jupyter_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["lab"]) == 2
    assert 'pip install "transfer-workbench[lab]"' in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["bakbones"], ["runs", "--foldr", "x"], ["info", "now"], ["run"]])
def test_what_is_no_command_is_refused(words, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    assert left.value.code == 2
    assert "usage: workbench" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_ends_it_quietly():
    """`workbench info | head` leaves no traceback."""
    read, write = os.pipe()
    os.close(read)
    code = "import sys; from workbench.cli import main; sys.exit(main(['runs']))"
    done = subprocess.run([sys.executable, "-uc", code], stdout=write, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_backbones_are_ranked_as_a_table_or_json(toy_arrays, tmp_path, capsys):
    import json

    from PIL import Image

    for row, (pixels, label) in enumerate(zip(*toy_arrays(n=60), strict=True)):
        (tmp_path / label).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / label / f"{row}.png")
    words = ["rank", str(tmp_path), "--backbones", "wb/residual-shape", "no-such-net"]
    assert cli.main(words) == 0
    said = capsys.readouterr()
    assert "nothing to compare: only wb/residual-shape could be scored" in said.out
    assert "linear_probe" in said.out and "no backbone is called 'no-such-net'" in said.out
    assert said.err.splitlines() == ["1 of 2: wb/residual-shape", "2 of 2: no-such-net"]
    assert cli.main([*words, "--json", "--limit", "30"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"]["kind"] == "nothing" and told["frame"][0]["images"] < 40
    assert cli.main(["rank", str(tmp_path), "--backbones", "no-such-net"]) == 1
    assert cli.main(["rank", str(tmp_path / "nowhere")]) == 2


def test_a_transfer_is_diagnosed_as_json_and_a_report(diagnosed, tmp_path, capsys):
    import json

    report, folder = tmp_path / "out.html", diagnosed[0].plan.data.name
    words = ["diagnose", folder, "--backbone", "wb/residual-all"]
    assert cli.main([*words, "--quick", "--json", "--report", str(report)]) == 0
    said = capsys.readouterr()
    assert said.err.splitlines() == ["checking the plan, the weights and the images", str(report)]
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
    told = json.loads(said.out)
    assert told["answer"] == "not asked" and told["controls"] is None and len(told["cause_table"]) >= 15
    assert told["plan"]["backbone"]["name"] == "wb/residual-all"


def test_a_diagnosis_is_printed_with_the_time_it_was_given(diagnosed, monkeypatch, capsys):
    asked = {}

    def diagnose(backbone, images, **options):
        options.pop("progress")("your plan, seed 0", 0.5)
        asked.update(options, backbone=backbone)
        return diagnosed[0]

    monkeypatch.setattr("workbench.diagnosis.diagnosing.diagnose", diagnose)
    assert cli.main(["diagnose", "digits", "--backbone", "resnet18", "--minutes", "0.5"]) == 0
    assert asked == {"quick": False, "minutes": 0.5, "backbone": "resnet18"}
    said = capsys.readouterr()
    assert said.out == f"{diagnosed[0]}\n" and said.err == "your plan, seed 0\n"


def test_a_diagnosis_is_refused_with_a_sentence_before_it_begins(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("workbench.diagnosis.diagnosing.diagnose", lambda *_, **__: pytest.fail("began"))
    words = ["diagnose", str(tmp_path), "--backbone", "wb/residual-all"]
    assert cli.main([*words, "--report", str(tmp_path / "nowhere" / "out.html")]) == 2
    assert cli.main(words) == 2, "no images in it"
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and "there is no such folder" in errors[0]
    with pytest.raises(SystemExit, match="2"):
        cli.main(["diagnose", str(tmp_path)])
