"""Weights from a file, without ever running what the file holds, and filling a net with them."""

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
WRAPPERS = ("state_dict", "model", "model_state_dict", "model_state", "net", "weights", "params", "teacher", "student")
PREFIXES = ("module.", "_orig_mod.")
PROGRAMS = {  # by a file in the archive
    "TorchScript": lambda name: name == "constants.pkl" or name.startswith("code/"),
    "a program of torch.export": lambda name: "serialized_exported_program" in name or name.startswith("models/"),
    "a package of torch.package": lambda name: name.startswith(".data/") and not name.startswith(".data/serialization"),
}
Held = TypeVar("Held")


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, floating ones as float32.

    Args:
        path: safetensors, or a state dict written by `torch.save`, plain or wrapped in `{"state_dict": …}`.

    Raises:
        BadValue: the file is broken, holds code, or holds no state dict.
    """
    state = _safetensors(path) if path.suffix == ".safetensors" else _unwrapped(_torch_file(path), path)
    if not state:
        raise BadValue(f"{path} holds no tensors")
    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.nbytes > tensor.untyped_storage().nbytes():
            raise BadValue(f"{path} cannot be read as weights: {name} is larger than what is stored of it")
    whole = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
    return _unprefixed(whole)


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of a file's tensors by name; of safetensors from its header alone.

    Raises:
        BadValue: as of `read`.
    """
    if path.suffix != ".safetensors":
        return {name: tuple(tensor.shape) for name, tensor in read(path).items()}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _broken(path, error) from error
    return _unprefixed(found)


def metadata_of(path: Path) -> dict[str, Any]:
    """The metadata of a safetensors file, values parsed where they are JSON; empty for other files."""
    if path.suffix != ".safetensors":
        return {}
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            found = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise _broken(path, error) from error
    return {key: _parsed(value) for key, value in found.items()}


def check_sha256(path: Path, wanted: str) -> None:
    """Compares a file with the checksum that an index gives for it.

    Raises:
        BadValue: they differ.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wanted.lower():
        raise BadValue(
            f"{path} is not the file that its index lists: SHA-256 {found[:12]}…, listed {wanted[:12]}…; fetch it again"
        )


def fill(model: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Puts `state` into `model`, every tensor or none.

    Args:
        what: how messages call the file.

    Raises:
        BadValue: the tensors are of another architecture; says how many fit.
    """
    wanted = model.state_dict()
    if not _fits(wanted, state):
        state = _converted(model, state)
    if not _fits(wanted, state):
        raise BadValue(misfit(type(model).__name__, wanted, {k: tuple(v.shape) for k, v in state.items()}, what))
    model.load_state_dict({k: state[k] for k in wanted if k in state}, strict=False)


def misfit(kind: str, wanted: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], what: str) -> str:
    """Say how a file's tensors differ from those of a net.

    Args:
        kind: what messages call the net.
        wanted: the net's tensors.
        shapes: of the file's.
        what: how messages call the file.
    """
    fitting = sum(shapes.get(k) == tuple(wanted[k].shape) for k in wanted)
    sentence = f"{what} does not fit {kind}: {fitting} of the net's {len(wanted)} tensors fit"
    for key, tensor in wanted.items():
        if key not in shapes:
            return f"{sentence}; {key} is missing among the {len(shapes)} in the file"
        if shapes[key] != tuple(tensor.shape):
            return f"{sentence}; {key} is {shapes[key]} in the file and {tuple(tensor.shape)} in the net"
    others = [k for k in shapes if k not in wanted]
    return f"{sentence}, and {len(others)} in the file belong nowhere" + (f", such as {others[0]}" if others else "")


def _fits(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> bool:
    # files older than num_batches_tracked lack it, and nothing reads it
    needed = {k for k in wanted if not k.endswith("num_batches_tracked")}
    return needed <= set(state) <= set(wanted) and all(state[k].shape == wanted[k].shape for k in state)


def _converted(model: nn.Module, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The architecture's own conversion: foreign names, position embeddings of another size."""
    convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return state
    try:
        return convert(dict(state), model)
    except Exception:  # a foreign file makes these functions fail in any way; the misfit is reported instead
        return state


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _broken(path, error) from error


def _torch_file(path: Path) -> Any:
    _check_archive(path)
    try:
        with warnings.catch_warnings():  # of unusual pickles, which are refused or read all the same
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadValue(
            f"{path} holds Python objects or code, not only tensors, and nothing of it was run; "
            "save the state dict alone (torch.save(net.state_dict(), …)) or use safetensors"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise _broken(path, error) from error


def _check_archive(path: Path) -> None:
    """Refuses archives that hold a program rather than weights, and those that grow when they are unpacked."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise _broken(path, error) from error
    names = [part.filename.partition("/")[2] for part in parts]
    kind = next((kind for kind, sign in PROGRAMS.items() if any(map(sign, names))), None)
    if kind is not None:
        raise BadValue(
            f"{path} is {kind}, a program with its weights inside; nothing of it was run. Where it was made, save the "
            "state dict alone, torch.save(model.state_dict(), 'weights.pth'), and open that with its architecture"
        )
    if sum(part.file_size for part in parts) > path.stat().st_size:
        raise BadValue(f"{path} is packed, which torch.save does not do: save its state dict anew")


def _unwrapped(found: Any, path: Path) -> dict[str, Tensor]:
    for _ in range(3):
        if not isinstance(found, Mapping):
            break
        if found and all(isinstance(v, Tensor) for v in found.values()):
            return dict(found)
        inner = next((found[w] for w in WRAPPERS if isinstance(found.get(w), Mapping)), None)
        if inner is None:
            break
        found = inner
    raise BadValue(f"{path} holds no state dict (names and tensors), plain or under one of {', '.join(WRAPPERS[:3])}")


def _unprefixed(state: dict[str, Held]) -> dict[str, Held]:
    prefix = next((p for p in PREFIXES if state and all(k.startswith(p) for k in state)), None)
    return state if prefix is None else _unprefixed({k.removeprefix(prefix): v for k, v in state.items()})


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _broken(path: Path, error: Exception) -> BadValue:
    return BadValue(f"{path} cannot be read as weights ({str(error).splitlines()[0][:120]}); it may be cut short")
