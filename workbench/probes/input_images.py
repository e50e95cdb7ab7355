"""Input images of a net, from data sets, arrays or tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from workbench.data.pixels.augmentation import center_crop
from workbench.errors import BadData, BadValue

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net

MAX_BYTES = 4_000_000_000  # bytes of images in memory at once


@dataclass(frozen=True)
class InputImages:
    """Square images of a net's input size.

    Attributes:
        images: (N, S, S, 3) uint8, for display.
        exact_pixels: (N, 3, S, S) float32 if the input was given as pixels; None if `images` are the input.
        ids: (N,) names.
        labels: (N,) class names, or None if unknown.
        rows: (N,) indices in the images or arrays they come from.
    """

    images: np.ndarray
    exact_pixels: Tensor | None
    ids: np.ndarray
    labels: list[str] | None
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def to_tensor(self, index: slice) -> Tensor:
        """Return the images at a slice, (n, 3, S, S) from 0 to 1."""
        if self.exact_pixels is not None:
            return self.exact_pixels[index]
        return torch.from_numpy(self.images[index]).permute(0, 3, 1, 2).float() / 255

    @classmethod
    def from_images(cls, net: Net, images: Any) -> InputImages:
        """Prepare images for a net; images that cannot be read are left out.

        Args:
            net: its preprocessing gives the size.
            images: an `Images`, arrays (N, H, W, 3) or (H, W, 3) or a list of these, or a tensor (N, 3, H, W).

        Raises:
            BadData: no images, too many for memory, or invalid pixels.
        """
        if isinstance(images, cls):
            return images
        if hasattr(images, "view") and hasattr(images, "frame"):
            return _load_dataset_images(net, images)
        x = _parse_pixels(images, net.preprocessing.size)
        if not len(x):
            raise BadData("expected at least one image; got none")
        squares = (x.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        names = np.array([f"image {i}" for i in range(len(x))])
        return cls(squares, x, names, None, np.arange(len(x)))


def _load_dataset_images(net: Net, images: Images) -> InputImages:
    pre = net.preprocessing
    if not len(images):
        raise BadData(f"{images.name} has none of these images")
    if len(images) * 3 * pre.size**2 > MAX_BYTES:
        raise BadData(
            f"{len(images):,} images of {pre.size} px do not fit into memory at once: use fewer, as in "
            "images.subset(rows=range(64))"
        )
    x, is_readable = images.view(**pre.view_options).load_batch(range(len(images)))
    if not is_readable.any():
        raise BadData(f"none of the {len(images)} images of {images.name} can be read; see images.problems")
    rows = np.flatnonzero(is_readable)
    squares = np.ascontiguousarray(center_crop(x, pre.size).permute(0, 2, 3, 1).numpy())
    labels = [images.classes[k] for k in images.labels()[rows]] if images.kind == "classes" else None
    return InputImages(squares, None, images.frame["id"].to_numpy()[rows], labels, rows)


def _parse_pixels(images: Any, size: int) -> Tensor:
    """Return squares (N, 3, size, size) float32 from 0 to 1."""
    if isinstance(images, Tensor):
        return _crop_squares(images[None] if images.ndim == 3 else images, size)
    if isinstance(images, Sequence) and not isinstance(images, (str, bytes)):
        if not images:
            raise BadData("expected at least one image; got none")
        return torch.cat([_parse_pixels(one, size) for one in images])
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise BadData(f"images in one array need one size; pass others as a list ({error})") from error
    if array.ndim in (3, 4) and array.shape[-1] == 3 and array.dtype.kind in "uif":
        whole = torch.from_numpy(np.array(array[None] if array.ndim == 3 else array))
        return _crop_squares(whole.permute(0, 3, 1, 2), size)
    raise BadValue(
        f"images are an Images, arrays (N, H, W, 3) or tensors (N, 3, H, W); got {type(images).__name__} of the shape "
        f"{array.shape}"
    )


def _crop_squares(x: Tensor, size: int) -> Tensor:
    """Check pixels x (N, 3, H, W), crop the centre square and resize it."""
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
