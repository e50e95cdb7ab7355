"""Published weights: from the cache by timm's own mechanism, and a sentence at once where they are not."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from workbench.errors import BadValue, Unavailable
from workbench.nets.loading import hub, model_builders
from workbench.nets.loading.net_loader import load_net


@pytest.fixture
def fetched(alone):
    """A cache as the hub leaves it, holding made-up weights of test_resnet.r160_in1k."""
    folder = alone / "hub" / "models--timm--test_resnet.r160_in1k"
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    model = model_builders.call_with_seed(21, timm.create_model, "test_resnet")
    save_file(model.state_dict(), folder / "snapshots" / "abc" / "model.safetensors")
    return model


def test_cached_weights_need_no_network(fetched, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: pytest.fail("a connection was tried"))
    x = torch.rand(2, 3, 160, 160)
    for name in ("test_resnet", "test_resnet.r160_in1k"):
        net = load_net(name)
        torch.testing.assert_close(net(x), fetched((x - net.mean) / net.std), atol=1e-5, rtol=1e-5)
    assert net.classes and net.classes[0].startswith("tench") and len(net.classes) == 1000
    assert net.provenance["origin"] == "timm/test_resnet.r160_in1k" and net.provenance["licence"]
    assert load_net("test_resnet", classes=3)(x).shape == (2, 3)
    assert "test_resnet.r160_in1k" in hub.list_offline_names()


def test_cached_weights_take_another_size(alone):
    folder = alone / "hub" / "models--timm--test_vit.r160_in1k" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder.parents[1] / "refs").mkdir()
    (folder.parents[1] / "refs" / "main").write_text("abc")
    save_file(timm.create_model("test_vit").state_dict(), folder / "model.safetensors")
    assert load_net("test_vit", size=96)(torch.zeros(1, 3, 96, 96)).shape == (1, 1000)


def test_offline_by_choice(fetched):
    begin = time.monotonic()
    with pytest.raises(Unavailable, match=r"HF_HUB_OFFLINE is set; .*test_resnet.r160_in1k.*pretrained=False"):
        load_net("resnet18")
    assert time.monotonic() - begin < 2


def hang(*args, **kwargs):
    time.sleep(3)
    raise OSError("no route to host")


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_0"])
def test_a_network_that_hangs_is_away_after_a_moment(monkeypatch, name):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(hub, "CONNECT_TIMEOUT", 0.2)
    monkeypatch.setattr(socket, "create_connection", hang)
    begin = time.monotonic()
    with pytest.raises(Unavailable, match="does not answer"):
        load_net(name)
    assert time.monotonic() - begin < 2


def test_a_download_that_fails_is_one_sentence(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("connection reset\nand a long trace")

    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(hub, "_is_reachable", lambda host, port: True)
    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(Unavailable, match="resnet18 could not be loaded: connection reset$"):
        load_net("resnet18")


def test_an_architecture_without_published_weights():
    name = next(n for n in timm.list_models("*") if not timm.models.get_arch_pretrained_cfgs(n) or _bare(n))
    with pytest.raises(BadValue, match="no weights are published for"):
        load_net(name)


def _bare(name):
    config = timm.get_pretrained_cfg(name)
    return config is None or not (config.hf_hub_id or config.url or config.file)


def test_torchvisions_cache_is_read(alone, monkeypatch):
    import torchvision

    folder = Path(torch.hub.get_dir()) / "checkpoints"
    folder.mkdir(parents=True)
    url = torchvision.models.get_model_weights("squeezenet1_0").DEFAULT.url
    model = model_builders.call_with_seed(3, torchvision.models.squeezenet1_0)
    torch.save(model.state_dict(), folder / url.rsplit("/", 1)[-1])
    x = torch.rand(1, 3, 96, 96)
    net = load_net("squeezenet1_0")
    torch.testing.assert_close(net(x), model((x - net.mean) / net.std), atol=1e-5, rtol=1e-5)
    assert net.classes[0] == "tench" and net.provenance["pretrained_on"] == "ImageNet-1k"
