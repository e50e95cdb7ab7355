"""The sanity check: does a map change when the net forgets what it learnt?"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from workbench.arguments import check_arguments
from workbench.markers import Seed
from workbench.probes.looking import saliency
from workbench.probes.maps import methods
from workbench.probes.pictures import Pictures
from workbench.probes.rank_agreement import agreement

if TYPE_CHECKING:
    from workbench.nets import Net

ENOUGH = 0.5  # a map that agrees more than this with that of a net that knows nothing shows the picture, not the net


@dataclass(frozen=True)
class Sanity:
    """How alike the maps stay while the weights are shuffled, stage by stage from the head down.

    Attributes:
        method: of the maps.
        frame: a row a step: stage (the last one shuffled; empty at the start), shuffled (share of the weights, 0..1),
            agreement (mean rank correlation with the first maps, of their size alone), low and high (its standard
            deviation over pictures on either side).
    """

    method: str
    frame: pd.DataFrame

    @property
    def passed(self) -> bool:
        """Whether the maps of the net with all weights shuffled have little to do with its own."""
        return bool(self.frame["agreement"].iloc[-1] < ENOUGH)


@check_arguments
def sanity(
    net: Net,
    images: Any,
    method: str = "grad-cam",
    target: Any = None,
    layer: str | None = None,
    *,
    seed: Seed = 0,
    **params: Any,
) -> Sanity:
    """Cascading randomisation: a copy of the net loses its weights stage by stage, head first.

    Each tensor's numbers change places, so that their sizes stay as they were. The net itself is not touched.

    Adebayo et al. 2018, arXiv:1810.03292.

    Args:
        images: as `saliency` takes them; some tens are enough.
        method: one of `wb.probes.saliency_methods()`.
        target: as `saliency` takes it; what the net itself predicts is explained at every step if left out.
        layer: the stage read; the one that `saliency` finds for the net if left out.
        seed: of the shuffling.
        params: of the method.

    Raises:
        UnknownName, BadValue, BadData: as `saliency`.
    """
    methods.choice(method, **params)
    shown = Pictures.of(net, images)
    first = saliency(net, shown, method, target, layer, **params)
    other, dice = copy.deepcopy(net), torch.Generator().manual_seed(seed)
    rows = [_row("", 0.0, np.ones(len(first)))]
    gone = 0
    total = sum(stage.parameters for stage in net.stages)
    for stage in reversed(net.stages):
        if not stage.parameters:
            continue
        _shuffle(other, stage.tensors, dice)
        gone += stage.parameters
        now = saliency(other, shown, method, first.target, first.layer, **params)
        rows.append(_row(stage.name, gone / total, agreement(np.abs(first.maps), np.abs(now.maps))))
    return Sanity(first.method, pd.DataFrame(rows))


@torch.no_grad()
def _shuffle(net: Net, names: tuple[str, ...], dice: torch.Generator) -> None:
    weights = dict(net.named_parameters())
    for name in names:
        if name in weights:
            flat = weights[name].flatten()
            weights[name].copy_(flat[torch.randperm(len(flat), generator=dice).to(flat.device)].view_as(weights[name]))


def _row(stage: str, share: float, values: np.ndarray) -> dict[str, Any]:
    # a map that became empty agrees with nothing
    values = np.nan_to_num(values, nan=0.0)
    mean, spread = float(values.mean()), float(values.std())
    return {"stage": stage, "shuffled": share, "agreement": mean, "low": mean - spread, "high": mean + spread}
