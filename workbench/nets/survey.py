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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import timm
import torch
from timm.layers import set_fused_attn, use_fused_attn
from torch import nn

from workbench import disk
from workbench.nets import torchvision_nets

TABLE = Path(__file__).with_name("survey.csv")
COLUMNS = ("architecture", "height", "width", "classes", "parameters", "macs")
# above this, a net that cannot be run without memory is not run for real
LARGEST_REAL = 100_000_000
_log = logging.getLogger("workbench")


class Key(NamedTuple):
    """What a size belongs to.

    Args:
        architecture: timm's name without tag, or `torchvision/NAME`.
        height: of the input, in pixels.
        width: of the input, in pixels.
        classes: outputs of the head; 0 where the weights come without one.
    """

    architecture: str
    height: int
    width: int
    classes: int


class Size(NamedTuple):
    """What a net costs: weights, and multiply-adds an image (None where it could not be run)."""

    parameters: int
    macs: int | None


def wanted() -> dict[Key, str]:
    """Every architecture, input and head that the installed libraries know, with a name that builds it."""
    found = {Key(f"torchvision/{name}", 224, 224, 1000): f"torchvision/{name}" for name in torchvision_nets.BARE}
    for name in (*timm.list_models(pretrained=True), *timm.list_models()):
        config = timm.get_pretrained_cfg(name, allow_unregistered=False)
        if config is not None:
            found.setdefault(key_of(name, config), name)
    return dict(sorted(found.items()))


def key_of(name: str, config: object) -> Key:
    """The key of a timm name, given timm's record of its weights."""
    return Key(name.partition(".")[0], *config.input_size[1:], config.num_classes)  # type: ignore[attr-defined]


def build(name: str) -> nn.Module:
    """The named net with random weights and the head its pretrained weights have."""
    library, _, short = name.rpartition("/")
    if library != "torchvision":
        return timm.create_model(name)
    from torchvision import models

    return models.get_model(short, **torchvision_nets.arguments(short))


def measure(make: Callable[[], nn.Module], height: int, width: int, what: str) -> Size:
    """Builds a net without memory and counts; for real where that fails and it is not too large.

    Args:
        make: builds the net on torch's default device.
        height: of the image, in pixels.
        width: of the image, in pixels.
        what: how the log calls it.

    Raises:
        Exception: what `make` raises where it cannot build the net at all.
    """
    parameters = None
    with _plain_attention(), torch.no_grad(), torch.random.fork_rng(devices=[]):
        for device in ("meta", "cpu"):
            if device == "cpu" and parameters is not None and parameters > LARGEST_REAL:
                break
            try:
                with torch.device(device):
                    # without gradients: the counter's hooks trip over a bare weight as a module's input
                    net = make().eval().requires_grad_(False)
                    parameters = parameters_of(net)
                    return Size(parameters, multiply_adds(net, torch.zeros(1, 3, height, width)))
            except Exception as error:  # some nets read values, which meta tensors lack, or want other inputs
                _log.info("%s cannot be run on %s: %s", what, device, error)
                if device == "cpu" and parameters is None:
                    raise
    assert parameters is not None
    return Size(parameters, None)


def parameters_of(net: nn.Module) -> int:
    """Number of weights, a shared one counted once."""
    return sum(weight.numel() for weight in net.parameters())


def multiply_adds(net: nn.Module, x: torch.Tensor) -> int:
    """Multiply-adds of one pass of `net`, in evaluation mode, over `x (B, C, H, W)`."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        net(x)
    return counter.get_total_flops() // 2


def read(table: Path) -> dict[Key, Size]:
    """The sizes in a file that `write` wrote; none where there is no file."""
    if not table.exists():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return {
        Key(name, int(height), int(width), int(classes)): Size(int(parameters), int(macs) if macs else None)
        for name, height, width, classes, parameters, macs in rows
    }


def write(table: Path, sizes: Mapping[Key, Size]) -> None:
    """Writes sizes as CSV, whole or not at all."""
    text = io.StringIO()
    rows = ([*key, size.parameters, "" if size.macs is None else size.macs] for key, size in sorted(sizes.items()))
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    disk.write(table, text.getvalue())


def survey(table: Path = TABLE, save_every: int = 20) -> Iterator[tuple[str, int, int]]:
    """Measures what `table` lacks and writes it there; yields each name with how many are done, of how many."""
    names = wanted()
    sizes = {key: size for key, size in read(table).items() if key in names}
    for key, name in names.items():
        if key in sizes:
            continue
        try:
            sizes[key] = measure(lambda name=name: build(name), key.height, key.width, name)
        except Exception as error:  # one net that this machine cannot build must not end the survey
            _log.warning("%s is left out: %s", name, error)
        if len(sizes) % save_every == 0:
            write(table, sizes)
        yield name, len(sizes), len(names)
    write(table, sizes)


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
    for _name, _done, _total in survey(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE):
        _log.info("%d of %d: %s", _done, _total, _name)
