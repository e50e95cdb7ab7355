"""Any object that a layer may hold as text that is the same in every process: settings, functions, classes, tensors."""

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

DEEP = 8  # levels of objects inside objects that are read
PLAIN = (bool, int, float, complex, str, bytes, torch.dtype, torch.memory_format, torch.layout)


def object_text(value: Any) -> str:
    """Describe a value: plain ones as they are, arrays by their content, functions by their code.

    Places in memory and devices say nothing about what a layer computes, so they are left out.
    """
    return _text(value, ())


def class_name(kind: type) -> str:
    """Name a class with its module."""
    return f"{kind.__module__}.{kind.__qualname__}"


def method_code(kind: type) -> str:
    """Hash the methods of a class and of those it inherits from, up to torch's `Module`."""
    ours = [base for base in kind.__mro__ if base not in (nn.Module, object)]
    found = [(name, _function(value)) for base in ours for name, value in sorted(vars(base).items())]
    return _hash(repr([(name, _code(function)) for name, function in found if function]).encode())


def _function(value: Any) -> types.FunctionType | None:
    """The function of a method, a property's getter included."""
    inner = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
    return inner if isinstance(inner, types.FunctionType) else None


def _text(value: Any, above: tuple[int, ...]) -> str:
    if value is None or (isinstance(value, PLAIN) and not isinstance(value, enum.Enum)):
        return repr(value)
    if isinstance(value, torch.device):
        return "device"
    if id(value) in above or len(above) > DEEP:
        return f"{class_name(type(value))} again"
    return _holding_text(value, (*above, id(value)))


def _holding_text(value: Any, above: tuple[int, ...]) -> str:
    """The text of what holds other objects; `above` are those that hold it."""
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_text(one, above) for one in value)}]"
    if isinstance(value, (Mapping, nn.ParameterDict)):
        return f"{{{', '.join(sorted(f'{_text(k, above)}: {_text(v, above)}' for k, v in value.items()))}}}"
    if isinstance(value, (set, frozenset)):
        return f"{{{', '.join(sorted(_text(one, above) for one in value))}}}"
    if isinstance(value, Tensor):
        return f"tensor {tuple(value.shape)} {value.dtype} {_content(value)}"
    if isinstance(value, np.ndarray):
        return f"array {value.shape} {value.dtype} {_hash(np.ascontiguousarray(value).tobytes())}"
    if isinstance(value, nn.Module):
        return _module(value, above)
    if isinstance(value, type):
        return class_name(value)
    return _function_text(value, above) or _instance(value, above)


def _function_text(value: Any, above: tuple[int, ...]) -> str:
    """The text of what can be called; empty for other objects."""
    if isinstance(value, functools.partial):
        return f"partial({_text(value.func, above)}, {_text(value.args, above)}, {_text(value.keywords, above)})"
    if isinstance(value, types.MethodType):
        return f"{_text(value.__func__, above)} of {class_name(type(value.__self__))}"
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
        held = _text([cells, value.__defaults__, value.__kwdefaults__], above)
        return f"{value.__module__}.{value.__qualname__} {_hash(_code(value).encode())} {held}"
    if isinstance(value, types.BuiltinFunctionType):
        return f"{value.__module__}.{value.__qualname__}"
    return ""


def _instance(value: Any, above: tuple[int, ...]) -> str:
    if isinstance(value, enum.Enum):
        return str(value)
    held = getattr(value, "__dict__", {})
    return f"{class_name(type(value))}{_text(dict(held), above) if held else ''}"


def _module(module: nn.Module, above: tuple[int, ...]) -> str:
    """A module that is held without being a part, as in a plain list: with its weights, which nobody else tells."""
    own = {k: v for k, v in vars(module).items() if k not in vars(nn.Module())}
    held = [own, module._parameters, module._buffers, module._modules]
    return f"{class_name(type(module))} {_text(held, above)}"


def _code(function: types.FunctionType) -> str:
    return _code_text(function.__code__)


@functools.lru_cache(maxsize=4096)
def _code_text(code: types.CodeType) -> str:
    """What a function does, without where it was written."""
    constants = [_code_text(c) if isinstance(c, types.CodeType) else object_text(c) for c in code.co_consts]
    return repr((_hash(code.co_code), code.co_names, code.co_varnames, code.co_freevars, constants))


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # a cell that nothing was put in yet
        return False


def _content(tensor: Tensor) -> str:
    if tensor.device.type == "meta":
        return ""
    flat = tensor.detach().reshape(-1).contiguous().cpu()
    return _hash(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()
