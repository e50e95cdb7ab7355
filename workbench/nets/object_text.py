"""Canonical text of objects that a layer may hold (settings, functions, classes, tensors), equal in every process."""

from __future__ import annotations

import enum
import functools
import hashlib
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

MAX_DEPTH = 8  # largest depth of nested objects
PLAIN_TYPES = (bool, int, float, complex, str, bytes, torch.dtype, torch.memory_format, torch.layout)


def describe_object(value: Any) -> str:
    """Describe a value: plain values by their repr, arrays by their content, functions by their code.

    Memory addresses and devices do not affect what a layer computes and are left out.
    """
    return _describe_value(value, ())


def qualified_class_name(kind: type) -> str:
    """Return a class's name with its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def hash_methods(kind: type) -> str:
    """Hash the methods of a class and of its bases, up to torch's `Module`."""
    ours = [base for base in kind.__mro__ if base not in (nn.Module, object)]
    methods = [(name, _get_function(value)) for base in ours for name, value in sorted(vars(base).items())]
    return _hash_bytes(
        repr([(name, _describe_function_code(function)) for name, function in methods if function]).encode()
    )


def _get_function(value: Any) -> types.FunctionType | None:
    """Return the function of a method, or of a property's getter."""
    inner = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    return inner if isinstance(inner, types.FunctionType) else None


def _describe_value(value: Any, containers: tuple[int, ...]) -> str:
    if value is None or (isinstance(value, PLAIN_TYPES) and not isinstance(value, enum.Enum)):
        return repr(value)
    if isinstance(value, torch.device):
        return "device"
    if id(value) in containers or len(containers) > MAX_DEPTH:
        return f"{qualified_class_name(type(value))} again"
    return _describe_container(value, (*containers, id(value)))


def _describe_container(value: Any, containers: tuple[int, ...]) -> str:
    """Describe an object that contains others; `containers` are the ids of the objects around it."""
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_describe_value(one, containers) for one in value)}]"
    if isinstance(value, (Mapping, nn.ParameterDict)):
        pairs = sorted(f"{_describe_value(k, containers)}: {_describe_value(v, containers)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(_describe_value(one, containers) for one in value))}}}"
    if isinstance(value, Tensor):
        return f"tensor {tuple(value.shape)} {value.dtype} {_hash_tensor(value)}"
    if isinstance(value, np.ndarray):
        return f"array {value.shape} {value.dtype} {_hash_bytes(np.ascontiguousarray(value).tobytes())}"
    if isinstance(value, nn.Module):
        return _describe_held_module(value, containers)
    if isinstance(value, type):
        return qualified_class_name(value)
    return _describe_callable(value, containers) or _describe_instance(value, containers)


def _describe_callable(value: Any, containers: tuple[int, ...]) -> str:
    """Describe a callable; empty for other objects."""
    if isinstance(value, functools.partial):
        parts = [_describe_value(part, containers) for part in (value.func, value.args, value.keywords)]
        return f"partial({', '.join(parts)})"
    if isinstance(value, types.MethodType):
        return f"{_describe_value(value.__func__, containers)} of {qualified_class_name(type(value.__self__))}"
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
        closure = _describe_value([cells, value.__defaults__, value.__kwdefaults__], containers)
        code = _hash_bytes(_describe_function_code(value).encode())
        return f"{value.__module__}.{value.__qualname__} {code} {closure}"
    if isinstance(value, types.BuiltinFunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    return ""


def _describe_instance(value: Any, containers: tuple[int, ...]) -> str:
    if isinstance(value, enum.Enum):
        return str(value)
    attributes = getattr(value, "__dict__", {})
    return f"{qualified_class_name(type(value))}{_describe_value(dict(attributes), containers) if attributes else ''}"


def _describe_held_module(module: nn.Module, containers: tuple[int, ...]) -> str:
    """Describe a module held outside the module tree, as in a plain list, with its weights, not hashed elsewhere."""
    own = {k: v for k, v in vars(module).items() if k not in vars(nn.Module())}
    parts = [own, module._parameters, module._buffers, module._modules]
    return f"{qualified_class_name(type(module))} {_describe_value(parts, containers)}"


def _describe_function_code(function: types.FunctionType) -> str:
    return _describe_code(function.__code__)


@functools.lru_cache(maxsize=4096)
def _describe_code(code: types.CodeType) -> str:
    """Describe the code of a function, without its location in a file."""
    constants = [_describe_code(c) if isinstance(c, types.CodeType) else describe_object(c) for c in code.co_consts]
    return repr((_hash_bytes(code.co_code), code.co_names, code.co_varnames, code.co_freevars, constants))


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # an empty cell
        return False


def _hash_tensor(tensor: Tensor) -> str:
    if tensor.device.type == "meta":
        return ""
    flat = tensor.detach().reshape(-1).contiguous().cpu()
    return _hash_bytes(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")


def _hash_bytes(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()
