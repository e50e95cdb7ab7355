"""Files of weights: read without executing code from them, and loaded into a module."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from workbench.errors import BadValue

SUFFIXES = (".safetensors", ".pth", ".pt", ".th", ".bin", ".ckpt", ".tar")
WRAPPER_KEYS = (
    "state_dict",
    "model",
    "model_state_dict",
    "model_state",
    "net",
    "weights",
    "params",
    "teacher",
    "student",
)
NAME_PREFIXES = ("module.", "_orig_mod.")
PROGRAM_MARKERS = {  # recognized by a file in the archive
    "TorchScript": lambda name: name == "constants.pkl" or name.startswith("code/"),
    "a program of torch.export": lambda name: "serialized_exported_program" in name or name.startswith("models/"),
    "a package of torch.package": lambda name: name.startswith(".data/") and not name.startswith(".data/serialization"),
}
Value = TypeVar("Value")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file by name, floating-point ones as float32.

    Args:
        path: safetensors, or a state dict written by `torch.save`, plain or wrapped in `{"state_dict": …}`.

    Raises:
        BadValue: the file is broken, contains code, or contains no state dict.
    """
    if path.suffix == ".safetensors":
        state = _read_safetensors(path)
    else:
        state = _unwrap_state_dict(_read_torch_file(path), path)
    if not state:
        raise BadValue(f"{path} contains no tensors")
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.nbytes > tensor.untyped_storage().nbytes():
            raise BadValue(f"{path} cannot be read as weights: {name} is larger than its stored data")
    whole = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    return _strip_prefixes(whole)


def read_tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the shapes of a file's tensors by name; for safetensors from the header alone.

    Raises:
        BadValue: as in `read_state_dict`.
    """
    if path.suffix != ".safetensors":
        return {name: tuple(tensor.shape) for name, tensor in read_state_dict(path).items()}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _make_unreadable_error(path, error) from error
    return _strip_prefixes(shapes)


def read_metadata(path: Path) -> dict[str, Any]:
    """Read the metadata of a safetensors file, with JSON values parsed; empty for other files."""
    if path.suffix != ".safetensors":
        return {}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise _make_unreadable_error(path, error) from error
    return {key: _parse_json_value(value) for key, value in metadata.items()}


def check_sha256(path: Path, expected: str) -> None:
    """Compare a file's checksum with the one listed in an index.

    Raises:
        BadValue: they differ.
    """
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != expected.lower():
        raise BadValue(
            f"{path} is not the file that its index lists: SHA-256 {actual[:12]}…, listed {expected[:12]}…; "
            "download it again"
        )


def load_into_module(model: nn.Module, state: Mapping[str, Tensor], label: str) -> None:
    """Load `state` into `model`, every tensor or none.

    Args:
        label: name of the file in messages.

    Raises:
        BadValue: the tensors are of another architecture; the message counts the matches.
    """
    expected = model.state_dict()
    if not _is_matching(expected, state):
        state = _convert_state_dict(model, state)
    if not _is_matching(expected, state):
        raise BadValue(
            describe_mismatch(type(model).__name__, expected, {k: tuple(v.shape) for k, v in state.items()}, label)
        )
    model.load_state_dict({k: state[k] for k in expected if k in state}, strict=False)


def describe_mismatch(
    net_name: str, expected: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], label: str
) -> str:
    """Describe how a file's tensors differ from those of a net.

    Args:
        net_name: name of the net in messages.
        expected: the net's tensors.
        shapes: shapes of the file's tensors.
        label: name of the file in messages.
    """
    fitting = sum(shapes.get(k) == tuple(expected[k].shape) for k in expected)
    sentence = f"{label} does not fit {net_name}: {fitting} of the net's {len(expected)} tensors fit"
    for key, tensor in expected.items():
        if key not in shapes:
            return f"{sentence}; {key} is missing among the {len(shapes)} in the file"
        if shapes[key] != tuple(tensor.shape):
            return f"{sentence}; {key} is {shapes[key]} in the file and {tuple(tensor.shape)} in the net"
    others = [k for k in shapes if k not in expected]
    return f"{sentence}, and {len(others)} in the file are not in the net" + (
        f", such as {others[0]}" if others else ""
    )


def _is_matching(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> bool:
    # files from before torch had num_batches_tracked lack it, and nothing reads it
    needed = {k for k in expected if not k.endswith("num_batches_tracked")}
    return needed <= set(state) <= set(expected) and all(state[k].shape == expected[k].shape for k in state)


def _convert_state_dict(model: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Apply the architecture's own conversion: foreign names, position embeddings of another size."""
    convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return state
    try:
        return convert(dict(state), model)
    except Exception:  # these functions may raise anything on a foreign file; the mismatch is reported instead
        return state


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _make_unreadable_error(path, error) from error


def _read_torch_file(path: Path) -> Any:
    _check_archive(path)
    try:
        with warnings.catch_warnings():  # warnings about unusual pickles, which are refused or read regardless
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadValue(
            f"{path} contains Python objects or code, not only tensors; none of it was executed; "
            "save the state dict alone (torch.save(net.state_dict(), …)) or use safetensors"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise _make_unreadable_error(path, error) from error


def _check_archive(path: Path) -> None:
    """Refuse archives that contain a program rather than weights, and compressed archives."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise _make_unreadable_error(path, error) from error
    names = [part.filename.partition("/")[2] for part in parts]
    kind = next((kind for kind, sign in PROGRAM_MARKERS.items() if any(map(sign, names))), None)
    if kind is not None:
        raise BadValue(
            f"{path} is {kind}, a program with its weights inside; none of it was executed. In the program that made "
            "it, save the state dict alone, torch.save(model.state_dict(), 'weights.pth'), and open that with its "
            "architecture"
        )
    if sum(part.file_size for part in parts) > path.stat().st_size:
        raise BadValue(f"{path} is compressed, which torch.save does not do: save its state dict again")


def _unwrap_state_dict(found: Any, path: Path) -> dict[str, Tensor]:
    for _ in range(3):
        if not isinstance(found, Mapping):
            break
        if found and all(isinstance(v, Tensor) for v in found.values()):
            return dict(found)
        inner = next((found[w] for w in WRAPPER_KEYS if isinstance(found.get(w), Mapping)), None)
        if inner is None:
            break
        found = inner
    raise BadValue(
        f"{path} contains no state dict (names and tensors), plain or under one of {', '.join(WRAPPER_KEYS[:3])}"
    )


def _strip_prefixes(state: dict[str, Value]) -> dict[str, Value]:
    prefix = next((p for p in NAME_PREFIXES if state and all(k.startswith(p) for k in state)), None)
    return state if prefix is None else _strip_prefixes({k.removeprefix(prefix): v for k, v in state.items()})


def _parse_json_value(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _make_unreadable_error(path: Path, error: Exception) -> BadValue:
    return BadValue(f"{path} cannot be read as weights ({str(error).splitlines()[0][:120]}); it may be truncated")
