"""Do the images look to a net as those did that it learnt from? Its batch norms remember, layer by layer.

The idea is that of Li et al. 2016, "Revisiting batch normalization for practical domain adaptation",
arXiv:1603.04779: what a domain is to a net stands in the means and variances of its batch norms.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue
from workbench.images.crops import centre
from workbench.nets.measure import at_once
from workbench.probes.stage_features import evaluating

if TYPE_CHECKING:
    import pandas as pd

    from workbench.images import Images
    from workbench.nets import Net

MOST = 256  # images that are looked at: statistics settle soon
FIRST = 3  # batch norms from the pixels on, which pixels speak to most directly
BETTER = 0.5  # another reading of the pixels is believed where it at least halves the gap
PLAIN = 0.25  # a gap in nats that other images of the same kind can have

# how a person may have meant the pixels, as (mean, std) that they should have been normalised with
NORMALISATIONS = {
    "ImageNet's normalisation": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "a range of -1 to 1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "CLIP's normalisation": ((0.481, 0.458, 0.408), (0.269, 0.261, 0.276)),
    "a range of 0 to 1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "a range of 0 to 255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}


@dataclass(frozen=True)
class StatisticsGap:
    """How far the images' statistics are from those that batch norms remember.

    Attributes:
        frame: a row a batch norm, in the order data flows: layer, channels, gap (mean over channels of the divergence
            of the images' normal distribution from the remembered one, in nats).
    """

    frame: pd.DataFrame

    @property
    def early(self) -> float:
        """Mean gap of the first batch norms: what the pixels themselves make of it."""
        return float(self.frame["gap"].head(FIRST).mean())

    @property
    def mean(self) -> float:
        """Mean gap of all."""
        return float(self.frame["gap"].mean())


@dataclass(frozen=True)
class PixelReadings:
    """The same images read in several ways, and how well each fits what the net remembers.

    Attributes:
        frame: a row a reading: reading, gap (of the first batch norms, in nats); "as they are" first.
    """

    frame: pd.DataFrame

    @property
    def suspect(self) -> str | None:
        """The reading that fits much better than the present one; None where none does.

        Exchanged channels move the statistics of natural images little: see the frame for them.
        """
        gaps = self.frame.set_index("reading")["gap"]
        now, best = float(gaps.iloc[0]), str(gaps.idxmin())
        return best if now > PLAIN and float(gaps[best]) < BETTER * now else None


@check_arguments
def statistics_gap(net: Net, images: Images, limit: int = MOST) -> StatisticsGap:
    """How far a net's batch norms find these images from those it learnt from, layer by layer.

    Args:
        images: at most `limit` of them are looked at, spread evenly.
        limit: at least 8.

    Raises:
        BadValue: a net without batch norms, or a limit too small.
        BadData: no images that can be read.
    """
    import pandas as pd

    x = pixels(net, images, limit)
    found = heard(net, x, readings(net)["as they are"])
    return StatisticsGap(pd.DataFrame(found, columns=["layer", "channels", "gap"]))


@check_arguments
def pixel_readings(net: Net, images: Images, limit: int = MOST) -> PixelReadings:
    """Whether pixels reach a net in another form than it learnt from: channel order, normalisation, inversion.

    Every reading of the same images is shown to the net, and its first batch norms say which they know best. The net
    is left as it was.

    Args:
        images: at most `limit` of them are looked at, spread evenly.
        limit: at least 8.

    Raises:
        BadValue: a net without batch norms, or a limit too small.
        BadData: no images that can be read.
    """
    import pandas as pd

    x = pixels(net, images, limit)
    rows = []
    for reading, entering in readings(net).items():
        gaps = [gap for _, _, gap in heard(net, x, entering)]
        rows.append((reading, float(np.mean(gaps[:FIRST]))))
    return PixelReadings(pd.DataFrame(rows, columns=["reading", "gap"]))


def readings(net: Net) -> dict[str, Callable[[Tensor], Tensor]]:
    """By name, what makes of pixels x (B, 3, H, W) from 0 to 1 what enters the backbone."""
    mean, std = (t.float().cpu().view(1, -1, 1, 1) for t in (net.mean, net.std))

    def normalised(m: Tensor, s: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda x: (x - m) / s

    own = normalised(mean, std)
    found = {"as they are": own}
    for name, numbers in NORMALISATIONS.items():
        m, s = (torch.tensor(v).view(1, -1, 1, 1) for v in numbers)
        if not (torch.allclose(m, mean, atol=0.03) and torch.allclose(s, std, rtol=0.15)):
            found[name] = normalised(m, s)
    found["red and blue exchanged"] = lambda x: own(x.flip(1))
    found["light and dark exchanged"] = lambda x: own(1 - x)
    return found


def pixels(net: Net, images: Images, limit: int) -> Tensor:
    """Centre views x (B, 3, H, W) from 0 to 1 of images spread evenly over the set."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 8:
        raise BadValue(f"statistics are taken of at least 8 images; got limit={limit!r}")
    if not len(images):
        raise BadData(f"{images.name} has no images")
    pre = net.preprocessing
    rows = np.unique(np.linspace(0, len(images) - 1, min(limit, len(images))).astype(int))
    x, good = images.view(**pre.view_options).batch(rows)
    if not good.any():
        raise BadData(f"none of {len(rows)} images of {images.name} can be read; see images.problems")
    return centre(x, pre.size).float() / 255


def heard(net: Net, x: Tensor, reading: Callable[[Tensor], Tensor]) -> list[tuple[str, int, float]]:
    """Layer, channels and gap of every batch norm, in the order data flows."""
    place = next(net.parameters()).device
    with torch.no_grad(), evaluating(net), _listening(net) as sums:
        for batch in reading(x).split(at_once(place)):
            net.backbone(batch.to(place))  # not by `trunk`, which refuses what cannot be pixels
    return [(name, len(s[1]), divergence(net.get_submodule(name), *s)) for name, s in sums.items()]


def divergence(norm: Any, count: int, total: Tensor, squares: Tensor) -> float:
    """Mean over channels of KL(N(images) ‖ N(remembered)), in nats."""
    mean = total / count
    variance = (squares / count - mean**2).clamp(min=0) + norm.eps
    known, spread = norm.running_mean.double().cpu(), norm.running_var.double().cpu() + norm.eps
    ratio = variance / spread
    return float((0.5 * (ratio + (mean - known) ** 2 / spread - 1 - ratio.log())).mean())


@contextlib.contextmanager
def _listening(net: nn.Module) -> Iterator[dict[str, tuple[int, Tensor, Tensor]]]:
    """Counts, sums and sums of squares (C,) of what enters each batch norm; the hooks go with the block."""
    sums: dict[str, tuple[int, Tensor, Tensor]] = {}
    norms = {n: m for n, m in net.named_modules() if isinstance(m, _BatchNorm) and m.running_mean is not None}
    if not norms:
        raise BadValue("this net has no batch norm, so that it remembers no statistics of its images")

    def listen(name: str) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].detach().double().transpose(0, 1).flatten(1).cpu()
            count, total, squares = sums.get(name, (0, torch.zeros(len(x)).double(), torch.zeros(len(x)).double()))
            sums[name] = count + x.shape[1], total + x.sum(1), squares + (x * x).sum(1)

        return hook

    handles = [norm.register_forward_pre_hook(listen(name)) for name, norm in norms.items()]
    try:
        yield sums
    finally:
        for handle in handles:
            handle.remove()
