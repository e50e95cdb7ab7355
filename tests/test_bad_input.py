"""Bad input through the public face, in one table: each is a sentence that says what to do, and loses nothing."""

from __future__ import annotations

import functools
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import workbench as wb
from workbench.errors import WorkbenchError

NET = {"name": "test_efficientnet", "params": {"pretrained": False, "size": 32}}


def picture(path: Path, size=(12, 10), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, 100).save(path)
    return path


def tree(root: Path, classes=("cat", "dog"), n=6):
    rng = np.random.default_rng(0)
    for name in classes:
        for row in range(n):
            path = root / name / f"{row}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)
    return root


def table(root: Path, **columns):
    return pd.DataFrame({"path": [str(picture(root / f"{n}.png")) for n in range(6)], **columns})


def arrays(n=12, k=2):
    x = np.random.default_rng(0).integers(0, 255, (n, 8, 8, 3), dtype=np.uint8)
    return x, np.arange(n) % k


def plan(**changes):
    return wb.Plan(**{"backbone": NET, "data": "digits", "tuning": "head", "epochs": 1, **changes})


def evil(path: Path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (path.with_suffix(".owned"),))

    path.write_bytes(pickle.dumps(Evil()))
    return path


# name: (what a person does with an empty folder `t`, words that the sentence holds)
CASES = {
    # images: folders
    "no such folder": (lambda t: wb.load_images(t / "nowhere"), "nowhere"),
    "an empty folder": (lambda t: wb.load_images(t), "folder per class"),
    "a folder of text files": (lambda t: ((t / "a.txt").write_text("hi"), wb.load_images(t)), "image"),
    "images without a class folder": (lambda t: (picture(t / "1.png"), wb.load_images(t)), "class"),
    "a single class": (lambda t: wb.load_images(tree(t, ("cat",))), "class"),
    "an empty class": (lambda t: ((tree(t) / "cow").mkdir(), wb.load_images(t)), "cow"),
    "an empty word": (lambda t: wb.load_images(""), ""),
    "a number": (lambda t: wb.load_images(7), ""),
    "None": (lambda t: wb.load_images(None), ""),
    "a built-in set that is misspelt": (lambda t: wb.load_images("digitz"), "digits"),
    "an option that is misspelt": (lambda t: wb.load_images("digits", vaild=0.2), "valid"),
    "a class that is not there": (lambda t: wb.load_images(tree(t), classes=["cat", "dgo"]), "dog"),
    "a domain where there are none": (lambda t: wb.load_images(tree(t), target_domain="sketch"), "domain"),
    "a layout of unknown words": (lambda t: wb.load_images(tree(t), layout="klass"), "class"),
    "too large a share": (lambda t: wb.load_images(tree(t), valid=1.5), "valid"),
    "shares above one": (lambda t: wb.load_images(tree(t), valid=0.6, test=0.6), ""),
    "no images per class": (lambda t: wb.load_images(tree(t), per_class=0), "per_class"),
    "an unknown shift": (lambda t: wb.load_images("digits", shift="upside-down"), ""),
    "a shift that is too severe": (lambda t: wb.load_images("digits", shift="noise:9"), ""),
    # images: tables
    "no such column": (lambda t: wb.load_images(table(t, label=list("ababab")), label="lable"), "label"),
    "a label missing": (
        lambda t: wb.load_images(table(t, label=["a", "b", None, "a", "b", "a"]), label="label"),
        "label",
    ),
    "an unknown split": (lambda t: wb.load_images(table(t, label=list("ababab"), split="trian")), "train"),
    "an empty table": (lambda t: wb.load_images(pd.DataFrame({"path": [], "label": []})), ""),
    "a table without paths": (lambda t: wb.load_images(pd.DataFrame({"label": ["a", "b"]})), "path"),
    "files that are all gone": (
        lambda t: wb.load_images(pd.DataFrame({"path": ["x.png", "y.png"], "label": ["a", "b"]})),
        "",
    ),
    # images: arrays
    "lengths that differ": (lambda t: wb.load_images((arrays()[0], [0, 1])), "12"),
    "labels without images": (lambda t: wb.load_images((np.zeros((0, 8, 8, 3), np.uint8), [])), ""),
    "pixels that are no numbers": (lambda t: wb.load_images((np.full((12, 8, 8, 3), np.nan), arrays()[1])), ""),
    "one label only": (lambda t: wb.load_images((arrays()[0], np.zeros(12, int))), "class"),
    "flat rows instead of images": (lambda t: wb.load_images((np.zeros((12, 64)), arrays()[1])), ""),
    # backbones
    "a backbone that is misspelt": (lambda t: wb.load_net("resnet19", pretrained=False), "did you mean"),
    "no classes": (lambda t: wb.load_net("test_efficientnet", classes=0, pretrained=False), "class"),
    "classes with the same name": (
        lambda t: wb.load_net("test_efficientnet", classes=["a", "a"], pretrained=False),
        "a",
    ),
    "a size of nothing": (lambda t: wb.load_net("test_efficientnet", size=0, pretrained=False), "size"),
    "a size that patches do not fill": (lambda t: wb.load_net("test_vit", size=33, pretrained=False), "33"),
    "weights without a network": (lambda t: wb.load_net("resnet18"), "pretrained=False"),
    "a file that is gone": (lambda t: wb.load_net(t / "weights.safetensors"), "weights.safetensors"),
    "a pickle with code in it": (lambda t: wb.load_net(evil(t / "w.pth")), ""),
    "a broken weights file": (
        lambda t: ((t / "w.safetensors").write_bytes(b"\0" * 99), wb.load_net(t / "w.safetensors")),
        "",
    ),
    "a folder without weights": (lambda t: wb.load_net(t), ""),
    "an argument that is misspelt": (lambda t: wb.load_net("test_efficientnet", pretrainde=False), "pretrainde"),
    "a bound on no column": (lambda t: wb.search_backbones("parametres < 5"), "parameters"),
    "a bound that is no bound": (lambda t: wb.search_backbones("parameters <"), ""),
    "code in a query": (lambda t: wb.search_backbones("__import__('os').system('true') == 0"), ""),
    # plans
    "a tuning that is misspelt": (lambda t: plan(tuning="haed"), "did you mean head"),
    "a strategy that is misspelt": (lambda t: plan(strategy="dan"), "did you mean dann"),
    "a parameter that is misspelt": (lambda t: wb.tuning("last-k", n=2), "k"),
    "a parameter out of range": (lambda t: wb.tuning("discriminative", decay=1.5), "between 0.01 and 1"),
    "a parameter of the wrong type": (lambda t: wb.tuning("last-k", k="two"), "whole number"),
    "a schedule's field that is misspelt": (lambda t: plan(epoch=3), "did you mean epochs"),
    "no epochs": (lambda t: plan(epochs=0), "between 1"),
    "half an epoch": (lambda t: plan(epochs=1.5), "whole number"),
    "a rate that is no number": (lambda t: plan(lr=float("nan")), "lr"),
    "a rate below zero": (lambda t: plan(lr=-1e-3), "lr"),
    "an optimiser that is not there": (lambda t: plan(optimizer="adm"), "adamw"),
    "a seed below zero": (lambda t: plan(seed=-1), "seed"),
    "a plan of another kind": (lambda t: wb.Plan.from_json('{"a": 1}'), "not a plan"),
    "a plan that is no JSON": (lambda t: wb.Plan.from_json("{"), "not a plan"),
    "a backbone of the wrong type": (lambda t: plan(backbone=3.5), "backbone"),
    "a teacher that is not named": (lambda t: wb.strategy("distill"), "teacher"),
    # running
    "a strategy without its stream": (lambda t: wb.fit(plan(strategy="dann"), progress=False), "target_domain="),
    "a grid of another net": (
        lambda t: wb.fit(plan(tuning=wb.tuning("grid", rows={"layer9": [1.0]})), progress=False),
        "stage",
    ),
    "a grid in which nothing moves": (
        lambda t: wb.fit(plan(tuning=wb.tuning("grid", rows={"head": [0.0]})), progress=False),
        "no stage moves",
    ),
    "one image a batch": (lambda t: wb.fit(plan(batch_size=1, tuning="full"), progress=False), "batch_norm"),
    "a device that is not here": (lambda t: wb.fit(plan(device="cuda:7"), progress=False), "cpu"),
    "data that is gone": (lambda t: wb.launch(plan(data=str(t / "gone"))), "gone"),
    "a teacher of other classes": (lambda t: wb.fit(teacher_of_others(t), progress=False), "fine-tune the teacher"),
    "a run that is not there": (lambda t: wb.load_run("yesterday"), "yesterday"),
    # looking inside
    "a stage that is misspelt": (
        lambda t: wb.probes.similarity(net(), images=digits(), stages=["blocks.9"]),
        "did you",
    ),
    "nets without images": (lambda t: wb.probes.similarity(net(), net()), "needs images"),
    "one image to compare by": (lambda t: wb.probes.similarity(net(), images=digits(1)), "at least 4 are needed"),
    "features that are not finite": (lambda t: wb.probes.embed(np.full((9, 3), np.nan)), "not finite"),
    "one image to draw": (lambda t: wb.probes.embed(net(), digits(1)), "at least 4 are needed"),
    "a way to draw that is misspelt": (lambda t: wb.probes.embed(np.eye(9), method="tnse"), "did you mean tsne"),
    "labels that fit no features": (
        lambda t: wb.probes.find_label_issues(np.eye(9), [0, 1]),
        "one class per image",
    ),
    "a class that is not there to relabel": (lambda t: wb.label_edits(digits(9)).relabel("0000", "cat"), "cat"),
    "an image that is not there to remove": (lambda t: wb.label_edits(digits(9)).remove("cat.png"), "cat.png"),
    "a net for other classes": (
        lambda t: wb.evaluate(
            wb.load_net("test_efficientnet", classes=3, pretrained=False, size=32), wb.load_images("digits")
        ),
        "head for them",
    ),
}


