"""The same pictures under several nets: before and after transfer, and from scratch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from workbench.arguments import check_arguments
from workbench.errors import BadValue
from workbench.probes.looking import Saliency, saliency
from workbench.probes.rank_agreement import agreement

if TYPE_CHECKING:
    from workbench.nets import Net

NOTE = "These nets do not share their classes: each map explains what its own net predicts."


@dataclass(frozen=True)
class Compared:
    """Where several nets looked in the same pictures.

    Attributes:
        shown: name of a net -> what `saliency` found for it; pictures in the same order.
        frame: a row a picture, those whose maps moved most first: id, row (its place in the maps), agreement of the
            first two nets, and what each net predicts.
        pairs: a row a pair of nets: first, second, agreement (mean rank correlation, -1..1), low and high (a quarter
            of the pictures lies below and above).
        note: a sentence on what was explained where the nets do not share their classes; else empty.
    """

    shown: Mapping[str, Saliency]
    frame: pd.DataFrame
    pairs: pd.DataFrame
    note: str

    @property
    def agreement(self) -> float:
        """Of the first two nets, -1 to 1: 1 if their maps order the places alike."""
        return float(self.pairs["agreement"].iloc[0])


@check_arguments
def compare_saliency(
    nets: Mapping[str, Net],
    images: Any,
    method: str = "grad-cam",
    target: Any = None,
    layer: str | None = None,
    **params: Any,
) -> Compared:
    """Where nets look in the same pictures, and how far that moved from the first net to the second.

    Args:
        nets: two or more by name, such as `{"pretrained": ..., "fine-tuned": ..., "from scratch": ...}`.
        images: as `saliency` takes them.
        method: one of `wb.probes.saliency_methods()`.
        target: a class by name, or one a picture; if left out, what the last net predicts where all nets know the
            same classes, else what each net predicts.
        layer: a stage that all nets have; found for each if left out.
        params: of the method.

    Raises:
        BadValue: fewer than two nets.
        UnknownName, BadData: as `saliency`.
    """
    return beside(*each(nets, images, method, target, layer, **params))


def each(
    nets: Mapping[str, Net], images: Any, method: str, target: Any, layer: str | None, **params: Any
) -> tuple[dict[str, Saliency], str]:
    """What every net finds in the same pictures, asked for the same wherever that can be, and what to know of it."""
    if not isinstance(nets, Mapping) or len(nets) < 2:
        raise BadValue('a comparison wants two or more nets by name, such as {"pretrained": net, "fine-tuned": other}')
    names = [str(name) for name in nets]
    known = {net.classes for net in nets.values()}
    shared = len(known) == 1 and None not in known
    last = saliency(list(nets.values())[-1], images, method, target, layer, **params)
    if target is None and shared:
        target = last.target
    note = "" if target is not None else NOTE
    others = [saliency(net, images, method, target, layer, **params) for net in list(nets.values())[:-1]]
    return dict(zip(names, [*others, last], strict=True)), note


def beside(shown: Mapping[str, Saliency], note: str) -> Compared:
    """What was found, net beside net, with how far the maps agree."""
    names = list(shown)
    edge = min(one.maps.shape[1] for one in shown.values())
    maps = {name: resized(one.maps, edge) for name, one in shown.items()}
    found = {pair: agreement(maps[pair[0]], maps[pair[1]]) for pair in itertools.combinations(names, 2)}
    pairs = [{"first": a, "second": b, **_summary(values)} for (a, b), values in found.items()]
    one = next(iter(shown.values()))
    columns: dict[str, Any] = {
        "id": one.frame["id"],
        "row": np.arange(len(one)),
        "agreement": found[names[0], names[1]],
    }
    if "true" in one.frame:
        columns["true"] = one.frame["true"]
    columns |= {name: other.frame["predicted"] for name, other in shown.items()}
    frame = pd.DataFrame(columns).sort_values("agreement", kind="stable", ignore_index=True)
    return Compared(shown, frame, pd.DataFrame(pairs), note)


def resized(maps: np.ndarray, edge: int) -> np.ndarray:
    """Maps (N, S, S) at another edge, averaged down."""
    if maps.shape[1] == edge:
        return maps
    return F.interpolate(torch.from_numpy(maps)[:, None], (edge, edge), mode="area")[:, 0].numpy()


def _summary(values: np.ndarray) -> dict[str, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return dict.fromkeys(("agreement", "low", "high"), float("nan"))
    low, high = np.percentile(known, (25, 75))
    return {"agreement": float(known.mean()), "low": float(low), "high": float(high)}
