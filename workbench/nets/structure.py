"""A net's identity: its layers with their settings, and its weights; never a name.

One name stands for many nets once somebody has swapped an activation or changed an epsilon. What counts is the class
of each module and the code of its methods, every attribute that the code may read, how tensors are shaped and shared,
and hooks that change the answer. `layers` gives this as text by dotted name, so that two nets can be compared as well
as told apart; `identity` is a hash of it together with the weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from workbench.nets.hook_effects import altering_hooks
from workbench.nets.object_text import class_name, method_code, object_text

if TYPE_CHECKING:
    from workbench.nets.net import Net

# torch's own bookkeeping and the mode; what timm notes of where weights come from; what saves memory or time only
BARE = {*vars(nn.Module()), "pretrained_cfg", "default_cfg", "feature_info", "grad_checkpointing", "fused_attn"}
BARE |= {"_flat_weights", "_flat_weight_refs"}  # a recurrent layer's own weights once more
NEAR = 1e-3  # of a computed table's largest value: tables made in half precision are the same


def layers(net: nn.Module) -> dict[str, str]:
    """Describe every module, setting, parameter and buffer of a net, by dotted name.

    Left out: the values of tensors, whether they may move, their precision and device, and the training mode.
    """
    found: dict[str, str] = {}
    owner: dict[int, str] = {}
    for name, module in net.named_modules(remove_duplicate=False):
        found |= {f"{name}{own}": text for own, text in _module_text(module)}
        for kind, tensors in (("weights", module._parameters), ("buffer", module._buffers)):
            for own, tensor in tensors.items():
                path = f"{name}.{own}".lstrip(".")
                shared = "" if tensor is None else owner.setdefault(id(tensor), path)
                # tables that are not saved are computed anew, some for the size of the last images
                shape = "" if tensor is None or own in module._non_persistent_buffers_set else tuple(tensor.shape)
                found[path] = f"{kind} {shape}" + (f", shared with {shared}" if shared and shared != path else "")
    return found


def identity(net: Net) -> str:
    """Hash the structure of a net and its weights: equal for a copy, and for the same net in another process."""
    held = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    told = f"{layers_hash(net)} {altering_hooks(net)} {digest(held.values())}"
    return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()


def layers_hash(net: nn.Module, inside: Iterable[str] | None = None) -> str:
    """Hash the structure of a net, without its weights.

    Args:
        inside: dotted names of the modules that count, with all that they hold; None takes the whole net.
    """
    names = None if inside is None else set(inside)
    told = [item for item in layers(net).items() if names is None or is_inside(item[0], names)]
    kinds = {type(module) for name, module in net.named_modules() if names is None or is_inside(name, names)}
    code = sorted((class_name(kind), method_code(kind)) for kind in kinds)
    return hashlib.blake2b(repr((versions(), told, code)).encode(), digest_size=12).hexdigest()


def differences(net: Net, other: Net) -> Iterator[tuple[str, str, str]]:
    """Compare two nets but for their weights: (dotted name, what `net` has there, what `other` has), where they differ.

    Tables that are computed rather than saved are compared by their values.
    """
    mine, theirs = layers(net), layers(other)
    for name in dict.fromkeys([*mine, *theirs]):
        if mine.get(name) != theirs.get(name):
            yield name, mine.get(name, "nothing"), theirs.get(name, "nothing")
    tables = dict(_tables(other))
    for name, table in _tables(net):
        if name in tables and not _is_near(table, tables[name]):
            yield name, "a table of other values", "a table"
    if hooks := altering_hooks(net):
        yield "its answer", f"changed by hooks {hooks}", "no hooks"


def digest(tensors: Iterable[Tensor]) -> str:
    """Hash the bytes of tensors, in order."""
    total = hashlib.blake2b(digest_size=12)
    for tensor in tensors:
        flat = tensor.detach().reshape(-1).contiguous().cpu()
        total.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
    return total.hexdigest()


def is_inside(name: str, names: Collection[str]) -> bool:
    """Whether a dotted name is one of some names, or lies below one."""
    while name:
        if name in names:
            return True
        name = name.rpartition(".")[0]
    return False


def versions() -> tuple[str, ...]:
    """Of the libraries whose functions the layers call."""
    import timm
    import torchvision

    return torch.__version__, torchvision.__version__, timm.__version__


def _module_text(module: nn.Module) -> Iterator[tuple[str, str]]:
    """A module's class and each of its settings: (what is added to its dotted name, text)."""
    yield "", class_name(type(module))
    known = getattr(type(module), "settings", None)  # a class that names what counts, as `Net` does
    for own in known if isinstance(known, tuple) else sorted(vars(module).keys() - BARE):
        value = getattr(module, own)
        if not (own.endswith("cache") and isinstance(value, Mapping)):  # what a pass keeps for the next
            yield f".{own}", object_text(value)


def _tables(net: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Buffers that are not saved, by dotted name."""
    for name, module in net.named_modules():
        for own in module._non_persistent_buffers_set:
            if (table := module._buffers.get(own)) is not None:
                yield f"{name}.{own}".lstrip("."), table


def _is_near(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or "meta" in (a.device.type, b.device.type) or not a.numel():
        return True
    a, b = a.detach().cpu().double(), b.detach().cpu().double()
    return torch.allclose(a, b, rtol=NEAR, atol=NEAR * float(b.abs().nan_to_num(0, 0, 0).max()), equal_nan=True)