def net():
    return wb.load_net("test_efficientnet", classes=3, pretrained=False, size=32)


def digits(n=20):
    return wb.load_images("digits").subset(rows=range(n))


def teacher_of_others(t):
    wb.load_net("test_efficientnet", classes=["a", "b"], pretrained=False, size=32).save(t / "teacher.safetensors")
    return plan(strategy=wb.strategy("distill", teacher=t / "teacher.safetensors"))


# one call a line, each to be refused: what a person hands in by mistake, function by function
CALLS = [
    line
    for line in Path(__file__).with_name("refused_calls.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_the_table_is_long_enough():
    assert len(CASES) >= 60
    assert len(CALLS) == len(set(CALLS)) >= 800


@functools.cache
def things():
    """What the calls are made with; none of them changes it."""
    shown_images = wb.load_images("digits", per_class=3).subset(rows=range(40))
    small = wb.load_net("test_efficientnet", classes=[str(k) for k in range(10)], pretrained=False, size=32)
    rng = np.random.default_rng(0)
    x, labels = rng.integers(0, 255, (4, 40, 40, 3), dtype=np.uint8), np.arange(60) % 3
    shown = wb.probes.saliency(small, x)
    nested = {}
    for _ in range(10_000):
        nested = {"a": nested}
    return {
        "wb": wb,
        "np": np,
        "pd": pd,
        "torch": torch,
        "images": shown_images,
        "net": small,
        "x": x,
        "y": labels,
        "f": rng.normal(size=(60, 8)),
        "p": np.full((60, 3), 1 / 3),
        "ids": np.arange(60).astype(str),
        "plan": wb.Plan(NET, shown_images, "head", epochs=1, device="cpu"),
        "shown": shown,
        "stage": shown.layer,
        "LONG": "a" * 300,
        "VERY_LONG": "b" * 5000,
        "NESTED": nested,
    }


def called(line: str) -> str:
    """The function that a line calls, without its room's neighbours: what a failing test is called."""
    return line.partition("(")[0]


@pytest.mark.parametrize("name", sorted({called(line) for line in CALLS}))
def test_a_call_that_cannot_mean_anything_is_refused_with_a_sentence(name):
    for line in (line for line in CALLS if called(line) == name):
        with pytest.raises(WorkbenchError) as caught:
            eval(line, dict(things()))
        sentence = str(caught.value)
        assert len(sentence.split()) >= 4 and len(sentence) < 700, f"{line}: {sentence}"


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_a_sentence(name, tmp_path):
    act, says = CASES[name]
    with pytest.raises(WorkbenchError) as caught:
        act(tmp_path)
    sentence = str(caught.value)
    assert says in sentence, sentence
    assert len(sentence.split()) >= 4 and len(sentence) < 900 and "\n  File" not in sentence, sentence
    assert not list(tmp_path.rglob("*.owned")), "code from a file was run"
    assert not [row for row in wb.search_runs().itertuples() if row.state == "running"]


def test_a_bad_plan_leaves_no_run_behind():
    with pytest.raises(WorkbenchError):
        wb.fit(plan(strategy="dann"), progress=False)
    assert wb.search_runs().empty


def test_bad_input_in_a_run_s_folder_loses_no_other_run(tmp_path):
    run = wb.fit(plan(), progress=False)
    (run.folder / "status.json").write_text("{")
    assert wb.load_run(run.name).status.state == "damaged" and wb.load_run(run.name).net().classes
    (run.folder / "points.jsonl").write_text('{"step": 1, "epoch": 1.0, "split": "train"}\n{"step": 2, "ep')
    assert len(wb.load_run(run.name).points) == 1
    json.loads((run.folder / "plan.json").read_text())
    assert torch.isfinite(next(run.net().parameters())).all()
