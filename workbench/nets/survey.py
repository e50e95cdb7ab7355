"""Sizes of every architecture, measured once and shipped as `survey.csv`.

`python -m workbench.nets.survey [FILE]` builds each net without memory (torch's meta device), runs one image through
it and writes a row. Rows already in the file are kept, so a stopped survey goes on where it was.

Counted as a multiply-add: each product in a convolution, linear layer or matrix product, attention's two among them,
in one evaluation pass of one image. Not counted: norms, activations, pooling, softmax, additions, resizing.
"""

from __future__ import annotations

import csv
import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import timm
import torch
from timm.layers import set_fused_attn, use_fused_attn
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from workbench import disk

TABLE = Path(__file__).with_name("survey.csv")
COLUMNS = ("architecture", "height", "width", "classes", "parameters", "macs", "family")
TORCHVISION = ("alexnet", "googlenet", "squeezenet1_0", "squeezenet1_1")
# above this, a net that cannot be run without memory is not run for real
LARGEST_REAL = 100_000_000
_log = logging.getLogger("workbench")


@dataclass(frozen=True, order=True)
class Entry:
    """One architecture at one input.

    Args:
        architecture: timm's name without tag, or `torchvision/NAME`.
        height: of the input, in pixels.
        width: of the input, in pixels.
        classes: outputs of the head; 0 where the weights come without one.
        name: a name that builds it: the architecture with a tag that has this input and this head.
    """

    architecture: str
    height: int
    width: int
    classes: int
    name: str = field(compare=False)


@dataclass(frozen=True)
class Size:
    """What an entry costs: weights, and multiply-adds an image (None where it could not be run)."""

    parameters: int
    macs: int | None


def entries() -> list[Entry]:
    """Every distinct architecture, input and head that the installed libraries know."""
    found = {Entry(f"torchvision/{name}", 224, 224, 1000, f"torchvision/{name}") for name in TORCHVISION}
    for name in (*timm.list_models(pretrained=True), *timm.list_models()):
        config = timm.get_pretrained_cfg(name, allow_unregistered=False)
        if config is not None:
            found.add(Entry(name.partition(".")[0], *config.input_size[1:], config.num_classes, name))
    return sorted(found)


def family_of(architecture: str) -> str:
    """The library module that defines an architecture, such as `resnet`."""
    library, _, name = architecture.rpartition("/")
    return name.rstrip("01_") if library else timm.model_entrypoint(name).__module__.rpartition(".")[2]


def build(name: str) -> nn.Module:
    """The named net with random weights and the head its pretrained weights have."""
    library, _, short = name.rpartition("/")
    if library != "torchvision":
        return timm.create_model(name).eval()
    from torchvision import models

    extra = {"init_weights": False, "aux_logits": False} if short == "googlenet" else {}
    return models.get_model(short, **extra).eval()


def parameters_of(net: nn.Module) -> int:
    """Number of weights, a shared one counted once."""
    return sum(weight.numel() for weight in net.parameters())


def multiply_adds(net: nn.Module, x: torch.Tensor) -> int:
    """Multiply-adds of one evaluation pass of `net` over `x (B, C, H, W)`."""
    net.requires_grad_(False)  # the counter's hooks on gradients trip over a bare weight as a module's input
    with FlopCounterMode(display=False) as counter:
        net(x)
    return counter.get_total_flops() // 2


def measure(entry: Entry) -> Size:
    """Builds the entry's net without memory and counts; for real where that fails and it is not too large.

    Raises:
        Exception: what the library raises where it cannot build the net at all.
    """
    with _plain_attention(), torch.no_grad():
        parameters = None
        for device in ("meta", "cpu"):
            if device == "cpu" and (parameters or 0) > LARGEST_REAL:
                break
            try:
                with torch.device(device):
                    net = build(entry.name)
                    parameters = parameters_of(net)
                    return Size(parameters, multiply_adds(net, torch.zeros(1, 3, entry.height, entry.width)))
            except Exception as error:  # some nets read values, which meta tensors lack, or want other inputs
                _log.info("%s cannot be run on %s: %s", entry.name, device, error)
                if device == "cpu" and parameters is None:
                    raise
        return Size(parameters, None)


def survey(table: Path = TABLE, save_every: int = 20) -> Iterator[tuple[Entry, int, int]]:
    """Measures what `table` lacks and writes it there; yields each entry with how many are done, of how many."""
    wanted = entries()
    rows = {key: row for key, row in _read(table).items() if key in {_key(entry) for entry in wanted}}
    for entry in wanted:
        if _key(entry) in rows:
            continue
        size = measure(entry)
        counts = [str(size.parameters), "" if size.macs is None else str(size.macs)]
        rows[_key(entry)] = [*_key(entry), *counts, family_of(entry.architecture)]
        if len(rows) % save_every == 0:
            _write(table, rows)
        yield entry, len(rows), len(wanted)
    _write(table, rows)


def _key(entry: Entry) -> tuple[str, ...]:
    return entry.architecture, str(entry.height), str(entry.width), str(entry.classes)


def _read(table: Path) -> dict[tuple[str, ...], list[str]]:
    if not table.exists():
        return {}
    with table.open(newline="") as file:
        return {tuple(row[:4]): row for row in list(csv.reader(file))[1:]}


def _write(table: Path, rows: dict[tuple[str, ...], list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *(rows[key] for key in sorted(rows))])
    disk.write(table, text.getvalue())


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Attention as two matrix products, which the counter sees on every device; a fused one it may not."""
    fused, experimental = use_fused_attn(), use_fused_attn(experimental=True)
    set_fused_attn(False)
    try:
        yield
    finally:
        set_fused_attn(fused, experimental)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for _entry, _done, _total in survey(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE):
        _log.info("%d of %d: %s", _done, _total, _entry.name)
