"""Running a net over images: predictions and what they are worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue
from workbench.images.batches import ahead
from workbench.images.crops import centre
from workbench.images.shared_classes import SharedClasses, shared_classes
from workbench.markers import Device
from workbench.metrics import Evaluation
from workbench.nets.measure import at_once, in_turn
from workbench.threads import spare

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.nets import Net


class NotFinite(BadValue):
    """Answers that are no numbers: of a net whose training diverged, or whose weights were broken otherwise."""


@check_arguments
@spare()
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
    """What `net` is worth on `images`; their classes are found among the net's by name, whatever their order.

    Classes of the net that do not occur among the images count as answers and have no images in the table by class.

    Args:
        split: the split to use; None uses every image.
        domain: one domain only.
        device: where to run; the net's own by default.
        predict: how logits are made, where a strategy has its own way.
        autocast: precision of forward passes, such as `torch.bfloat16`; None for that of the weights.

    Raises:
        BadData: no such images.
        BadValue: classes that the net does not know.
        NotFinite: the net answers with NaN or infinity.
    """
    part = images.part(split=split, domain=domain)
    if not len(part):
        raise BadData(
            f"{images.name} has no images to evaluate in split {split!r}" + (f", domain {domain!r}" if domain else "")
        )
    shared = shared_classes(net.classes, part) if net.classes is not None else None
    logits, kept = joined(answered(net, part, device=device, predict=predict, autocast=autocast), part)
    return judged(logits, kept, part, shared)


def judged(logits: np.ndarray, kept: np.ndarray, part: Images, shared: SharedClasses | None = None) -> Evaluation:
    """The evaluation of `logits (N, K)` for the rows `kept (N,)` of `part`.

    Args:
        shared: which answer is which class of the images; where left out, they have the same order.

    Raises:
        BadValue: as many answers as the images have classes are wanted.
        NotFinite: some of the answers are no numbers.
    """
    if shared is not None and logits.shape[1] == shared.count:
        return _evaluation(logits[:, shared.answers], kept, part, shared.labels, shared.classes, shared.sizes)
    if logits.shape[1] != len(part.classes):
        raise BadValue(
            f"the net gives {logits.shape[1]} answers, {part.name} has {len(part.classes)} classes; "
            "give the net a head for them: wb.load(name, classes=images.classes)"
        )
    sizes = tuple((name, len(classes)) for name, classes in part.tasks.items())
    return _evaluation(logits, kept, part, part.labels(), tuple(part.classes), sizes)


def _evaluation(
    logits: np.ndarray,
    kept: np.ndarray,
    part: Images,
    labels: np.ndarray,
    classes: tuple[str, ...],
    sizes: tuple[tuple[str, int], ...],
) -> Evaluation:
    with np.errstate(invalid="ignore"):
        probabilities = to_probabilities(logits, part.kind, [size for _, size in sizes])
    odd = int(np.isnan(probabilities).any(1).sum())
    if odd:
        raise NotFinite(
            f"expected numbers as answers, got NaN or infinity for {odd:,} of {len(kept):,} images of {part.name}: the "
            "net's weights are broken, most often by a training that diverged; train it at a lower learning rate, or "
            "load it from before"
        )
    return Evaluation(
        ids=part.frame["id"].to_numpy()[kept],
        labels=labels[kept],
        probabilities=probabilities,
        classes=classes,
        kind=part.kind,  # type: ignore[arg-type]
        tasks=sizes,
    )


def to_probabilities(logits: np.ndarray, kind: str, sizes: list[int]) -> np.ndarray:
    """Softmax over the classes, over each task's classes, or a sigmoid a tag; (N, K) -> (N, K) in float64."""
    x = logits.astype(np.float64)
    if kind == "tags":
        return 1 / (1 + np.exp(-x))
    parts = np.split(x, np.cumsum(sizes)[:-1], axis=1) if kind == "tasks" else [x]
    powers = [np.exp(part - part.max(1, keepdims=True)) for part in parts]
    return np.concatenate([power / power.sum(1, keepdims=True) for power in powers], axis=1)


@in_turn
@torch.no_grad()
def answered(
    net: Net,
    part: Images,
    *,
    device: str | torch.device | None = None,
    predict: Callable[[Net, Tensor], Tensor] | None = None,
    rows: np.ndarray | None = None,
    autocast: torch.dtype | None = None,
    reading: Reading | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Logits (n, K) of the centre views, piece by piece, each with the rows (n,) that they belong to.

    Images that cannot be read are left out; where none can, there is no piece. The net's mode is put back as it was,
    module by module.

    Args:
        reading: where the views come from; by default they are read as pixels.
    """
    place = torch.device(device) if device is not None else next(net.parameters()).device
    rows = np.arange(len(part)) if rows is None else rows
    reading = reading or Centres(net, part, place)
    modes = {module: module.training for module in net.modules()}
    net.to(place).eval()
    try:
        count = reading.count
        chunks = range(0, len(rows), count)
        pieces = []
        for start, fetched in zip(
            chunks, ahead(lambda at: reading.fetch(rows[at : at + count]), chunks, 2), strict=True
        ):
            x, good = reading.show(fetched)
            if not good.any():
                continue
            with torch.autocast(place.type, dtype=autocast, enabled=autocast is not None):
                y = predict(net, x) if predict else net(x)
            pieces.append((y.float().cpu().numpy(), rows[start : start + count][good]))
    finally:
        for module, mode in modes.items():
            module.training = mode
    return pieces


def joined(pieces: list[tuple[np.ndarray, np.ndarray]], part: Images) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of answers for rows of `part` as one.

    Raises:
        BadData: there are none.
    """
    if not pieces:
        raise BadData(f"none of the {len(part)} images of {part.name} can be read; see images.problems")
    return np.concatenate([logits for logits, _ in pieces]), np.concatenate([rows for _, rows in pieces])


class Reading(Protocol):
    """Where the views of images come from: fetched ahead on a thread, then made ready where the net runs.

    Attributes:
        count: images that are asked for at a time.
    """

    count: int

    def fetch(self, rows: np.ndarray) -> Any:
        """Whatever of some rows can be had without the net."""
        ...

    def show(self, fetched: Any) -> tuple[Tensor, np.ndarray]:
        """Views x (m, 3, H, W) in [0, 1] of the rows that can be read, and which these are (n,) bool."""
        ...


class Centres:
    """Centre views read as pixels.

    Args:
        part: the images, whose rows are asked for.
        place: the device that the net is on.
    """

    def __init__(self, net: Net, part: Images, place: torch.device) -> None:
        pre = net.preprocessing
        self.view, self.place = part.view(**pre.view_options), place
        self.count = at_once(place)

    def fetch(self, rows: np.ndarray) -> tuple[Tensor, np.ndarray]:
        """Squares as they are stored."""
        return self.view.batch(rows)

    def show(self, fetched: tuple[Tensor, np.ndarray]) -> tuple[Tensor, np.ndarray]:
        """Their centres."""
        return centre(fetched[0].to(self.place), self.view.size).float() / 255, fetched[1]
