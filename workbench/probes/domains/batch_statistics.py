"""Comparison of images with the statistics that a net's batch norms learnt, layer by layer.

The idea is that of Li et al. 2016, "Revisiting batch normalization for practical domain adaptation", arXiv:1603.04779:
the means and variances of batch norms describe the domain that a net was trained on.
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

from workbench.argument_checks import check_arguments
from workbench.data.pixels.augmentation import center_crop
from workbench.errors import BadData, BadValue
from workbench.nets.shape_inference import inference_batch_size
from workbench.probes.eval_mode import use_eval_mode

if TYPE_CHECKING:
    import pandas as pd

    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net

__all__ = ["PreprocessingComparison", "StatisticsGap", "compare_preprocessing", "statistics_gap"]

MAX_IMAGES = 256  # images used by default: the statistics converge quickly
N_EARLY_LAYERS = 3  # batch norms nearest to the input, which depend most directly on the pixels
MIN_GAP_RATIO = 0.5  # another preprocessing is suggested if it reduces the gap at least to this share
USUAL_GAP = 0.25  # gap in nats that can occur between sets of images of the same kind

# normalisations (mean, std) that the pixels may need instead
NORMALIZATIONS = {
    "ImageNet's normalisation": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "a range of -1 to 1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "CLIP's normalisation": ((0.481, 0.458, 0.408), (0.269, 0.261, 0.276)),
    "a range of 0 to 1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "a range of 0 to 255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}


@dataclass(frozen=True)
class StatisticsGap:
    """Gap between the images' statistics and the running statistics of the batch norms.

    Attributes:
        frame: one row per batch norm, in the order of data flow: layer, channels, gap (KL divergence of the images'
            normal distribution from that of the running statistics, mean over channels, in nats).
    """

    frame: pd.DataFrame

    @property
    def early_gap(self) -> float:
        """Mean gap of the first three batch norms, which depend most directly on the pixels."""
        return float(self.frame["gap"].head(N_EARLY_LAYERS).mean())

    @property
    def mean_gap(self) -> float:
        """Mean gap of all batch norms."""
        return float(self.frame["gap"].mean())


@dataclass(frozen=True)
class PreprocessingComparison:
    """Gap of the same images under several kinds of preprocessing.

    Attributes:
        frame: one row per kind: preprocessing, gap (of the first batch norms, in nats); "as they are" first.
    """

    frame: pd.DataFrame

    @property
    def better_fit(self) -> str | None:
        """Name of the preprocessing that fits much better than the present one; None if there is none.

        Exchanged channels change the statistics of natural images little: see `frame` for them.
        """
        gaps = self.frame.set_index("preprocessing")["gap"]
        current, best = float(gaps.iloc[0]), str(gaps.idxmin())
        return best if current > USUAL_GAP and float(gaps[best]) < MIN_GAP_RATIO * current else None


@check_arguments
def statistics_gap(net: Net, images: Images, max_images: int = MAX_IMAGES) -> StatisticsGap:
    """Measure how far the images' statistics are from those of a net's batch norms, layer by layer.

    Args:
        images: at most `max_images` of them are used, spread evenly.
        max_images: at least 8.

    Raises:
        BadValue: a net without batch norms, or `max_images` too small.
        BadData: no images that can be read.
    """
    import pandas as pd

    x = load_sample_pixels(net, images, max_images)
    gaps = measure_layer_gaps(net, x, preprocessing_candidates(net)["as they are"])
    return StatisticsGap(pd.DataFrame(gaps, columns=["layer", "channels", "gap"]))


@check_arguments
def compare_preprocessing(net: Net, images: Images, max_images: int = MAX_IMAGES) -> PreprocessingComparison:
    """Compare kinds of preprocessing by a net's first batch norms: channel order, normalisation, inversion.

    The net processes the same images with each kind of preprocessing; the kind it was trained with gives the smallest
    gap. The net is left unchanged.

    Args:
        images: at most `max_images` of them are used, spread evenly.
        max_images: at least 8.

    Raises:
        BadValue: a net without batch norms, or `max_images` too small.
        BadData: no images that can be read.
    """
    import pandas as pd

    x = load_sample_pixels(net, images, max_images)
    rows = []
    for name, preprocess in preprocessing_candidates(net).items():
        gaps = [gap for _, _, gap in measure_layer_gaps(net, x, preprocess)]
        rows.append((name, float(np.mean(gaps[:N_EARLY_LAYERS]))))
    return PreprocessingComparison(pd.DataFrame(rows, columns=["preprocessing", "gap"]))


def preprocessing_candidates(net: Net) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return functions by name, each from pixels x (B, 3, H, W) in 0..1 to the input of the backbone."""
    mean, std = (t.float().cpu().view(1, -1, 1, 1) for t in (net.mean, net.std))

    def normalizer(m: Tensor, s: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda x: (x - m) / s

    own = normalizer(mean, std)
    candidates = {"as they are": own}
    for name, numbers in NORMALIZATIONS.items():
        m, s = (torch.tensor(v).view(1, -1, 1, 1) for v in numbers)
        if not (torch.allclose(m, mean, atol=0.03) and torch.allclose(s, std, rtol=0.15)):
            candidates[name] = normalizer(m, s)
    candidates["red and blue exchanged"] = lambda x: own(x.flip(1))
    candidates["light and dark exchanged"] = lambda x: own(1 - x)
    return candidates


def load_sample_pixels(net: Net, images: Images, max_images: int) -> Tensor:
    """Return centre crops x (B, 3, H, W) in 0..1 of images spread evenly over the set."""
    if isinstance(max_images, bool) or not isinstance(max_images, int) or max_images < 8:
        raise BadValue(f"expected at least 8 images; got max_images={max_images!r}")
    if not len(images):
        raise BadData(f"{images.name} has no images")
    pre = net.preprocessing
    rows = np.unique(np.linspace(0, len(images) - 1, min(max_images, len(images))).astype(int))
    x, is_readable = images.view(**pre.view_options).load_batch(rows)
    if not is_readable.any():
        raise BadData(f"none of {len(rows)} images of {images.name} can be read; see images.problems")
    return center_crop(x, pre.size).float() / 255


def measure_layer_gaps(net: Net, x: Tensor, preprocess: Callable[[Tensor], Tensor]) -> list[tuple[str, int, float]]:
    """Return layer, channels and gap of every batch norm, in the order of data flow."""
    device = next(net.parameters()).device
    with torch.no_grad(), use_eval_mode(net), _record_input_sums(net) as sums:
        for batch in preprocess(x).split(inference_batch_size(device)):
            net.backbone(batch.to(device))  # not `forward_features`, which refuses values that cannot be pixels
    return [(name, len(s[1]), mean_kl_divergence(net.get_submodule(name), *s)) for name, s in sums.items()]


def mean_kl_divergence(norm: Any, n_values: int, total: Tensor, squares: Tensor) -> float:
    """Return KL(N(images) ‖ N(running statistics)), mean over channels, in nats."""
    mean = total / n_values
    variance = (squares / n_values - mean**2).clamp(min=0) + norm.eps
    running_mean, running_variance = norm.running_mean.double().cpu(), norm.running_var.double().cpu() + norm.eps
    ratio = variance / running_variance
    return float((0.5 * (ratio + (mean - running_mean) ** 2 / running_variance - 1 - ratio.log())).mean())


@contextlib.contextmanager
def _record_input_sums(net: nn.Module) -> Iterator[dict[str, tuple[int, Tensor, Tensor]]]:
    """Record counts, sums and sums of squares (C,) of the input of each batch norm while the block runs."""
    sums: dict[str, tuple[int, Tensor, Tensor]] = {}
    norms = {n: m for n, m in net.named_modules() if isinstance(m, _BatchNorm) and m.running_mean is not None}
    if not norms:
        raise BadValue("this net has no batch norm, so that it stores no statistics of its training images")

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
