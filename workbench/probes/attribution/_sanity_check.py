"""Sanity check of saliency maps: do they change when the net's weights are randomised?"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from workbench.annotated_types import Seed
from workbench.argument_checks import check_arguments
from workbench.probes.attribution._saliency import saliency
from workbench.probes.attribution.rank_agreement import rank_correlation
from workbench.probes.input_images import InputImages
from workbench.probes.maps import methods

if TYPE_CHECKING:
    from workbench.nets.net import Net

__all__ = ["SanityCheck", "sanity_check"]

MAX_AGREEMENT = (
    0.5  # a map that agrees more than this with that of a randomised net depends on the image, not on the net
)


@dataclass(frozen=True)
class SanityCheck:
    """Agreement of saliency maps with the original ones while the weights are shuffled, stage by stage from the head.

    Attributes:
        method: of the maps.
        frame: one row per step: stage (the last one shuffled; empty at the start), shuffled (share of the weights,
            0..1), agreement (mean rank correlation with the original maps, of absolute values), low and high (its mean
            minus and plus the standard deviation over images).
    """

    method: str
    frame: pd.DataFrame

    @property
    def is_passed(self) -> bool:
        """True if the maps of the net with all weights shuffled have little in common with the original ones."""
        return bool(self.frame["agreement"].iloc[-1] < MAX_AGREEMENT)


@check_arguments
def sanity_check(
    net: Net,
    images: Any,
    method: str = "grad-cam",
    target: Any = None,
    layer: str | None = None,
    *,
    seed: Seed = 0,
    **params: Any,
) -> SanityCheck:
    """Test saliency maps by cascading randomisation: the weights of a copy are shuffled stage by stage, head first.

    The elements of each tensor are permuted, so that their distribution stays. The net itself is left unchanged.

    Source: Adebayo et al. 2018, arXiv:1810.03292.

    Args:
        images: as for `saliency`; some tens are enough.
        method: one of `wb.probes.describe_saliency_methods()`.
        target: as for `saliency`; if left out, the prediction of the original net at every step.
        layer: the stage used; that of `saliency` for the net if left out.
        seed: of the permutations.
        params: of the method.

    Raises:
        UnknownName, BadValue, BadData: as for `saliency`.
    """
    methods.make_choice(method, **params)
    inputs = InputImages.from_images(net, images)
    original = saliency(net, inputs, method, target, layer, **params)
    shuffled, rng = copy.deepcopy(net), torch.Generator().manual_seed(seed)
    rows = [_summary_row("", 0.0, np.ones(len(original)))]
    n_shuffled = 0
    n_total = sum(stage.n_parameters for stage in net.stages)
    for stage in reversed(net.stages):
        if not stage.n_parameters:
            continue
        _shuffle_weights(shuffled, stage.tensor_names, rng)
        n_shuffled += stage.n_parameters
        current = saliency(shuffled, inputs, method, original.target, original.layer, **params)
        rows.append(
            _summary_row(
                stage.name, n_shuffled / n_total, rank_correlation(np.abs(original.maps), np.abs(current.maps))
            )
        )
    return SanityCheck(original.method, pd.DataFrame(rows))


@torch.no_grad()
def _shuffle_weights(net: Net, names: tuple[str, ...], rng: torch.Generator) -> None:
    weights = dict(net.named_parameters())
    for name in names:
        if name in weights:
            flat = weights[name].flatten()
            weights[name].copy_(flat[torch.randperm(len(flat), generator=rng).to(flat.device)].view_as(weights[name]))


def _summary_row(stage: str, fraction: float, values: np.ndarray) -> dict[str, Any]:
    # a constant map has no rank correlation: counted as no agreement
    values = np.nan_to_num(values, nan=0.0)
    mean, spread = float(values.mean()), float(values.std())
    return {"stage": stage, "shuffled": fraction, "agreement": mean, "low": mean - spread, "high": mean + spread}
