"""Survey of the sizes of every architecture, measured once and shipped as `survey.csv`.

`python -m workbench.nets.catalogue.size_survey [FILE]` builds each net on torch's meta device, without memory, runs one
image through it and writes a row. Rows already in the file are kept, so an interrupted survey continues.

Counted as a multiply-add: each product in a convolution, linear layer or matrix product, attention's two included,
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

from workbench import _paths
from workbench.nets.loading import torchvision_nets

TABLE_PATH = Path(__file__).with_name("survey.csv")
COLUMNS = ("architecture", "height", "width", "classes", "parameters", "macs")
# above this, a net that fails on the meta device is not run on the CPU
MAX_REAL_PARAMETERS = 100_000_000
_log = logging.getLogger("workbench")


class SizeKey(NamedTuple):
    """Key of a size in the survey.

    Args:
        architecture: timm's name without tag, or `torchvision/NAME`.
        height: height of the input, in pixels.
        width: width of the input, in pixels.
        n_classes: outputs of the head; 0 where the weights come without one.
    """

    architecture: str
    height: int
    width: int
    n_classes: int


class NetSize(NamedTuple):
    """Size of a net: number of weights, and multiply-adds per image (None where it could not be run)."""

    n_parameters: int
    macs: int | None


def list_surveyed_nets() -> dict[SizeKey, str]:
    """List every architecture, input and head of the installed libraries, with a name that builds it."""
    names = {
        SizeKey(f"torchvision/{name}", 224, 224, 1000): f"torchvision/{name}" for name in torchvision_nets.BARE_NAMES
    }
    for name in (*timm.list_models(pretrained=True), *timm.list_models()):
        config = timm.get_pretrained_cfg(name, allow_unregistered=False)
        if config is not None:
            names.setdefault(make_size_key(name, config), name)
    return dict(sorted(names.items()))


def make_size_key(name: str, config: object) -> SizeKey:
    """Make the key of a timm name, given timm's record of its weights."""
    return SizeKey(name.partition(".")[0], *config.input_size[1:], config.num_classes)  # type: ignore[attr-defined]


def build_random_net(name: str) -> nn.Module:
    """Build the named net with random weights and the head of its pretrained weights."""
    library, _, short = name.rpartition("/")
    if library != "torchvision":
        return timm.create_model(name)
    from torchvision import models

    return models.get_model(short, **torchvision_nets.get_builder_arguments(short))


def measure_size(build_net: Callable[[], nn.Module], height: int, width: int, label: str) -> NetSize:
    """Build a net on the meta device and measure it; on the CPU if that fails and the net is not too large.

    Args:
        build_net: function that builds the net on torch's default device.
        height: height of the image, in pixels.
        width: width of the image, in pixels.
        label: name in the log.

    Raises:
        Exception: the error of `build_net` where it cannot build the net at all.
    """
    parameters = None
    with _disable_fused_attention(), torch.no_grad(), torch.random.fork_rng(devices=[]):
        for device in ("meta", "cpu"):
            if device == "cpu" and parameters is not None and parameters > MAX_REAL_PARAMETERS:
                break
            try:
                with torch.device(device):
                    # without gradients: the counter's hooks fail on a bare weight as a module's input
                    net = build_net().eval().requires_grad_(False)
                    parameters = count_parameters(net)
                    return NetSize(parameters, count_multiply_adds(net, torch.zeros(1, 3, height, width)))
            except Exception as error:  # some nets read values, which meta tensors lack, or need other inputs
                _log.info("%s cannot be run on %s: %s", label, device, error)
                if device == "cpu" and parameters is None:
                    raise
    assert parameters is not None
    return NetSize(parameters, None)


def count_parameters(net: nn.Module) -> int:
    """Count the weights of a net, a shared one once."""
    return sum(weight.numel() for weight in net.parameters())


def count_multiply_adds(net: nn.Module, x: torch.Tensor) -> int:
    """Count the multiply-adds of one pass of `net`, in evaluation mode, over x (B, C, H, W)."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        net(x)
    return counter.get_total_flops() // 2


def read_size_table(path: Path) -> dict[SizeKey, NetSize]:
    """Read the sizes in a file that `write_size_table` wrote; empty where there is no file."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return {
        SizeKey(name, int(height), int(width), int(classes)): NetSize(int(parameters), int(macs) if macs else None)
        for name, height, width, classes, parameters, macs in rows
    }


def write_size_table(path: Path, sizes: Mapping[SizeKey, NetSize]) -> None:
    """Write sizes as CSV, atomically."""
    text = io.StringIO()
    rows = ([*key, size.n_parameters, "" if size.macs is None else size.macs] for key, size in sorted(sizes.items()))
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    _paths.write_file(path, text.getvalue())


def run_survey(path: Path = TABLE_PATH, save_every: int = 20) -> Iterator[tuple[str, int, int]]:
    """Measure the sizes missing from a table and write them; yields each name, the number done and the total."""
    names = list_surveyed_nets()
    sizes = {key: size for key, size in read_size_table(path).items() if key in names}
    for key, name in names.items():
        if key in sizes:
            continue
        try:
            sizes[key] = measure_size(lambda name=name: build_random_net(name), key.height, key.width, name)
        except Exception as error:  # a net that this machine cannot build must not end the survey
            _log.warning("%s is left out: %s", name, error)
        if len(sizes) % save_every == 0:
            write_size_table(path, sizes)
        yield name, len(sizes), len(names)
    write_size_table(path, sizes)


@contextmanager
def _disable_fused_attention() -> Iterator[None]:
    """Replace fused attention by two matrix products, which the counter sees on every device."""
    fused, experimental = use_fused_attn(), use_fused_attn(experimental=True)
    set_fused_attn(False)
    try:
        yield
    finally:
        set_fused_attn(fused, experimental)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for _name, _done, _total in run_survey(Path(sys.argv[1]) if len(sys.argv) > 1 else TABLE_PATH):
        _log.info("%d of %d: %s", _done, _total, _name)
