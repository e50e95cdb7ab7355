"""Zoos: the index format of docs/zoo.md, what it refuses, and the real zoo where there is one."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import psutil
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from workbench.errors import BadValue, Unavailable, UnknownName
from workbench.nets.catalogue import zoo_index
from workbench.nets.catalogue.backbone_search import search_backbones
from workbench.nets.loading.net_loader import load_net


def test_an_entry_opens_with_everything_its_index_says(make_zoo, pixels):
    folder = make_zoo(ours=("test_efficientnet", {}))
    net = load_net(folder / "ours")
    assert net.classes == ("ash", "beech", "cedar", "date") and net(pixels).shape == (4, 4)
    assert net.preprocessing.size == 64 and net.preprocessing.std == (0.25, 0.25, 0.25)
    assert net.provenance == {"origin": "made in a test", "licence": "CC0-1.0", "pretrained_on": "nothing"}
    assert net.choice.name == str(folder / "ours")
    assert {p.dtype for p in net.parameters()} == {torch.float32}


def test_every_way_to_name_an_entry(make_zoo, monkeypatch):
    folder = make_zoo(ours=("test_efficientnet", {}))
    first = load_net(folder / "ours").backbone.conv_stem.weight
    monkeypatch.setenv("WORKBENCH_ZOO", os.pathsep.join(["/nowhere", str(folder)]))
    monkeypatch.chdir(folder.parent)
    for name in ("ours", "zoo/ours", "./zoo/ours.safetensors", folder, f"{folder}/"):
        assert torch.equal(load_net(name).backbone.conv_stem.weight, first), name
    assert "ours" in zoo_index.list_zoo_names()


def test_a_name_of_timm_is_not_shadowed(make_zoo, monkeypatch):
    folder = make_zoo(test_resnet=("test_efficientnet", {}))
    monkeypatch.setenv("WORKBENCH_ZOO", str(folder))
    assert type(load_net("test_resnet", pretrained=False).backbone).__name__ == "ResNet"
    assert type(load_net(folder / "test_resnet").backbone).__name__ == "EfficientNet"


def test_the_sentence_without_network_lists_the_zoo(make_zoo, monkeypatch):
    monkeypatch.setenv("WORKBENCH_ZOO", str(make_zoo(ours=("test_efficientnet", {}))))
    with pytest.raises(Unavailable, match="available without network: ours, wb/"):
        load_net("resnet18")
    with pytest.raises(UnknownName, match="did you mean ours"):
        load_net("our")


def test_byob_blocks_are_data(make_zoo, pixels):
    blocks = [{"type": "basic", "d": 1, "c": 16, "s": 2}, {"type": "bottle", "d": 2, "c": 32, "s": 2}]
    folder = make_zoo(ours=("test_byobnet", {"kwargs": {"blocks": blocks, "num_classes": 4}}))
    net = load_net(folder / "ours", pretrained=False)
    assert [s.name for s in net.stages] == ["stem", "stages.0", "stages.1", "head"] and net(pixels).shape == (4, 4)


def test_a_class_file_lies_in_the_folder(make_zoo):
    folder = make_zoo(ours=("test_efficientnet", {"classes": "names.txt"}))
    (folder / "names.txt").write_text("a\nb\nc\nd\n")
    assert load_net(folder / "ours").classes == ("a", "b", "c", "d")


CHANGED = [
    ({"sha256": "0" * 64}, "is not the file that its index lists"),
    ({"file": "other.safetensors"}, "which is not in that folder"),
    ({"classes": ["a", "b"]}, "wants 4 class names; it lists 2"),
    ({"architecture": "resnet_of_ours"}, "which the installed timm does not have"),
    ({"architecture": 3}, "needs an architecture"),
    ({"architecture": "test_resnet"}, "tensors fit"),
    ({"input_size": [64, 64]}, r"is \[3, edge, edge\]"),
    ({"mean": [0.5]}, "mean is three numbers"),
    ({"builder": None, "library": None}, "names no builder"),
    ({"builder": "os.system", "architecture": "touch ran"}, "and nothing else"),
    ({"builder": "timm.models._helpers.load_state_dict"}, "and nothing else"),
    ({"builder": "timm.models.load_checkpoint"}, "and nothing else"),
    ({"builder": "timm.models.vision_transformer.checkpoint_filter_fn"}, "and nothing else"),
    ({"builder": "timm.models.resnet.torch.load"}, "and nothing else"),
    ({"builder": "timm.models.resnet.build_model_with_cfg"}, "and nothing else"),
    ({"builder": "torchvision.models.get_model"}, "and nothing else"),
    ({"builder": "torchvision.io.read_file"}, "and nothing else"),
    ({"builder": "workbench._paths.write_file"}, "and nothing else"),
    ({"kwargs": {"checkpoint_path": "x.pth"}}, "only the index or the name of a net may give its weights"),
    ({"kwargs": {"pretrained": True}}, "only the index or the name of a net may give its weights"),
    ({"kwargs": {"pretrained_cfg": {"file": "x.pth"}}}, "only the index or the name of a net may give its weights"),
    ({"kwargs": [1]}, "kwargs"),
    ({"kwargs": {"blocks": [{"kind": "basic"}]}}, "not fields of timm's ByoBlockCfg"),
]


@pytest.mark.parametrize(("fields", "sentence"), CHANGED)
def test_an_entry_at_odds_with_itself_is_refused(make_zoo, fields, sentence):
    folder = make_zoo(ours=("test_efficientnet", fields))
    (folder.parent / "outside.safetensors").write_bytes((folder / "ours.safetensors").read_bytes())
    with pytest.raises(BadValue, match=sentence):
        load_net(folder / "ours")


@pytest.mark.parametrize(
    "index",
    [
        "",
        "{",
        "[]",
        "3",
        '{"format": "zoo-1"}',
        '{"format": "zoo-1", "nets": [3]}',
        '{"format": "zoo-1", "nets": [{}]}',
    ],
)
def test_a_broken_index_is_refused(tmp_path, index):
    (tmp_path / "zoo.json").write_text(index)
    with pytest.raises(BadValue, match=re.escape(str(tmp_path / "zoo.json"))):
        load_net(tmp_path / "x")


def test_a_folder_of_the_hub_is_a_zoo_of_one(make_zoo):
    folder = make_zoo(model=("test_efficientnet", {}))
    (folder / "zoo.json").unlink()
    config = {"architecture": "test_efficientnet", "num_classes": 4, "label_names": ["a", "b", "c", "d"]}
    (folder / "config.json").write_text(json.dumps({**config, "pretrained_cfg": {"input_size": [3, 96, 96]}}))
    net = load_net(folder)
    assert net.classes == ("a", "b", "c", "d") and net.preprocessing.size == 96


def test_a_zoo_of_several_wants_a_name(make_zoo):
    folder = make_zoo(one=("test_efficientnet", {}), two=("test_resnet", {}))
    with pytest.raises(BadValue, match="is a zoo of 2 nets; name one: zoo/one"):
        load_net(folder)
    with pytest.raises(UnknownName, match="did you mean one"):
        load_net(folder / "onee")


def test_two_entries_of_one_name(make_zoo):
    folder = make_zoo(one=("test_efficientnet", {}), two=("test_efficientnet", {"name": "one"}))
    with pytest.raises(BadValue, match="have the same name"):
        load_net(folder / "one")


def test_the_documented_index_is_one(make_zoo):
    page = (Path(__file__).parents[3] / "docs" / "zoo.md").read_text()
    entry = json.loads(re.search(r"```json\n(.*?)```", page, re.S)[1])["nets"][0]
    recipe = zoo_index.recipe_from_entry(entry)
    assert recipe.classes == ("wren", "robin", "jay") and recipe.preprocessing["size"] == 224
    for field in entry:
        assert f"`{field}`" in page, field


def test_the_real_zoo_opens_whole(real_zoo):
    entries = zoo_index.read_entries(real_zoo)
    assert len(entries) >= 17
    for name, entry in entries.items():
        net = load_net(real_zoo / name)
        assert net.classes and len(net.classes) == entry["num_classes"], name
        assert sum(p.numel() for p in net.parameters()) == entry["parameters"], name
        size = net.preprocessing.size
        assert size == entry["input_size"][1]
        assert net(torch.zeros(1, 3, size, size)).shape == (1, entry["num_classes"]), name
        assert [net.stages[0].name, net.stages[-1].name] == ["stem", "head"]


def test_twins_of_the_real_zoo_agree(real_zoo):
    # the byob form of a CIFAR net reads the image enlarged twice with nearest, and gives the same logits
    own, byob = load_net(real_zoo / "cifar_resnet20"), load_net(real_zoo / "cifar_resnet20_byob")
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    large = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    with torch.no_grad():
        torch.testing.assert_close(own(x), byob(large), atol=2e-2, rtol=0)  # both kept in half precision
        assert torch.equal(own(x).argmax(1), byob(large).argmax(1))


def test_a_net_made_again_keeps_its_place_in_the_index(tmp_path):
    for name, file in (("z", "1"), ("a", "2"), ("m", "3"), ("a", "4")):
        zoo_index.add_entry(tmp_path, {"name": name, "file": file, "architecture": "test_vit"})
    assert [(name, entry["file"]) for name, entry in zoo_index.read_entries(tmp_path).items()] == [
        ("z", "1"),
        ("a", "4"),
        ("m", "3"),
    ]


OUTSIDE = [
    "../outside",
    "a/../../outside",
    "{folder}/../outside",
    "..\\outside",
    "C:\\outside",
    "~/outside",
    "link",
    "\0",
]


@pytest.mark.parametrize("field", ["file", "classes"])
@pytest.mark.parametrize("path", OUTSIDE)
def test_no_field_names_a_file_outside_of_the_folder(make_zoo, field, path):
    folder = make_zoo(ours=("test_efficientnet", {}))
    (folder.parent / "outside").write_bytes((folder / "ours.safetensors").read_bytes())
    (folder / "link").symlink_to(folder.parent / "outside")
    index = json.loads((folder / "zoo.json").read_text())
    index["nets"][0][field] = path.format(folder=folder)
    (folder / "zoo.json").write_text(json.dumps(index))
    with pytest.raises(BadValue, match="not in that folder|is a path outside of its folder"):
        load_net(folder / "ours")


def test_no_other_field_leads_outside_either(make_zoo):
    for field in ("licence", "interpolation", "architecture", "licence_file", "notes"):
        folder = make_zoo(ours=("test_efficientnet", {field: "../../etc/passwd"}))
        with pytest.raises(BadValue, match="is a path outside of its folder"):
            load_net(folder / "ours")
    folder = make_zoo(ours=("test_efficientnet", {"origin_repository": "/home/of/somebody"}))
    assert load_net(folder / "ours").provenance["origin"] == "/home/of/somebody"


def test_the_catalogue_looks_at_no_file_outside(make_zoo, monkeypatch):
    folder = make_zoo(ours=("test_efficientnet", {"file": "../there.safetensors"}), more=("test_resnet", {}))
    (folder.parent / "there.safetensors").touch()
    monkeypatch.setenv("WORKBENCH_ZOO", str(folder))
    rows = search_backbones().set_index("name")
    assert not rows.loc["ours", "offline"] and rows.loc["more", "offline"]


def test_a_deeply_nested_index_is_refused(tmp_path):
    (tmp_path / "zoo.json").write_text('{"format": "zoo-1", "nets": ' + "[" * 100_000 + "]" * 100_000 + "}")
    with pytest.raises(BadValue, match="is not valid JSON"):
        load_net(tmp_path / "x")


IMMENSE = [
    ("test_vit", {"embed_dim": 16384, "depth": 6}, "does not fit"),
    ("test_vit", {"depth": 100_000}, "layers, far more than its file has weights for"),
    ("test_resnet", {"num_classes": 1_000_000}, "does not fit"),
    ("test_resnet", {"num_classes": 10**12}, "none is above"),
    ("test_efficientnet", {"pad_type": "9" * 30}, "none is above"),
]


@pytest.mark.parametrize(("architecture", "kwargs", "sentence"), IMMENSE)
@pytest.mark.parametrize("pretrained", [True, False])
def test_a_small_file_takes_little_memory(tmp_path, architecture, kwargs, sentence, pretrained):
    """What a net would take is known before it is built: its file is far too small for it."""
    save_file({"a": torch.zeros(8)}, tmp_path / "small.safetensors", {"architecture": architecture, "library": "timm"})
    entry = {"name": "small", "file": "small.safetensors", "architecture": architecture, "library": "timm"}
    index = {"format": "zoo-1", "nets": [{**entry, "kwargs": kwargs}]}
    (tmp_path / "zoo.json").write_text(json.dumps(index))
    before = psutil.Process().memory_info().rss
    with pytest.raises(BadValue, match=sentence):
        load_net(tmp_path / "small", pretrained=pretrained)
    assert psutil.Process().memory_info().rss - before < 300e6


def test_a_saved_net_is_compared_with_its_recipe_first(tmp_path):
    net = load_net("test_resnet", classes=3, pretrained=False)
    net.save(tmp_path / "net.safetensors")
    state = load_file(tmp_path / "net.safetensors")
    with safe_open(tmp_path / "net.safetensors", "pt") as file:
        recipe = json.loads(file.metadata()["workbench"])
    recipe["kwargs"] = {"num_classes": 1_000_000}
    save_file(state, tmp_path / "net.safetensors", {"workbench": json.dumps(recipe)})
    with pytest.raises(BadValue, match="does not fit"):
        load_net(tmp_path / "net.safetensors")
