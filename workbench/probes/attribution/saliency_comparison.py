"""Saliency maps of the same images under several nets, such as before and after transfer."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue
from workbench.probes.attribution._saliency import Saliency, saliency
from workbench.probes.attribution.rank_agreement import rank_correlation

if TYPE_CHECKING:
    from workbench.nets.net import Net

__all__ = ["SaliencyComparison", "compare_saliency"]

DIFFERENT_CLASSES_NOTE = "These nets do not share their classes: each map explains what its own net predicts."


@dataclass(frozen=True)
class SaliencyComparison:
    """Saliency maps of several nets for the same images.

    Attributes:
        saliencies: name of a net -> result of `saliency`; images in the same order.
        frame: one row per image, those whose maps changed most first: id, row (its index in the maps), agreement of the
            first two nets, and the prediction of each net.
        pairs: one row per pair of nets: first, second, agreement (mean rank correlation, -1..1), low and high
            (quartiles over the images).
        note: a sentence on which target was explained if the nets do not share their classes; else empty.
    """

    saliencies: Mapping[str, Saliency]
    frame: pd.DataFrame
    pairs: pd.DataFrame
    note: str

    @property
    def agreement(self) -> float:
        """Mean rank correlation of the maps of the first two nets, -1..1; 1 for the same order of pixels."""
        return float(self.pairs["agreement"].iloc[0])


@check_arguments
def compare_saliency(
    nets: Mapping[str, Net],
    images: Any,
    method: str = "grad-cam",
    target: Any = None,
    layer: str | None = None,
    **params: Any,
) -> SaliencyComparison:
    """Compute saliency maps of the same images for several nets, and their rank correlation for each pair of nets.

    Args:
        nets: two or more by name, such as `{"pretrained": ..., "fine-tuned": ..., "from scratch": ...}`.
        images: as for `saliency`.
        method: one of `wb.probes.describe_saliency_methods()`.
        target: a class by name, or one per image; if left out, the last net's prediction if all nets have the same
            classes, else each net's own prediction.
        layer: a stage that all nets have; chosen for each net if left out.
        params: of the method.

    Raises:
        BadValue: fewer than two nets.
        UnknownName, BadData: as for `saliency`.
    """
    return summarize_saliencies(*compute_saliencies(nets, images, method, target, layer, **params))


def compute_saliencies(
    nets: Mapping[str, Net], images: Any, method: str, target: Any, layer: str | None, **params: Any
) -> tuple[dict[str, Saliency], str]:
    """Return each net's saliency of the same images, with the same target if possible, and a note on the target."""
    if not isinstance(nets, Mapping) or len(nets) < 2:
        raise BadValue('expected two or more nets by name, such as {"pretrained": net, "fine-tuned": other}')
    names = [str(name) for name in nets]
    class_lists = {net.classes for net in nets.values()}
    shared = len(class_lists) == 1 and None not in class_lists
    last = saliency(list(nets.values())[-1], images, method, target, layer, **params)
    if target is None and shared:
        target = last.target
    note = "" if target is not None else DIFFERENT_CLASSES_NOTE
    others = [saliency(net, images, method, target, layer, **params) for net in list(nets.values())[:-1]]
    return dict(zip(names, [*others, last], strict=True)), note


def summarize_saliencies(saliencies: Mapping[str, Saliency], note: str) -> SaliencyComparison:
    """Return the comparison of several nets' maps, with their rank correlations."""
    names = list(saliencies)
    map_size = min(item.maps.shape[1] for item in saliencies.values())
    maps = {name: resize_maps(item.maps, map_size) for name, item in saliencies.items()}
    agreements = {pair: rank_correlation(maps[pair[0]], maps[pair[1]]) for pair in itertools.combinations(names, 2)}
    pairs = [{"first": a, "second": b, **_summarize_agreement(values)} for (a, b), values in agreements.items()]
    item = next(iter(saliencies.values()))
    columns: dict[str, Any] = {
        "id": item.frame["id"],
        "row": np.arange(len(item)),
        "agreement": agreements[names[0], names[1]],
    }
    if "true" in item.frame:
        columns["true"] = item.frame["true"]
    columns |= {name: other.frame["predicted"] for name, other in saliencies.items()}
    frame = pd.DataFrame(columns).sort_values("agreement", kind="stable", ignore_index=True)
    return SaliencyComparison(saliencies, frame, pd.DataFrame(pairs), note)


def resize_maps(maps: np.ndarray, size: int) -> np.ndarray:
    """Resize maps (N, S, S) to another edge by averaging."""
    if maps.shape[1] == size:
        return maps
    return F.interpolate(torch.from_numpy(maps)[:, None], (size, size), mode="area")[:, 0].numpy()


def _summarize_agreement(values: np.ndarray) -> dict[str, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return dict.fromkeys(("agreement", "low", "high"), float("nan"))
    low, high = np.percentile(known, (25, 75))
    return {"agreement": float(known.mean()), "low": float(low), "high": float(high)}
