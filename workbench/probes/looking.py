"""Where did the net look: one call for every saliency method, over images or arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.arguments import check_arguments
from workbench.probes.maps import methods
from workbench.probes.maps.base import Question
from workbench.probes.pictures import Pictures
from workbench.probes.places import chosen_grid
from workbench.probes.quiet import quiet
from workbench.probes.targets import indices

if TYPE_CHECKING:
    from workbench.nets import Net

TOGETHER = 32  # pictures a pass


@dataclass(frozen=True)
class Saliency:
    """Where a net looked in N pictures.

    Attributes:
        maps: (N, S, S) float32, how much each pixel counts; in the method's own units, below 0 only if `signed`.
        pictures: (N, S, S, 3) uint8, as the net was shown them.
        target: (N,) the outputs explained.
        frame: a row a picture: id, true (where known, and in the net's own words), predicted, confidence, target and
            its probability.
        method: its name.
        layer: the stage read; None for methods that read pixels.
        signed: whether values below 0 speak against the target.
    """

    maps: np.ndarray
    pictures: np.ndarray
    target: np.ndarray
    frame: pd.DataFrame
    method: str
    layer: str | None
    signed: bool

    def __len__(self) -> int:
        return len(self.maps)

    @property
    def scaled(self) -> np.ndarray:
        """The maps, each by its own largest value: 0 to 1, or -1 to 1 if `signed`; a map of zeros stays so."""
        most = np.abs(self.maps).max(axis=(1, 2), keepdims=True)
        return self.maps / np.where(most > 0, most, 1)


@check_arguments
def saliency(
    net: Net,
    images: Any,
    method: str = "grad-cam",
    target: int | str | Sequence[int | str] | np.ndarray | Tensor | None = None,
    layer: str | None = None,
    **params: Any,
) -> Saliency:
    """Where the net looks when it says that a picture shows the target.

    The net is left as it was: modes, gradients, hooks, also after an error.

    Args:
        images: an `Images`; or pixels, uint8 or floats from 0 to 1, as an array (N, H, W, 3), (H, W, 3) or a list of
            such, or a tensor (N, 3, H, W). They are shown to the net as its preprocessing wants them.
        method: one of `wb.probes.saliency_methods()`.
        target: a class by name or number, or one a picture; each picture's prediction if left out.
        layer: a stage of the net, for methods that read one; if left out, the last that the head listens to and that
            has 4 places a side, for any family of nets.
        params: of the method.

    Raises:
        UnknownName: no such method, parameter, stage or class.
        BadValue: a class number out of range, a stage without places, or a method that this net does not allow.
        BadData: no images, or pixels that are none.
    """
    made, shown = methods.make(method, **params), Pictures.of(net, images)
    found: list[np.ndarray] = []
    logits: list[Tensor] = []
    with quiet(net):
        targets = indices(net, target, len(shown))
        grid = chosen_grid(net, layer) if made.reads_stage else None
        place = next(net.parameters()).device
        for start in range(0, len(shown), TOGETHER):
            part = slice(start, start + TOGETHER)
            x = shown.pixels(part).to(place)
            asked = Question(net, x, None if targets is None else targets[part].to(place), grid)
            found.append(_filling(made.maps(asked), x.shape[2]))
            assert asked.logits is not None
            logits.append(asked.logits.float().cpu())
    said = torch.cat(logits).softmax(1)
    target_ = said.argmax(1) if targets is None else targets
    frame = _frame(net, shown, said, target_)
    stage = grid.stage.name if grid is not None else None
    return Saliency(np.concatenate(found), shown.squares, target_.numpy(), frame, made.name, stage, made.signed)


@check_arguments
def grad_cam(net: Net, images: Any, target: Any = None, layer: str | None = None) -> Saliency:
    """Grad-CAM of any net: `saliency` with the method that most people mean.

    Args:
        images: as `saliency` takes them.
        target: a class, or one a picture; each picture's prediction if left out.
        layer: a stage of the net; found if left out.

    Selvaraju et al. 2017, arXiv:1610.02391.
    """
    return saliency(net, images, "grad-cam", target, layer)


@check_arguments
def saliency_methods() -> pd.DataFrame:
    """The saliency methods as a frame: name, what each shows, its paper, its parameters."""
    return methods.table()


def joined(parts: Sequence[Saliency]) -> Saliency:
    """What one call would have found for the pictures of several, asked in the same way."""
    first = parts[0]
    maps, pictures, target = (np.concatenate([getattr(p, n) for p in parts]) for n in ("maps", "pictures", "target"))
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    return Saliency(maps, pictures, target, frame, first.method, first.layer, first.signed)


def _filling(maps: Tensor, edge: int) -> np.ndarray:
    """Maps (B, h, w) over the whole picture, (B, edge, edge)."""
    maps = maps.detach().float()[:, None]
    if maps.shape[2:] != (edge, edge):
        maps = F.interpolate(maps, (edge, edge), mode="bilinear")
    return maps[:, 0].cpu().numpy()


def _frame(net: Net, shown: Pictures, said: Tensor, target: Tensor) -> pd.DataFrame:
    predicted = said.argmax(1)
    names = net.classes or [str(k) for k in range(said.shape[1])]
    columns: dict[str, Any] = {"id": shown.ids}
    # a net that answers in other words is not mistaken
    if shown.labels is not None and not set(names).isdisjoint(shown.labels):
        columns["true"] = shown.labels
    columns["predicted"] = [names[k] for k in predicted]
    columns["confidence"] = said.amax(1).numpy()
    columns["target"] = [names[k] for k in target]
    columns["probability"] = said.gather(1, target[:, None])[:, 0].numpy()
    return pd.DataFrame(columns)
