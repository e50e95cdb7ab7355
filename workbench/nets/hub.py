"""Weights that timm and torchvision publish: from the cache, from the network, or a sentence that says what is here."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.errors import BadValue, Unavailable, UnknownName
from workbench.nets import zoos

PATIENCE = 3.0  # seconds to wait for a connection before the network counts as away
FILES = ("model.safetensors", "pytorch_model.bin")


def check_tag(name: str) -> None:
    """Whether timm lists weights by a name of the form `architecture.tag`; a bare architecture passes.

    Raises:
        UnknownName: it does not.
    """
    from timm.models import get_arch_pretrained_cfgs

    architecture, _, tag = name.partition(".")
    known = [n for n in get_arch_pretrained_cfgs(architecture) if "." in n]
    if tag and name not in known:
        raise UnknownName.of(f"set of weights of {architecture}", name, known)


def timm_config(name: str) -> Any:
    """timm's record of one set of weights: where they are, input size, mean, std.

    Args:
        name: an architecture, or `architecture.tag`.

    Raises:
        BadValue: nobody published any.
    """
    import timm

    config = timm.get_pretrained_cfg(name)
    if config is None or not (config.hf_hub_id or config.url or config.file):
        raise BadValue(f"nobody published weights of {name} through timm; pretrained=False gives random ones")
    return config


def cached(config: Any) -> Path | None:
    """The file of a timm record in the local cache, if it was fetched before."""
    if config.hf_hub_id:
        from huggingface_hub import try_to_load_from_cache

        repository, _, revision = config.hf_hub_id.partition("@")
        for file in (config.hf_hub_filename,) if config.hf_hub_filename else FILES:
            found = try_to_load_from_cache(repository, file, revision=revision or None)
            if isinstance(found, str):
                return Path(found)
    return torch_cached(config.url) if config.url else None


def torch_cached(url: str) -> Path | None:
    """The file of a URL in torch's cache, if it was fetched before."""
    import torch

    path = Path(torch.hub.get_dir(), "checkpoints", url.rsplit("/", 1)[-1])
    return path if path.is_file() else None


def classes(model: Any) -> tuple[str, ...] | None:
    """Names of the outputs of timm's ImageNet nets; None for other data."""
    from timm.data import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset(model) if (model.num_classes or 0) >= 1000 else None
    if not subset:
        return None
    known = ImageNetInfo(subset)
    return tuple(known.index_to_description(place) for place in range(known.num_classes()))


def need_network(name: str, url: str | None = None) -> None:
    """Lets a download begin, or says at once why it cannot and what there is instead.

    Args:
        url: where the weights are; None for the Hugging Face hub.

    Raises:
        Unavailable: offline by choice, or nothing answers within three seconds.
    """
    if any(os.environ.get(v, "").lower() in ("1", "true", "yes", "on") for v in ("HF_HUB_OFFLINE", "HF_OFFLINE")):
        raise Unavailable(_nothing(name, "HF_HUB_OFFLINE is set"))
    if url is None:
        from huggingface_hub import constants

        url = constants.ENDPOINT
    proxy = os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy")
    target = urlsplit(proxy if proxy and "//" in proxy else url)
    port = target.port or (443 if target.scheme == "https" else 80)
    if not _answers(target.hostname or "", port):
        raise Unavailable(_nothing(name, f"{target.hostname} does not answer"))


def offline() -> list[str]:
    """Names that `load` takes without any network."""
    return [*zoos.offline(), *_fetched()]


def _fetched() -> list[str]:
    """timm's weights in the Hugging Face cache, by name."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    found = []
    for path in sorted(folder.glob("models--timm--*")):
        with contextlib.suppress(OSError):
            if any((snapshot / file).exists() for snapshot in path.glob("snapshots/*") for file in FILES):
                found.append(path.name.removeprefix("models--timm--"))
    return found


def _nothing(name: str, reason: str) -> str:
    here = sorted(offline(), key=lambda known: known.startswith("wb/"))  # a person's own before ours
    shown = ", ".join(here[:8]) + (f" and {len(here) - 8} more" if len(here) > 8 else "")
    return (
        f"the weights of {name} are not on this machine, and {reason}; what loads without network: "
        f"{shown or 'nothing by name'}, your own files, folders and zoos, and random weights with pretrained=False"
    )


def _answers(host: str, port: int) -> bool:
    """Whether a connection opens in time; in a thread of its own, since looking up a name has no time limit."""
    reached = threading.Event()

    def knock() -> None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=PATIENCE):
            reached.set()

    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return reached.is_set()
