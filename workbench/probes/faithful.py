"""Is a map true to its net? Take away what it shows, bring back what it shows, and see what the net says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.arguments import check_arguments
from workbench.errors import BadValue, printable_text
from workbench.markers import Seed
from workbench.probes.quiet import quiet

if TYPE_CHECKING:
    from workbench.nets import Net
    from workbench.probes.looking import Saliency

COARSE = 8  # places along an edge of a map of chance: about as smooth as a class activation map
TOGETHER = 64  # pictures a pass


@dataclass(frozen=True)
class Faithfulness:
    """What the net says of its target while the map's places go, or come.

    Attributes:
        method: of the map.
        curves: share (0..1 of the pixels), game (deletion or insertion), order (the method, or chance) and
            probability (0..1, mean over pictures).
        scores: a row a picture: id, and the area under each curve, 0..1: deletion, insertion, and both for chance.
    """

    method: str
    curves: pd.DataFrame
    scores: pd.DataFrame

    @property
    def deletion(self) -> float:
        """Mean area under the deletion curves, 0..1: low if what goes first mattered."""
        return float(self.scores["deletion"].mean())

    @property
    def insertion(self) -> float:
        """Mean area under the insertion curves, 0..1: high if what comes first is enough."""
        return float(self.scores["insertion"].mean())

    @printable_text
    def __str__(self) -> str:
        chance = self.scores[["chance_deletion", "chance_insertion"]].mean()
        return (
            f"{self.method}: deletion {self.deletion:.3f} (chance {chance.iloc[0]:.3f}, lower is better), "
            f"insertion {self.insertion:.3f} (chance {chance.iloc[1]:.3f}, higher is better)"
        )


@check_arguments
def faithfulness(net: Net, shown: Saliency, *, steps: int = 16, seed: Seed = 0) -> Faithfulness:
    """Deletion and insertion curves of some maps, against smooth maps of chance.

    Deletion blurs the picture away, the map's highest places first; insertion starts from the blurred picture and
    brings them back. A map of chance does the same in a random order of equally coarse places.

    Petsiuk et al. 2018, arXiv:1806.07421.

    Args:
        shown: what `saliency` found for this net.
        steps: parts in which the pixels go, 2 to 200.
        seed: of the maps of chance.

    Raises:
        BadValue: steps out of range, or maps of pictures of another size than this net's.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 2 <= steps <= 200:
        raise BadValue(f"steps is a whole number from 2 to 200; got {steps!r}")
    edge = net.preprocessing.size
    if shown.maps.shape[1:] != (edge, edge):
        raise BadValue(f"these maps are of pictures of {shown.maps.shape[1]} px, this net sees {edge} px: ask it anew")
    shares = np.linspace(0, 1, steps + 1)
    orders = {shown.method: places(shown.maps, seed), "chance": places(_chance(len(shown), edge, seed), seed)}
    found = {
        (game, order): _curve(net, shown, ranks, shares, game)
        for order, ranks in orders.items()
        for game in ("deletion", "insertion")
    }
    curves = [
        pd.DataFrame({"share": shares, "game": game, "order": order, "probability": values.mean(0)})
        for (game, order), values in found.items()
    ]
    scores = {"id": shown.frame["id"]}
    for (game, order), values in found.items():
        name = game if order == shown.method else f"chance_{game}"
        scores[name] = np.trapezoid(values, shares, axis=1)
    return Faithfulness(shown.method, pd.concat(curves, ignore_index=True), pd.DataFrame(scores))


def places(maps: np.ndarray, seed: int) -> np.ndarray:
    """Each pixel's place in the order of its map, highest first, 0 to 1 (N, H, W); equals in random order."""
    flat = maps.reshape(len(maps), -1)
    ties = np.random.default_rng(seed).random(flat.shape[1])
    ranks = np.empty(flat.shape, np.float32)
    for row, values in enumerate(flat):
        ranks[row, np.lexsort((ties, -values))] = np.arange(flat.shape[1]) / flat.shape[1]
    return ranks.reshape(maps.shape)


def _chance(count: int, edge: int, seed: int) -> np.ndarray:
    coarse = torch.rand(count, 1, COARSE, COARSE, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, (edge, edge), mode="bilinear")[:, 0].numpy()


@torch.no_grad()
def _curve(net: Net, shown: Saliency, ranks: np.ndarray, shares: np.ndarray, game: str) -> np.ndarray:
    """The target's probability (N, steps + 1) as the places go or come."""
    values = np.empty((len(shown), len(shares)))
    with quiet(net):
        place = next(net.parameters()).device
        for start in range(0, len(shown), TOGETHER):
            part = slice(start, start + TOGETHER)
            x = torch.from_numpy(shown.pictures[part]).to(place).permute(0, 3, 1, 2).float() / 255
            target = torch.from_numpy(shown.target[part]).to(place)[:, None]
            order = torch.from_numpy(ranks[part]).to(place)[:, None]
            blank = blurred(x)
            for at, share in enumerate(shares):
                taken = order < float(share)
                mixed = torch.where(taken == (game == "insertion"), x, blank)
                values[part, at] = net(mixed).softmax(1).gather(1, target)[:, 0].cpu().numpy()
    return values


def blurred(x: Tensor) -> Tensor:
    """The pictures without what tells their class: smoothed over a fifth of their edge."""
    edge = x.shape[-1]
    wide = max(edge // 5, 1) // 2 * 2 + 1
    for _ in range(3):  # three boxes are nearly a Gaussian
        x = F.pad(x, (wide // 2,) * 4, mode="replicate")
        # rows, then columns: the same as a square box, which costs as many sums as it has pixels
        x = F.avg_pool2d(F.avg_pool2d(x, (wide, 1), stride=1), (1, wide), stride=1)
    return x
