"""Faithfulness of saliency maps: the net's probability while the highlighted pixels are removed or inserted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, escape_returned_text
from workbench.probes.eval_mode import freeze_in_eval_mode

if TYPE_CHECKING:
    from workbench.nets.net import Net
    from workbench.probes.attribution._saliency import Saliency

__all__ = ["Faithfulness", "faithfulness"]

RANDOM_MAP_SIZE = 8  # cells along an edge of a random map: about as smooth as a class activation map
BATCH_SIZE = 64  # images per forward pass


@dataclass(frozen=True)
class Faithfulness:
    """Probability of the target while pixels are removed or inserted in the order of a saliency map.

    Attributes:
        method: of the maps.
        curves: share (0..1 of the pixels), game (deletion or insertion), order (the method, or chance) and probability
            (0..1, mean over images).
        scores: one row per image: id, and the area under each curve, 0..1: deletion, insertion, and both for random
            maps (chance_deletion, chance_insertion).
    """

    method: str
    curves: pd.DataFrame
    scores: pd.DataFrame

    @property
    def deletion(self) -> float:
        """Mean area under the deletion curves, 0..1: low if the pixels removed first mattered."""
        return float(self.scores["deletion"].mean())

    @property
    def insertion(self) -> float:
        """Mean area under the insertion curves, 0..1: high if the pixels inserted first are enough."""
        return float(self.scores["insertion"].mean())

    @escape_returned_text
    def __str__(self) -> str:
        chance = self.scores[["chance_deletion", "chance_insertion"]].mean()
        return (
            f"{self.method}: deletion {self.deletion:.3f} (chance {chance.iloc[0]:.3f}, lower is better), "
            f"insertion {self.insertion:.3f} (chance {chance.iloc[1]:.3f}, higher is better)"
        )


@check_arguments
def faithfulness(net: Net, saliency: Saliency, *, steps: int = 16, seed: Seed = 0) -> Faithfulness:
    """Compute deletion and insertion curves of saliency maps, compared with smooth random maps.

    Deletion blurs the image in the order of the map, highest values first; insertion starts from the blurred image and
    restores the pixels in that order. Random maps of the same coarseness give the values by chance.

    Source: Petsiuk et al. 2018, arXiv:1806.07421.

    Args:
        saliency: result of `saliency` for this net.
        steps: number of steps in which the pixels are changed, 2 to 200.
        seed: of the random maps.

    Raises:
        BadValue: steps out of range, or maps of images of another size than this net's.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 2 <= steps <= 200:
        raise BadValue(f"expected a whole number of steps from 2 to 200; got {steps!r}")
    image_size = net.preprocessing.size
    if saliency.maps.shape[1:] != (image_size, image_size):
        raise BadValue(
            f"these maps are of images of {saliency.maps.shape[1]} px, this net's input is {image_size} px: "
            "compute them with this net"
        )
    shares = np.linspace(0, 1, steps + 1)
    orders = {
        saliency.method: rank_pixels(saliency.maps, seed),
        "chance": rank_pixels(_draw_random_maps(len(saliency), image_size, seed), seed),
    }
    curves_by_key = {
        (game, order): _probability_curve(net, saliency, ranks, shares, game)
        for order, ranks in orders.items()
        for game in ("deletion", "insertion")
    }
    curves = [
        pd.DataFrame({"share": shares, "game": game, "order": order, "probability": values.mean(0)})
        for (game, order), values in curves_by_key.items()
    ]
    scores = {"id": saliency.frame["id"]}
    for (game, order), values in curves_by_key.items():
        name = game if order == saliency.method else f"chance_{game}"
        scores[name] = np.trapezoid(values, shares, axis=1)
    return Faithfulness(saliency.method, pd.concat(curves, ignore_index=True), pd.DataFrame(scores))


def rank_pixels(maps: np.ndarray, seed: int) -> np.ndarray:
    """Return each pixel's rank in its map, highest first, 0 to 1 (N, H, W); equal values in random order."""
    flat = maps.reshape(len(maps), -1)
    ties = np.random.default_rng(seed).random(flat.shape[1])
    ranks = np.empty(flat.shape, np.float32)
    for row, values in enumerate(flat):
        ranks[row, np.lexsort((ties, -values))] = np.arange(flat.shape[1]) / flat.shape[1]
    return ranks.reshape(maps.shape)


def _draw_random_maps(n_maps: int, size: int, seed: int) -> np.ndarray:
    coarse = torch.rand(n_maps, 1, RANDOM_MAP_SIZE, RANDOM_MAP_SIZE, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, (size, size), mode="bilinear")[:, 0].numpy()


@torch.no_grad()
def _probability_curve(net: Net, saliency: Saliency, ranks: np.ndarray, fractions: np.ndarray, game: str) -> np.ndarray:
    """Return the target's probability (N, steps + 1) while pixels are removed or inserted."""
    values = np.empty((len(saliency), len(fractions)))
    with freeze_in_eval_mode(net):
        device = next(net.parameters()).device
        for start in range(0, len(saliency), BATCH_SIZE):
            part = slice(start, start + BATCH_SIZE)
            x = torch.from_numpy(saliency.images[part]).to(device).permute(0, 3, 1, 2).float() / 255
            target = torch.from_numpy(saliency.target[part]).to(device)[:, None]
            order = torch.from_numpy(ranks[part]).to(device)[:, None]
            blurred = blur_images(x)
            for index, share in enumerate(fractions):
                is_changed = order < float(share)
                mixed = torch.where(is_changed == (game == "insertion"), x, blurred)
                values[part, index] = net(mixed).softmax(1).gather(1, target)[:, 0].cpu().numpy()
    return values


def blur_images(x: Tensor) -> Tensor:
    """Blur images x (N, 3, S, S) over a fifth of their edge, so that their class cannot be recognised."""
    image_size = x.shape[-1]
    kernel_size = max(image_size // 5, 1) // 2 * 2 + 1
    for _ in range(3):  # three boxes are nearly a Gaussian
        x = F.pad(x, (kernel_size // 2,) * 4, mode="replicate")
        # separable: rows, then columns, which is cheaper than a square box
        x = F.avg_pool2d(F.avg_pool2d(x, (kernel_size, 1), stride=1), (1, kernel_size), stride=1)
    return x
