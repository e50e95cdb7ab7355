"""Identity of a net: its layers with their settings, and its weights, independent of any name.

One name may refer to many nets once somebody has swapped an activation or changed an epsilon. The identity covers the
class of each module and the code of its methods, every attribute that the code may read, the shapes and sharing of
tensors, and hooks that change the output. `describe_layers` returns this as text by dotted name, so that two nets can
be compared in detail; `hash_net` is a hash of it together with the weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from workbench.nets.hook_effects import describe_altering_hooks
from workbench.nets.object_text import describe_object, hash_methods, qualified_class_name

if TYPE_CHECKING:
    from workbench.nets.net import Net

# torch's own state and the training mode; timm's records of weights; settings that only save memory or time
IGNORED_ATTRIBUTES = {
    *vars(nn.Module()),
    "pretrained_cfg",
    "default_cfg",
    "feature_info",
    "grad_checkpointing",
    "fused_attn",
}
IGNORED_ATTRIBUTES |= {"_flat_weights", "_flat_weight_refs"}  # a recurrent layer's own weights once more
TABLE_TOLERANCE = 1e-3  # relative to a table's largest value: tables computed in half precision count as equal


def describe_layers(net: nn.Module) -> dict[str, str]:
    """Describe every module, setting, parameter and buffer of a net, by dotted name.

    Excluded: the values of tensors, `requires_grad`, their precision and device, and the training mode.
    """
    description: dict[str, str] = {}
    owner: dict[int, str] = {}
    for name, module in net.named_modules(remove_duplicate=False):
        description |= {f"{name}{own}": text for own, text in _describe_module_settings(module)}
        for kind, tensors in (("weights", module._parameters), ("buffer", module._buffers)):
            for own, tensor in tensors.items():
                path = f"{name}.{own}".lstrip(".")
                shared = "" if tensor is None else owner.setdefault(id(tensor), path)
                # tables that are not saved are recomputed, some for the size of the last images
                shape = "" if tensor is None or own in module._non_persistent_buffers_set else tuple(tensor.shape)
                description[path] = f"{kind} {shape}" + (f", shared with {shared}" if shared and shared != path else "")
    return description


def hash_net(net: Net) -> str:
    """Hash the structure and weights of a net: equal for a copy, and for the same net in another process."""
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    text = f"{hash_layers(net)} {describe_altering_hooks(net)} {hash_tensors(tensors.values())}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def hash_layers(net: nn.Module, module_names: Iterable[str] | None = None) -> str:
    """Hash the structure of a net, without its weights.

    Args:
        module_names: dotted names of the modules to include, with their content; None includes the whole net.
    """
    names = None if module_names is None else set(module_names)
    descriptions = [item for item in describe_layers(net).items() if names is None or is_inside(item[0], names)]
    kinds = {type(module) for name, module in net.named_modules() if names is None or is_inside(name, names)}
    code = sorted((qualified_class_name(kind), hash_methods(kind)) for kind in kinds)
    return hashlib.blake2b(repr((library_versions(), descriptions, code)).encode(), digest_size=12).hexdigest()


def iter_differences(net: Net, other: Net) -> Iterator[tuple[str, str, str]]:
    """Compare two nets except for their weights; yields (dotted name, value in `net`, value in `other`) of differences.

    Tables that are computed rather than saved are compared by their values.
    """
    mine, theirs = describe_layers(net), describe_layers(other)
    for name in dict.fromkeys([*mine, *theirs]):
        if mine.get(name) != theirs.get(name):
            yield name, mine.get(name, "nothing"), theirs.get(name, "nothing")
    tables = dict(_iter_unsaved_buffers(other))
    for name, table in _iter_unsaved_buffers(net):
        if name in tables and not _is_near(table, tables[name]):
            yield name, "a table of other values", "a table"
    if hooks := describe_altering_hooks(net):
        yield "its answer", f"changed by hooks {hooks}", "no hooks"


def hash_tensors(tensors: Iterable[Tensor]) -> str:
    """Hash the bytes of tensors, in order."""
    total = hashlib.blake2b(digest_size=12)
    for tensor in tensors:
        flat = tensor.detach().reshape(-1).contiguous().cpu()
        total.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
    return total.hexdigest()


def is_inside(name: str, names: Collection[str]) -> bool:
    """Return whether a dotted name is one of `names`, or is below one of them."""
    while name:
        if name in names:
            return True
        name = name.rpartition(".")[0]
    return False


def library_versions() -> tuple[str, ...]:
    """Return the versions of the libraries whose functions the layers call."""
    import timm
    import torchvision

    return torch.__version__, torchvision.__version__, timm.__version__


def _describe_module_settings(module: nn.Module) -> Iterator[tuple[str, str]]:
    """Describe a module's class and each of its settings: (suffix of the dotted name, text)."""
    yield "", qualified_class_name(type(module))
    # a class may list its relevant attributes, as `Net` does
    listed = getattr(type(module), "identity_attributes", None)
    for own in listed if isinstance(listed, tuple) else sorted(vars(module).keys() - IGNORED_ATTRIBUTES):
        value = getattr(module, own)
        if not (own.endswith("cache") and isinstance(value, Mapping)):  # kept by one pass for the next
            yield f".{own}", describe_object(value)


def _iter_unsaved_buffers(net: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Iterate over buffers that are not saved, by dotted name."""
    for name, module in net.named_modules():
        for own in module._non_persistent_buffers_set:
            if (table := module._buffers.get(own)) is not None:
                yield f"{name}.{own}".lstrip("."), table


def _is_near(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or "meta" in (a.device.type, b.device.type) or not a.numel():
        return True
    a, b = a.detach().cpu().double(), b.detach().cpu().double()
    return torch.allclose(
        a, b, rtol=TABLE_TOLERANCE, atol=TABLE_TOLERANCE * float(b.abs().nan_to_num(0, 0, 0).max()), equal_nan=True
    )
