"""Pretraining a net of the built-in zoo: the recipes are sound, the net is kept with how it was made, and loads."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

import workbench as wb
from workbench import cli
from workbench.errors import BadValue, UnknownName
from workbench.nets.catalogue import zoo_index
from workbench.plan import Choice
from workbench.runs import pretraining, pretraining_recipes
from workbench.runs.folder import run_files as files
from workbench.strategies import strategies

BLOCK = {"type": "basic", "d": 1, "c": 16, "s": 2, "br": 1.0}
SMALL = {"stem_chs": 8, "attn_layer": "", "blocks": [BLOCK, BLOCK]}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Recipes of a second: a net of two blocks."""
    brief = {"n_images": 160, "architecture": ("test_byobnet", SMALL), "image_size": 32}
    recipes = {
        "brief": pretraining_recipes.Recipe(
            "hue", pretraining_recipes.world_choice("hue"), settings={"batch_size": 16}, **brief
        ),
        "blind": pretraining_recipes.Recipe(
            "turns", pretraining_recipes.world_choice("hue"), strategy=Choice("rotation"), keeps_head=False, **brief
        ),
    }
    monkeypatch.setattr(pretraining_recipes, "MIN_IMAGES", 100)
    monkeypatch.setattr(pretraining_recipes, "RECIPES", {**pretraining_recipes.RECIPES, **recipes})


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A package whose built-in zoo is empty and can be written."""
    folder = tmp_path / "package" / "zoo"
    folder.mkdir(parents=True)
    monkeypatch.setattr(zoo_index, "BUILTIN_FOLDER", folder)
    return folder


def test_a_net_is_pretrained_kept_and_loads(shipped, capsys):
    assert cli.main(["pretrain", "brief"]) == 0
    out = capsys.readouterr().out
    assert "brief: 100.0%" in out and str(shipped / "brief.safetensors") in out
    held = load_file(shipped / "brief.safetensors")
    assert held["backbone.stages.0.0.conv1_kxk.conv.weight"].dtype == torch.float16
    assert held["backbone.stages.0.0.conv1_kxk.bn.running_var"].dtype == torch.float32
    net, run = wb.load_net("wb/brief"), wb.load_run(files.find_run_folder(next(files.iter_run_folders())))
    assert net.classes == tuple(run.images.classes) and {p.dtype for p in net.parameters()} == {torch.float32}
    assert net.preprocessing == run.net().preprocessing and net.preprocessing.size == 32
    assert (
        net.provenance["pretrained_on"] == "Transfer Workbench world: hue" and net.provenance["licence"] == "Apache-2.0"
    )
    torch.testing.assert_close(net(x := torch.rand(2, 3, 32, 32)), run.net()(x), atol=1e-2, rtol=1e-2)
    assert wb.evaluate(net, run.images).accuracy == pytest.approx(run.evaluate().accuracy, abs=0.1)
    assert wb.load_net("wb/brief", classes=["a", "b", "c"])(x).shape == (2, 3)
    row = wb.search_backbones("wb/brief").iloc[0]
    assert row["offline"] and row["parameters"] == sum(p.numel() for p in net.parameters())


def test_how_it_was_made_stands_in_the_index_and_in_the_file(shipped):
    pretraining.pretrain("brief")
    entry = json.loads((shipped / "zoo.json").read_text())["nets"][0]
    made = entry["made"]
    assert made["command"] == "workbench pretrain brief --images 160 --seed 0"
    assert wb.Plan(**made["plan"]) == pretraining_recipes.make_plan("brief")
    assert made["images_seen"] == 128 and made["seconds"] >= 0 and made["workbench"] == wb.__version__
    assert 0 <= made["valid"]["accuracy"] <= 1 and made["device"]
    from workbench.nets.loading.weight_files import read_metadata

    assert read_metadata(shipped / "brief.safetensors")["made"] == made


def test_what_learnt_without_labels_has_no_head(shipped):
    path = pretraining.pretrain("blind")
    entry = zoo_index.read_entries(shipped)["blind"]
    assert "classes" not in entry and entry["kwargs"]["num_classes"] == 0
    net = wb.load_net("wb/blind")
    assert net.classes is None and not any(name.startswith("head.") for name in load_file(path))
    x = torch.rand(2, 3, 32, 32)
    assert net(x).shape == (2, 16) and torch.equal(net(x), net.features(x))
    assert wb.load_net("wb/blind", classes=3)(x).shape == (2, 3)


def test_the_same_command_goes_on_with_the_same_run(shipped, monkeypatch, capsys):
    planned = pretraining_recipes.make_plan("brief")
    made = pretraining_recipes.run_folder("brief", planned)
    assert pretraining_recipes.run_folder("brief", pretraining_recipes.make_plan("brief", threads=3)) == made
    assert pretraining_recipes.run_folder("brief", pretraining_recipes.make_plan("brief", seed=1)) != made

    class Impatient(pretraining.ProgressPrinter):
        def __call__(self, point, status):
            if status.step >= 2:
                (made / files.STOP).touch()

    with monkeypatch.context() as patched:
        patched.setattr(pretraining, "ProgressPrinter", Impatient)
        assert cli.main(["pretrain", "brief"]) == 1
    assert "the same command resumes it" in capsys.readouterr().err
    stopped = wb.load_run(made)
    assert stopped.status.state == "stopped" and not list(shipped.iterdir())
    before = stopped.points
    assert cli.main(["pretrain", "brief"]) == 0
    again = wb.load_run(made)
    assert again.status.state == "done" and len(list(files.iter_run_folders())) == 1
    assert again.points["step"].iloc[: len(before)].tolist() == before["step"].tolist()
    capsys.readouterr()
    assert cli.main(["pretrain", "brief"]) == 0  # nothing is left to do but to keep the net
    assert "%" not in capsys.readouterr().out


def test_a_trial_never_replaces_a_shipped_net(shipped, home, tmp_path):
    path = pretraining.pretrain("brief", n_images=120)
    assert path == home / "zoo" / "brief.safetensors" and not list(shipped.iterdir())
    assert wb.load_net("wb/brief").provenance["origin"] == "Transfer Workbench"
    assert pretraining.pretrain("brief", n_images=120, folder=tmp_path / "there").parent == tmp_path / "there"
    assert pretraining.choose_zoo_folder("brief", pretraining_recipes.make_plan("brief", seed=4)) == home / "zoo"
    assert pretraining.choose_zoo_folder("brief", pretraining_recipes.make_plan("brief")) == shipped


def test_a_damaged_file_is_named(shipped):
    path = pretraining.pretrain("brief")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000] + bytes(1000))
    with pytest.raises(BadValue, match=r"brief\.safetensors is not the file that its index lists"):
        wb.load_net("wb/brief")
    path.write_bytes(whole[:900])
    with pytest.raises(BadValue, match=r"brief\.safetensors.*may be truncated"):
        wb.load_net("wb/brief")
    path.unlink()
    with pytest.raises(BadValue, match=r"lists the file brief\.safetensors, which is not in that folder"):
        wb.load_net("wb/brief")


def test_what_is_not_a_recipe_is_refused_with_those_that_are(capsys):
    assert cli.main(["pretrain", "residual-shap"]) == 2
    error = capsys.readouterr().err
    assert "did you mean residual-shape" in error and "residual-rotation" in error
    assert cli.main(["pretrain", "residual-shape", "--images", "3"]) == 2
    assert "expected 100 to 100,000,000 images for a pretraining, got 3" in capsys.readouterr().err
    with pytest.raises(UnknownName, match="no net of the built-in zoo is called 'nothing'"):
        wb.load_net("wb/nothing")


@pytest.mark.parametrize("name", list(pretraining_recipes.RECIPES))
def test_every_recipe_is_sound(name):
    """Its images open, its net is small enough to ship and works at 96 px, its strategy reads such labels."""
    plan = pretraining_recipes.make_plan(name, n_images=4000)
    assert wb.Plan.from_json(plan.to_json()) == plan
    data = wb.load_images(plan.data.name, **plan.data.params)
    assert data.kind in strategies[plan.strategy.name].label_kinds and len(data.subset("valid")) > 5
    net = wb.load_net(plan.backbone.name, **plan.backbone.params)
    net.reset_head(list(data.classes))
    assert sum(p.numel() for p in net.parameters()) <= 1.5e6
    assert [net.stages[-1].name, len(net.stages) > 4] == ["head", True]
    large = wb.load_net(plan.backbone.name, **{**plan.backbone.params, "size": 96})
    assert large.features(torch.rand(1, 3, 96, 96)).shape == (1, net.feature_dim)
