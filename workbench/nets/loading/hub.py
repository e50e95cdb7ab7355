"""Published weights of timm and torchvision: from the cache or the network, or an error that lists local nets."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.errors import BadValue, Unavailable, UnknownName
from workbench.formatting import summarize_names
from workbench.nets.catalogue import zoo_index

CONNECT_TIMEOUT = 3.0  # seconds to wait for a connection before the network counts as unreachable
WEIGHT_FILE_NAMES = ("model.safetensors", "pytorch_model.bin")


def check_tag(name: str) -> None:
    """Check that timm lists weights by a name of the form `architecture.tag`; a bare architecture passes.

    Raises:
        UnknownName: it does not.
    """
    from timm.models import get_arch_pretrained_cfgs

    architecture, _, tag = name.partition(".")
    known = [n for n in get_arch_pretrained_cfgs(architecture) if "." in n]
    if tag and name not in known:
        raise UnknownName.of(f"set of weights of {architecture}", name, known)


def get_timm_config(name: str) -> Any:
    """Return timm's record of one set of weights: location, input size, mean, std.

    Args:
        name: an architecture, or `architecture.tag`.

    Raises:
        BadValue: no weights are published.
    """
    import timm

    config = timm.get_pretrained_cfg(name)
    if config is None or not (config.hf_hub_id or config.url or config.file):
        raise BadValue(f"no weights are published for {name} through timm; pretrained=False gives random ones")
    return config


def find_cached_file(config: Any) -> Path | None:
    """Return the file of a timm record in the local cache; None if it was never downloaded."""
    if config.hf_hub_id:
        from huggingface_hub import try_to_load_from_cache

        repository, _, revision = config.hf_hub_id.partition("@")
        for file in (config.hf_hub_filename,) if config.hf_hub_filename else WEIGHT_FILE_NAMES:
            path = try_to_load_from_cache(repository, file, revision=revision or None)
            if isinstance(path, str):
                return Path(path)
    return find_torch_cached_file(config.url) if config.url else None


def find_torch_cached_file(url: str) -> Path | None:
    """Return the file of a URL in torch's cache; None if it was never downloaded."""
    import torch

    path = Path(torch.hub.get_dir(), "checkpoints", url.rsplit("/", 1)[-1])
    return path if path.is_file() else None


def get_imagenet_class_names(model: Any) -> tuple[str, ...] | None:
    """Return the class names of timm's ImageNet nets; None for other data."""
    from timm.data import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset(model) if (model.num_classes or 0) >= 1000 else None
    if not subset:
        return None
    info = ImageNetInfo(subset)
    return tuple(info.index_to_description(index) for index in range(info.num_classes()))


def check_network(name: str, url: str | None = None) -> None:
    """Check that a download can start; otherwise raise at once with the reason and the nets that are available.

    Args:
        url: location of the weights; None for the Hugging Face hub.

    Raises:
        Unavailable: offline mode is set, or the server does not answer within three seconds.
    """
    if any(os.environ.get(v, "").lower() in ("1", "true", "yes", "on") for v in ("HF_HUB_OFFLINE", "HF_OFFLINE")):
        raise Unavailable(_describe_missing_weights(name, "HF_HUB_OFFLINE is set"))
    if url is None:
        from huggingface_hub import constants

        url = constants.ENDPOINT
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    target = urlsplit(proxy if proxy and "//" in proxy else url)
    port = target.port or (443 if target.scheme == "https" else 80)
    if not _is_reachable(target.hostname or "", port):
        raise Unavailable(_describe_missing_weights(name, f"{target.hostname} does not answer"))


def list_offline_names() -> list[str]:
    """List the names that `load_net` accepts without a network."""
    return [*zoo_index.list_zoo_names(), *_list_cached_timm_names()]


def _list_cached_timm_names() -> list[str]:
    """List the names of timm's weights in the Hugging Face cache."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    names = []
    for path in sorted(folder.glob("models--timm--*")):
        with contextlib.suppress(OSError):
            if any((snapshot / file).exists() for snapshot in path.glob("snapshots/*") for file in WEIGHT_FILE_NAMES):
                names.append(path.name.removeprefix("models--timm--"))
    return names


def _describe_missing_weights(name: str, reason: str) -> str:
    # the user's own nets before the built-in ones
    available = sorted(list_offline_names(), key=lambda offline_name: offline_name.startswith("wb/"))
    listed = summarize_names(available, 8)
    return (
        f"the weights of {name} are not on this machine, and {reason}; available without network: "
        f"{listed or 'nothing by name'}, your own files, folders and zoos, and random weights with pretrained=False"
    )


def _is_reachable(host: str, port: int) -> bool:
    """Return whether a connection opens in time; runs in a thread, since name lookup has no time limit."""
    connected = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=CONNECT_TIMEOUT):
            connected.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECT_TIMEOUT)
    return connected.is_set()
