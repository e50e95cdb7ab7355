"""Prediction and evaluation of a net on images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from workbench._threads import limit_to_free_cores
from workbench.annotated_types import Device
from workbench.argument_checks import check_arguments
from workbench.data.batches import prefetch_batches
from workbench.data.labels.shared_classes import SharedClasses, match_classes
from workbench.data.pixels.augmentation import center_crop
from workbench.errors import BadData, BadValue
from workbench.metrics import Evaluation
from workbench.nets.shape_inference import inference_batch_size, with_net_lock

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.nets.net import Net

__all__ = ["evaluate"]


class NotFinite(BadValue):
    """Logits with NaN or infinity, of a net whose training diverged or whose weights are damaged."""


@check_arguments
@limit_to_free_cores()
def evaluate(
    net: Net,
    images: Images,
    *,
    split: str | None = "valid",
    domain: str | None = None,
    device: Annotated[str | torch.device | None, Device()] = None,
    predict: Callable[[Net, Tensor], Tensor] | None = None,
    autocast: torch.dtype | None = None,
) -> Evaluation:
    """Evaluate `net` on `images`; classes are matched by name, in any order.

    Classes of the net that have no image remain possible predictions and count 0 images in the table per class.

    Args:
        net: net to evaluate.
        images: images to evaluate it on.
        split: split to use; None for every image.
        domain: name of one domain; None for all.
        device: torch device; the net's own by default.
        predict: function (net, x) -> logits, for a strategy with its own prediction rule.
        autocast: precision of forward passes, such as `torch.bfloat16`; None for that of the weights.

    Raises:
        BadData: no such images.
        BadValue: classes that the net does not know.
        NotFinite: logits with NaN or infinity.
    """
    part = images.subset(split=split, domain=domain)
    if not len(part):
        raise BadData(
            f"{images.name} has no images to evaluate in split {split!r}" + (f", domain {domain!r}" if domain else "")
        )
    shared = match_classes(net.classes, part) if net.classes is not None else None
    logits, rows = concat_predictions(
        predict_logits(net, part, device=device, predict=predict, autocast=autocast), part
    )
    return evaluate_logits(logits, rows, part, shared)


def evaluate_logits(
    logits: np.ndarray, rows: np.ndarray, part: Images, shared: SharedClasses | None = None
) -> Evaluation:
    """Evaluate `logits` (N, K) for the rows (N,) of `part`.

    Args:
        shared: mapping from the net's outputs to the classes of the images; None if both have the same order.

    Raises:
        BadValue: the number of logits differs from the number of classes.
        NotFinite: logits with NaN or infinity.
    """
    if shared is not None and logits.shape[1] == shared.n_outputs:
        return _build_evaluation(
            logits[:, shared.output_index], rows, part, shared.labels, shared.classes, shared.task_sizes
        )
    if logits.shape[1] != len(part.classes):
        raise BadValue(
            f"the net has {logits.shape[1]} outputs, {part.name} has {len(part.classes)} classes; "
            "load the net with a head for them: wb.load_net(name, classes=images.classes)"
        )
    sizes = tuple((name, len(classes)) for name, classes in part.tasks.items())
    return _build_evaluation(logits, rows, part, part.labels(), tuple(part.classes), sizes)


def _build_evaluation(
    logits: np.ndarray,
    rows: np.ndarray,
    part: Images,
    labels: np.ndarray,
    classes: tuple[str, ...],
    sizes: tuple[tuple[str, int], ...],
) -> Evaluation:
    with np.errstate(invalid="ignore"):
        probabilities = to_probabilities(logits, part.kind, [size for _, size in sizes])
    n_invalid = int(np.isnan(probabilities).any(1).sum())
    if n_invalid:
        raise NotFinite(
            f"expected finite logits, got NaN or infinity for {n_invalid:,} of {len(rows):,} images of {part.name}: "
            "the net's weights are damaged, usually because training diverged; train it with a lower learning rate, or "
            "load an earlier state"
        )
    return Evaluation(
        ids=part.frame["id"].to_numpy()[rows],
        labels=labels[rows],
        probabilities=probabilities,
        classes=classes,
        kind=part.kind,  # type: ignore[arg-type]
        tasks=sizes,
    )


def to_probabilities(logits: np.ndarray, kind: str, sizes: list[int]) -> np.ndarray:
    """Apply softmax over all classes, softmax per task, or a sigmoid per tag; (N, K) -> (N, K) in float64."""
    from scipy.special import expit, softmax

    x = logits.astype(np.float64)
    if kind == "tags":
        return expit(x)
    parts = np.split(x, np.cumsum(sizes)[:-1], axis=1) if kind == "tasks" else [x]
    return np.concatenate([softmax(part, axis=1) for part in parts], axis=1)


@with_net_lock
@torch.no_grad()
def predict_logits(
    net: Net,
    part: Images,
    *,
    device: str | torch.device | None = None,
    predict: Callable[[Net, Tensor], Tensor] | None = None,
    rows: np.ndarray | None = None,
    autocast: torch.dtype | None = None,
    reader: ViewReader | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Predict logits (n, K) of the center views in batches, each with the row indices (n,) of its images.

    Unreadable images are left out; if none can be read, the list is empty. The training mode of every module is
    restored.

    Args:
        reader: source of the views; by default they are decoded from pixels.
    """
    torch_device = torch.device(device) if device is not None else next(net.parameters()).device
    rows = np.arange(len(part)) if rows is None else rows
    reader = reader or CenterViews(net, part, torch_device)
    modes = {module: module.training for module in net.modules()}
    net.to(torch_device).eval()
    try:
        count = reader.batch_size
        chunks = range(0, len(rows), count)
        pieces = []
        for start, fetched in zip(
            chunks, prefetch_batches(lambda at: reader.fetch(rows[at : at + count]), chunks, 2), strict=True
        ):
            x, is_readable = reader.to_views(fetched)
            if not is_readable.any():
                continue
            with torch.autocast(torch_device.type, dtype=autocast, enabled=autocast is not None):
                y = predict(net, x) if predict else net(x)
            pieces.append((y.float().cpu().numpy(), rows[start : start + count][is_readable]))
    finally:
        for module, mode in modes.items():
            module.training = mode
    return pieces


