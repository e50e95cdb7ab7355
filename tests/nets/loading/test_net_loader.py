"""`load_net`: every kind of name, and every refusal with its sentence."""

from __future__ import annotations

import json
import pickle
import zipfile

import pytest
import timm
import torch
from safetensors.torch import save_file

from workbench.errors import BadValue, Unavailable, UnknownName, WorkbenchError
from workbench.nets.loading.net_loader import load_net
from workbench.nets.preprocessing import Preprocessing

SMALL = "test_efficientnet"


def test_random_weights_follow_the_seed_and_leave_torch_alone():
    torch.manual_seed(123)
    expected = torch.rand(3)
    torch.manual_seed(123)
    one, same, other = (load_net(SMALL, classes=3, pretrained=False, seed=s) for s in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one.backbone.conv_stem.weight, same.backbone.conv_stem.weight)
    assert torch.equal(one.head.weight, same.head.weight)
    assert not torch.equal(one.backbone.conv_stem.weight, other.backbone.conv_stem.weight)
    assert not torch.equal(one.head.weight, other.head.weight)


def test_a_net_comes_in_evaluation_mode_with_its_preprocessing():
    net = load_net(SMALL, pretrained=False)
    assert not net.training and net.preprocessing.size == 160 and net.classes is None
    assert net.choice.name == SMALL and net.choice.params == {"pretrained": False}


def test_the_choice_opens_the_same_net(pixels):
    net = load_net(
        SMALL, ["a", "b"], pretrained=False, size=96, preprocessing={"mean": (0, 0, 0)}, seed=9, drop_rate=0.1
    )
    again = load_net(net.choice.name, **json.loads(json.dumps(dict(net.choice.params))))
    assert again.choice == net.choice and again.preprocessing == net.preprocessing
    assert torch.equal(net(pixels), again(pixels))


@pytest.mark.parametrize("name", ["test_vit", "timm/test_vit", "test_vit.r160_in1k"])
def test_names_of_timm(name):
    assert load_net(name, pretrained=False).choice.name == name.removeprefix("timm/")


@pytest.mark.parametrize("name", ["squeezenet1_0", "alexnet", "googlenet", "torchvision/squeezenet1_1"])
def test_names_of_torchvision(name):
    net = load_net(name, classes=5, pretrained=False)
    assert net.choice.name == f"torchvision/{name.removeprefix('torchvision/')}"
    assert net(torch.zeros(1, 3, 96, 96)).shape == (1, 5)


def test_a_size_of_its_own_resamples_positions():
    plain, large = load_net("test_vit", pretrained=False), load_net("test_vit", pretrained=False, size=192)
    assert large.preprocessing.size == 192
    assert large.backbone.pos_embed.shape[1] == 12 * 12 + 1 != plain.backbone.pos_embed.shape[1]
    assert load_net("test_vit", pretrained=False, img_size=192).preprocessing.size == 192


def test_a_saved_net_opens_at_another_size(tmp_path):
    net = load_net("test_vit", classes=3, pretrained=False)
    net.save(tmp_path / "net.safetensors")
    wider = load_net(tmp_path / "net.safetensors", size=224)
    assert wider(torch.zeros(1, 3, 224, 224)).shape == (1, 3)
    assert torch.equal(wider.backbone.blocks[0].attn.qkv.weight, net.backbone.blocks[0].attn.qkv.weight)


def test_pixels_of_another_size_enter_a_net_of_fixed_size(pixels):
    assert load_net("test_vit", classes=3, pretrained=False)(pixels).shape == (4, 3)


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"model": s}])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
def test_state_dicts_plain_wrapped_and_prefixed(tmp_path, state, wrap, prefix):
    path = tmp_path / "weights.pth"
    torch.save(wrap({prefix + k: v.half() if v.is_floating_point() else v for k, v in state.items()}), path)
    net = load_net(path, architecture=SMALL)
    assert net.backbone.conv_stem.weight.dtype == torch.float32
    torch.testing.assert_close(net.backbone.conv_stem.weight, state["conv_stem.weight"].half().float())
    assert net.head.out_features == 1000


def test_a_file_says_how_many_classes_it_has(tmp_path):
    save_file(timm.create_model(SMALL, num_classes=13).state_dict(), tmp_path / "w.safetensors")
    assert load_net(tmp_path / "w.safetensors", architecture=SMALL).head.out_features == 13
    assert load_net(tmp_path, architecture=SMALL).head.out_features == 13
    assert load_net(tmp_path, architecture=SMALL, classes=2).head.out_features == 2


