"""Pictures as a net is shown them, from images, arrays or tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.images.crops import centre

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.nets import Net

MOST = 4_000_000_000  # bytes of pictures held at once


@dataclass(frozen=True)
class Pictures:
    """Squares of the size that a net wants.

    Attributes:
        squares: (N, S, S, 3) uint8, for looking.
        exact: (N, 3, S, S) float32 where the pixels came as such; None where they are the squares.
        ids: (N,) names.
        labels: (N,) class names, or None where they are not known.
        rows: (N,) places in the images or arrays they came from.
    """

    squares: np.ndarray
    exact: Tensor | None
    ids: np.ndarray
    labels: list[str] | None
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.squares)

    def pixels(self, part: slice) -> Tensor:
        """Some of the pictures, (n, 3, S, S) from 0 to 1."""
        if self.exact is not None:
            return self.exact[part]
        return torch.from_numpy(self.squares[part]).permute(0, 3, 1, 2).float() / 255

    @classmethod
    def of(cls, net: Net, images: Any) -> Pictures:
        """The pictures for a net; images that cannot be read are left out.

        Args:
            images: an `Images`, arrays (N, H, W, 3) or (H, W, 3) or a list of these, or a tensor (N, 3, H, W).

        Raises:
            BadData: no images, too many to hold, or pixels that are none.
        """
        if isinstance(images, cls):
            return images
        if hasattr(images, "view") and hasattr(images, "frame"):
            return _of_images(net, images)
        x = _of_pixels(images, net.preprocessing.size)
        if not len(x):
            raise BadData("there are no images to look at")
        squares = (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        names = np.array([f"image {i}" for i in range(len(x))])
        return cls(squares, x, names, None, np.arange(len(x)))


def _of_images(net: Net, images: Images) -> Pictures:
    pre = net.preprocessing
    if not len(images):
        raise BadData(f"{images.name} holds no such images")
    if len(images) * 3 * pre.size**2 > MOST:
        raise BadData(
            f"{len(images):,} images of {pre.size} px do not fit into memory at once: look at some, as in "
            "images.part(rows=range(64))"
        )
    x, good = images.view(**pre.view_options).batch(range(len(images)))
    if not good.any():
        raise BadData(f"none of the {len(images)} images of {images.name} can be read; see images.problems")
    rows = np.flatnonzero(good)
    squares = np.ascontiguousarray(centre(x, pre.size).permute(0, 2, 3, 1).numpy())
    labels = [images.classes[k] for k in images.labels()[rows]] if images.kind == "classes" else None
    return Pictures(squares, None, images.frame["id"].to_numpy()[rows], labels, rows)


def _of_pixels(images: Any, size: int) -> Tensor:
    """Squares (N, 3, size, size) float32 from 0 to 1."""
    if isinstance(images, Tensor):
        return _squares(images[None] if images.ndim == 3 else images, size)
    if isinstance(images, Sequence) and not isinstance(images, (str, bytes)):
        if not images:
            raise BadData("there are no images to look at")
        return torch.cat([_of_pixels(one, size) for one in images])
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise BadData(f"images of one array have one size; give others as a list ({error})") from error
    if array.ndim in (3, 4) and array.shape[-1] == 3 and array.dtype.kind in "uif":
        whole = torch.from_numpy(np.array(array[None] if array.ndim == 3 else array))
        return _squares(whole.permute(0, 3, 1, 2), size)
    raise BadValue(
        f"images are an Images, arrays (N, H, W, 3) or tensors (N, 3, H, W); got {type(images).__name__} of the shape "
        f"{array.shape}"
    )


def _squares(x: Tensor, size: int) -> Tensor:
    """Pixels x (N, 3, H, W) checked, cut to their centre square and resized."""
    if x.ndim != 4 or x.shape[1] != 3 or 0 in x.shape[2:]:
        raise BadValue(f"a tensor of images is (N, 3, H, W); got the shape {tuple(x.shape)}")
    if x.dtype == torch.uint8:
        x = x.float() / 255
    elif not x.is_floating_point():
        raise BadValue(f"pixels are uint8 from 0 to 255 or floats from 0 to 1; got {x.dtype}")
    x = x.detach().float().cpu()
    if not torch.isfinite(x).all():
        raise BadData("some pixels are NaN or infinite: leave those images out")
    if len(x) and (x.min() < -1e-4 or x.max() > 1 + 1e-4):
        raise BadValue(
            f"pixels as floats go from 0 to 1, before any normalisation, which the net does itself; these go from "
            f"{x.min():.3g} to {x.max():.3g}"
        )
    edge = min(x.shape[2:])
    top, left = (x.shape[2] - edge) // 2, (x.shape[3] - edge) // 2
    x = x[:, :, top : top + edge, left : left + edge]
    return x if edge == size else F.interpolate(x, (size, size), mode="bilinear", antialias=True).clamp(0, 1)