def concat_predictions(pieces: list[tuple[np.ndarray, np.ndarray]], part: Images) -> tuple[np.ndarray, np.ndarray]:
    """Concatenate batches of logits and row indices.

    Raises:
        BadData: there are no batches.
    """
    if not pieces:
        raise BadData(f"none of the {len(part)} images of {part.name} can be read; see images.problems")
    return np.concatenate([logits for logits, _ in pieces]), np.concatenate([rows for _, rows in pieces])


class ViewReader(Protocol):
    """Source of views for evaluation: batches are fetched ahead on a thread, then converted on the device of the net.

    Attributes:
        batch_size: images per batch.
    """

    batch_size: int

    def fetch(self, rows: np.ndarray) -> Any:
        """Load the part of a batch that does not need the net."""
        ...

    def to_views(self, fetched: Any) -> tuple[Tensor, np.ndarray]:
        """Return views x (m, 3, H, W) in [0, 1] of the readable images, and a mask (n,) of which these are."""
        ...


class CenterViews:
    """Center views decoded from pixels.

    Args:
        part: images whose rows are requested.
        device: device of the net.
    """

    def __init__(self, net: Net, part: Images, device: torch.device) -> None:
        pre = net.preprocessing
        self.view, self.device = part.view(**pre.view_options), device
        self.batch_size = inference_batch_size(device)

    def fetch(self, rows: np.ndarray) -> tuple[Tensor, np.ndarray]:
        """Load the stored squares of a batch."""
        return self.view.load_batch(rows)

    def to_views(self, fetched: tuple[Tensor, np.ndarray]) -> tuple[Tensor, np.ndarray]:
        """Crop the centers."""
        return center_crop(fetched[0].to(self.device), self.view.size).float() / 255, fetched[1]