def test_metadata_of_a_file_stands_in_for_an_index(tmp_path, state):
    metadata = {"architecture": SMALL, "builder": "timm.create_model", "input_size": "[3, 96, 96]"}
    save_file(state, tmp_path / "w.safetensors", metadata)
    assert load_net(tmp_path / "w.safetensors").preprocessing.size == 96


def test_a_finished_run_opens_by_its_folder(tmp_path):
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(Unavailable, match=r"has no weights\.safetensors yet"):
        load_net(tmp_path)
    net = load_net(SMALL, classes=["a", "b", "c"], pretrained=False, seed=3)
    net.save(tmp_path / "weights.safetensors")
    again = load_net(tmp_path)
    assert again.classes == ("a", "b", "c") and torch.equal(again.head.weight, net.head.weight)


class Code:
    """Writes a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def _pickle(folder, state):
    torch.save({"state_dict": state, "extra": Code(folder / "ran")}, folder / "w.pth")
    return folder / "w.pth"


def _plain_pickle(folder, _state):
    (folder / "w.pt").write_bytes(pickle.dumps(Code(folder / "ran")))
    return folder / "w.pt"


@pytest.mark.parametrize("make", [_pickle, _plain_pickle])
def test_a_pickle_with_code_is_refused_and_nothing_of_it_runs(tmp_path, state, make):
    with pytest.raises(BadValue):
        load_net(make(tmp_path, state), architecture=SMALL)
    assert not (tmp_path / "ran").exists()


def _cut(folder, state):
    save_file(state, folder / "w.safetensors")
    whole = (folder / "w.safetensors").read_bytes()
    (folder / "w.safetensors").write_bytes(whole[: len(whole) // 2])


def _cut_torch(folder, state):
    torch.save(state, folder / "w.pth")
    whole = (folder / "w.pth").read_bytes()
    (folder / "w.pth").write_bytes(whole[: len(whole) // 2])


def _no_state(folder, _state):
    torch.save({"epoch": 3, "loss": [1.0]}, folder / "w.pth")


def _other(folder, _state):
    save_file(timm.create_model("test_resnet").state_dict(), folder / "w.safetensors")


def _renamed(folder, state):
    save_file({f"x.{k}": v for k, v in state.items()}, folder / "w.safetensors")


def _extra(folder, state):
    save_file({**state, "more": torch.zeros(2)}, folder / "w.safetensors")


def _two(folder, state):
    save_file(state, folder / "a.safetensors")
    save_file(state, folder / "b.safetensors")


def _script(folder, _state):
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(folder / "w.pt"))


def _exported(folder, _state):
    torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),)), str(folder / "w.pt"))


def _packed(folder, state):
    torch.save(state, folder / "plain")
    with zipfile.ZipFile(folder / "plain") as plain, zipfile.ZipFile(folder / "w.pth", "w", zipfile.ZIP_LZMA) as packed:
        for name in plain.namelist():
            packed.writestr(name, b"\0" * len(plain.read(name)) if "/data/" in name else plain.read(name))


def _spread(folder, state):
    torch.save({"a": torch.zeros(1).expand(2**30)}, folder / "w.pth")


FILES = [
    (_script, "is TorchScript, a program with its weights inside; none of it was executed"),
    (_exported, "is a program of torch.export"),
    (_packed, "is compressed, which torch.save does not do"),
    (_spread, "is larger than its stored data"),
    (lambda folder, state: None, "contains no weights"),
    (_two, "holds 2 files of weights, a.safetensors, b.safetensors"),
    (_cut, "cannot be read as weights"),
    (_cut_torch, "cannot be read as weights"),
    (lambda folder, state: (folder / "w.safetensors").write_bytes(b""), "cannot be read as weights"),
    (lambda folder, state: (folder / "w.pth").write_bytes(b"hello"), "cannot be read|contains Python objects"),
    (_no_state, "contains no state dict"),
    (_other, r"\d+ of the net's \d+ tensors fit"),
    (_renamed, r": 0 of the net's \d+ tensors fit"),
    (_extra, "1 in the file are not in the net, such as more"),
    (lambda folder, state: (folder / "zoo.json").write_text("{nets"), "is not valid JSON"),
    (lambda folder, state: (folder / "zoo.json").write_text('{"format": "zoo-9", "nets": []}'), "zoo-1"),
]


@pytest.mark.parametrize(("make", "sentence"), FILES)
def test_a_folder_that_cannot_be_used_is_refused(tmp_path, state, make, sentence):
    make(tmp_path, state)
    with pytest.raises(BadValue, match=sentence):
        load_net(tmp_path, architecture=SMALL)


def test_a_file_that_does_not_say_what_it_is(tmp_path, state):
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(BadValue, match="does not contain its architecture"):
        load_net(tmp_path / "w.safetensors")


REFUSED = [
    (("resnet81",), {}, UnknownName, "did you mean .*resnet18"),
    (("mobilnetv2_100",), {}, UnknownName, "did you mean mobilenetv2_100"),
    (("resnet18.a9_in1k",), {}, UnknownName, r"did you mean .*resnet18\.a1_in1k"),
    (("torchvision/squeezenet",), {}, UnknownName, "did you mean squeezenet1_"),
    (("xyzzy",), {}, UnknownName, "no backbone is called 'xyzzy'"),
    (("wb/nothing",), {}, UnknownName, "no net of the built-in zoo is called 'nothing'.*workbench pretrain"),
    (("no/such/folder",), {}, UnknownName, "there is no file or folder"),
    (("missing.safetensors",), {}, UnknownName, "there is no file or folder"),
    (("",), {}, BadValue, "a name or a path"),
    ((None,), {}, BadValue, "a name or a path"),
    ((3,), {}, BadValue, "a name or a path"),
    ((SMALL, 0), {}, BadValue, "expected at least 2 classes; got 0"),
    ((SMALL, 1), {}, BadValue, "expected at least 2 classes; got 1"),
    ((SMALL, -3), {}, BadValue, "at least 2 classes"),
    ((SMALL, []), {}, BadValue, "at least 2 classes"),
    ((SMALL, ["a"]), {}, BadValue, "at least 2 classes"),
    ((SMALL, ["a", "b", "a"]), {}, BadValue, "two classes have the name 'a'"),
    ((SMALL, "ab"), {}, BadValue, r"a whole number, a list \(each item a string\) or None; got 'ab'"),
    ((SMALL, True), {}, BadValue, r"a list \(each item a string\) or None; got True"),
    ((SMALL, 2.5), {}, BadValue, r"a list \(each item a string\) or None; got 2.5"),
    ((SMALL,), {"size": 0}, BadValue, "from 1 to 4096; got 0"),
    ((SMALL,), {"size": -32}, BadValue, "from 1 to 4096"),
    ((SMALL,), {"size": "large"}, BadValue, "size of load_net wants a whole number or None; got 'large'"),
    ((SMALL,), {"size": float("nan")}, BadValue, "size of load_net wants a whole number or None; got nan"),
    ((SMALL,), {"size": 100_000}, BadValue, "from 1 to 4096"),
    ((SMALL,), {"size": 64, "preprocessing": {"size": 96}}, BadValue, "two sizes were given, 64 and 96"),
    (("test_vit",), {"size": 100}, BadValue, "patches are 16 px wide, try 96 or 112"),
    (("test_vit",), {"size": 8}, BadValue, "try 16"),
    (("inception_v3",), {"size": 32}, BadValue, "cannot take images of 32 px"),
    (("levit_128s",), {"size": 100}, BadValue, "cannot take images of 100 px; it was made for 224 px"),
    ((SMALL,), {"preprocessing": {"men": (0, 0, 0)}}, UnknownName, "did you mean mean"),
    ((SMALL,), {"preprocessing": {"mean": (0, 0)}}, BadValue, "mean is three numbers"),
    ((SMALL,), {"preprocessing": {"std": (0, 1, 1)}}, BadValue, "above 0 in every channel"),
    ((SMALL,), {"preprocessing": 3}, BadValue, "wants a Preprocessing, a mapping or None; got 3"),
    ((SMALL,), {"nonsense": 3}, BadValue, "cannot be built with .*nonsense=3"),
    (
        (SMALL,),
        {"checkpoint_path": "/etc/passwd"},
        BadValue,
        "only the index or the name of a net may give its weights",
    ),
    ((SMALL,), {"seed": -1}, BadValue, "seed"),
    (("hf-hub:someone/something",), {}, WorkbenchError, "hf-hub"),
]


@pytest.mark.parametrize(("given", "options", "kind", "sentence"), REFUSED)
def test_refusals_say_what_was_wanted(given, options, kind, sentence):
    with pytest.raises(kind, match=sentence):
        load_net(*given, **{"pretrained": False, **options})


def test_a_mismatch_on_purpose():
    own = load_net(SMALL, pretrained=False).preprocessing
    wrong = load_net(SMALL, pretrained=False, preprocessing={"std": (1.0, 1.0, 1.0)})
    assert wrong.preprocessing == own.replace(std=(1, 1, 1))
    whole = Preprocessing(96, (0, 0, 0), (1, 1, 1))
    assert load_net(SMALL, pretrained=False, preprocessing=whole).preprocessing == whole
