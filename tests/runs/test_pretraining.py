"""Pretraining a net of the built-in zoo: the recipes are sound, the net is kept with how it was made, and loads."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

import workbench as wb
from workbench import cli
from workbench.errors import BadValue, UnknownName
from workbench.nets import zoos
from workbench.plan import Choice
from workbench.runs import folder as files
from workbench.runs import keeping, pretraining
from workbench.strategies import strategies

BLOCK = {"type": "basic", "d": 1, "c": 16, "s": 2, "br": 1.0}
SMALL = {"stem_chs": 8, "attn_layer": "", "blocks": [BLOCK, BLOCK]}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Recipes of a second: a net of two blocks."""
    brief = {"images": 160, "architecture": ("test_byobnet", SMALL), "size": 32}
    recipes = {
        "brief": pretraining.Recipe("hue", pretraining.world("hue"), settings={"batch_size": 16}, **brief),
        "blind": pretraining.Recipe(
            "turns", pretraining.world("hue"), strategy=Choice("rotation"), head=False, **brief
        ),
    }
    monkeypatch.setattr(pretraining, "FEWEST", 100)
    monkeypatch.setattr(pretraining, "RECIPES", {**pretraining.RECIPES, **recipes})


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A package whose built-in zoo is empty and can be written."""
    folder = tmp_path / "package" / "zoo"
    folder.mkdir(parents=True)
    monkeypatch.setattr(zoos, "BUILTIN", folder)
    return folder


def test_a_net_is_pretrained_kept_and_loads(shipped, capsys):
    assert cli.main(["pretrain", "brief"]) == 0
    out = capsys.readouterr().out
    assert "brief: 100.0%" in out and str(shipped / "brief.safetensors") in out
    held = load_file(shipped / "brief.safetensors")
    assert held["backbone.stages.0.0.conv1_kxk.conv.weight"].dtype == torch.float16
    assert held["backbone.stages.0.0.conv1_kxk.bn.running_var"].dtype == torch.float32
    net, run = wb.load("wb/brief"), wb.run(files.find(next(files.folders())))
    assert net.classes == tuple(run.images.classes) and {p.dtype for p in net.parameters()} == {torch.float32}
    assert net.preprocessing == run.net().preprocessing and net.preprocessing.size == 32
    assert net.source["pretrained_on"] == "Transfer Workbench world: hue" and net.source["licence"] == "Apache-2.0"
    torch.testing.assert_close(net(x := torch.rand(2, 3, 32, 32)), run.net()(x), atol=1e-2, rtol=1e-2)
    assert wb.evaluate(net, run.images).accuracy == pytest.approx(run.evaluate().accuracy, abs=0.1)
    assert wb.load("wb/brief", classes=["a", "b", "c"])(x).shape == (2, 3)
    row = wb.backbones("wb/brief").iloc[0]
    assert row["offline"] and row["parameters"] == sum(p.numel() for p in net.parameters())


def test_how_it_was_made_stands_in_the_index_and_in_the_file(shipped):
    keeping.pretrain("brief")
    entry = json.loads((shipped / "zoo.json").read_text())["nets"][0]
    made = entry["made"]
    assert made["command"] == "workbench pretrain brief --images 160 --seed 0"
    assert wb.Plan(**made["plan"]) == pretraining.plan("brief")
    assert made["images_seen"] == 128 and made["seconds"] >= 0 and made["workbench"] == wb.__version__
    assert 0 <= made["valid"]["accuracy"] <= 1 and made["device"]
    from workbench.nets.weights import metadata_of

    assert metadata_of(shipped / "brief.safetensors")["made"] == made


def test_what_learnt_without_labels_has_no_head(shipped):
    path = keeping.pretrain("blind")
    entry = zoos.entries(shipped)["blind"]
    assert "classes" not in entry and entry["kwargs"]["num_classes"] == 0
    net = wb.load("wb/blind")
    assert net.classes is None and not any(name.startswith("head.") for name in load_file(path))
    x = torch.rand(2, 3, 32, 32)
    assert net(x).shape == (2, 16) and torch.equal(net(x), net.features(x))
    assert wb.load("wb/blind", classes=3)(x).shape == (2, 3)


def test_the_same_command_goes_on_with_the_same_run(shipped, monkeypatch, capsys):
    planned = pretraining.plan("brief")
    made = pretraining.folder("brief", planned)
    assert pretraining.folder("brief", pretraining.plan("brief", threads=3)) == made
    assert pretraining.folder("brief", pretraining.plan("brief", seed=1)) != made

    class Impatient(keeping.Teller):
        def __call__(self, point, status):
            if status.step >= 2:
                (made / files.STOP).touch()

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "Teller", Impatient)
        assert cli.main(["pretrain", "brief"]) == 1
    assert "the same command goes on" in capsys.readouterr().err
    stopped = wb.run(made)
    assert stopped.status.state == "stopped" and not list(shipped.iterdir())
    before = stopped.points
    assert cli.main(["pretrain", "brief"]) == 0
    again = wb.run(made)
    assert again.status.state == "done" and len(list(files.folders())) == 1
    assert again.points["step"].iloc[: len(before)].tolist() == before["step"].tolist()
    capsys.readouterr()
    assert cli.main(["pretrain", "brief"]) == 0  # nothing is left to do but to keep the net
    assert "%" not in capsys.readouterr().out


def test_a_trial_never_replaces_a_shipped_net(shipped, home, tmp_path):
    path = keeping.pretrain("brief", images=120)
    assert path == home / "zoo" / "brief.safetensors" and not list(shipped.iterdir())
    assert wb.load("wb/brief").source["origin"] == "Transfer Workbench"
    assert keeping.pretrain("brief", images=120, out=tmp_path / "there").parent == tmp_path / "there"
    assert keeping.zoo("brief", pretraining.plan("brief", seed=4)) == home / "zoo"
    assert keeping.zoo("brief", pretraining.plan("brief")) == shipped


def test_a_damaged_file_is_named(shipped):
    path = keeping.pretrain("brief")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000] + bytes(1000))
    with pytest.raises(BadValue, match=r"brief\.safetensors is not the file that its index lists"):
        wb.load("wb/brief")
    path.write_bytes(whole[:900])
    with pytest.raises(BadValue, match=r"brief\.safetensors.*cut short"):
        wb.load("wb/brief")
    path.unlink()
    with pytest.raises(BadValue, match=r"lists the file brief\.safetensors, which is not in that folder"):
        wb.load("wb/brief")


def test_what_is_not_a_recipe_is_refused_with_those_that_are(capsys):
    assert cli.main(["pretrain", "residual-shap"]) == 2
    error = capsys.readouterr().err
    assert "did you mean residual-shape" in error and "residual-rotation" in error
    assert cli.main(["pretrain", "residual-shape", "--images", "3"]) == 2
    assert "from 100 to 100,000,000 images; got 3" in capsys.readouterr().err
    with pytest.raises(UnknownName, match="no net of the built-in zoo is called 'nothing'"):
        wb.load("wb/nothing")


@pytest.mark.parametrize("name", list(pretraining.RECIPES))
def test_every_recipe_is_sound(name):
    """Its images open, its net is small enough to ship and works at 96 px, its strategy reads such labels."""
    plan = pretraining.plan(name, images=4000)
    assert wb.Plan.from_json(plan.to_json()) == plan
    data = wb.images(plan.data.name, **plan.data.params)
    assert data.kind in strategies[plan.strategy.name].kinds and len(data.part("valid")) > 5
    net = wb.load(plan.backbone.name, **plan.backbone.params)
    net.new_head(list(data.classes))
    assert sum(p.numel() for p in net.parameters()) <= 1.5e6
    assert [net.stages[-1].name, len(net.stages) > 4] == ["head", True]
    large = wb.load(plan.backbone.name, **{**plan.backbone.params, "size": 96})
    assert large.features(torch.rand(1, 3, 96, 96)).shape == (1, net.feature_dim)
