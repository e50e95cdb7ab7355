"""The streams of a run: which images make up step s of epoch e, as a pure function of the seed."""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from workbench.errors import BadData, BadValue
from workbench.images.crops import augment

if TYPE_CHECKING:
    from workbench.images.labelled import Images

T = TypeVar("T")

AHEAD = 3  # batches read before they are asked for
GONE = 4  # unreadable images that make a whole batch: no chance, but a folder that is gone


class Drawn(NamedTuple):
    """Stored squares `x (B, 3, S, S)` uint8, labels `y`, and `keys (B,)`, one random view each."""

    x: Tensor
    y: Tensor | None
    keys: Tensor

    def show(self, device: torch.device, size: int, kind: str) -> tuple[Tensor, Tensor | None]:
        """The views on `device`: pixels (B, 3, size, size) in [0, 1], and the labels."""
        x = augment(self.x.to(device, non_blocking=True), size, kind, self.keys.to(device, non_blocking=True))
        return x, None if self.y is None else self.y.to(device, non_blocking=True)


class Batches:
    """One task's batches, reproducible from any step on.

    Args:
        images: with a train split, and a target domain where a strategy reads one.
        needs: the streams to serve, `labelled` or `unlabelled` or both.
        size: edge of what the net sees, in pixels.
        interpolation, crop_pct, crop_mode, fill, pixel_range: how images become squares, as `Images.view` wants it.
        batch_size: images of each stream in a batch, over all processes together.
        seed: of the order and the views.
        rank, world: this process and how many share a batch.

    Attributes:
        lead: the stream whose images make an epoch: `labelled`, or the first one where it is not read.

    Raises:
        BadData: a stream that the images do not offer, or no training images.
        BadValue: no stream at all.
    """

    def __init__(
        self,
        images: Images,
        needs: tuple[str, ...],
        *,
        size: int,
        interpolation: str = "bilinear",
        crop_pct: float = 0.875,
        crop_mode: str = "center",
        fill: tuple[int, int, int] = (0, 0, 0),
        pixel_range: tuple[float, float] | None = None,
        batch_size: int = 32,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.images, self.size, self.batch_size, self.seed = images, size, batch_size, seed
        self.rank, self.world = rank, world
        if not needs:
            raise BadValue(
                "expected the streams that a strategy reads, got none: its `needs` names labelled or unlabelled"
            )
        self.lead = "labelled" if "labelled" in needs else needs[0]
        self.parts = {name: stream(images, name) for name in needs}
        self.labels = {n: None if n == "unlabelled" else torch.from_numpy(p.labels()) for n, p in self.parts.items()}
        look = (size, interpolation, crop_pct, crop_mode, fill, pixel_range)
        self.views = {name: part.view(*look) for name, part in self.parts.items()}
        self._orders: dict[int, tuple[int, np.ndarray]] = {}
        self.count = len(self.parts[self.lead])
        whole, rest = divmod(self.count, batch_size)
        # a batch of one image has no batch statistics: it is left out, another image each epoch
        self.steps = whole + (rest > 1 or not whole)

    def epoch(self, epoch: int, start: int = 0, turn: int | None = None) -> Iterator[dict[str, Drawn]]:
        """The batches of an epoch from step `start` on, read ahead on a thread.

        Args:
            turn: which views of the images; those of the epoch if left out.
        """
        return ahead(lambda step: self.batch(epoch, step, turn), range(start, self.steps), AHEAD)

    def batch(
        self, epoch: int, step: int, turn: int | None = None, ranks: Sequence[int] | None = None
    ) -> dict[str, Drawn]:
        """Batch `step` of `epoch`; the same for the same seed, whenever it is asked for.

        Args:
            turn: which views of the images; those of the epoch if left out.
            ranks: processes whose shares to read; this one's if left out.
        """
        turn = epoch if turn is None else turn
        return {name: self.read(name, self.places(name, epoch, step, ranks), turn, ranks)[0] for name in self.parts}

    def places(self, name: str, epoch: int, step: int, ranks: Sequence[int] | None = None) -> np.ndarray:
        """The images of a stream that make up a batch: places in the stream's part.

        Args:
            ranks: processes whose shares of the batch are wanted; this one's if left out.
        """
        order = self._order(len(self.parts[name]), list(self.parts).index(name), epoch)
        places = np.arange(step * self.batch_size, min((step + 1) * self.batch_size, self.count))
        whole = order[places % len(order)]
        return np.concatenate([whole[rank :: self.world] for rank in (ranks or [self.rank])])

    def keys(self, name: str, places: np.ndarray, turn: int) -> Tensor:
        """What decides the views of some images in a turn, (n,) int64."""
        return torch.from_numpy(view_keys(places, self.seed, turn, list(self.parts).index(name)))

    def alone(self) -> Batches:
        """The same batches, not shared with other processes."""
        made = copy.copy(self)
        made.rank, made.world = 0, 1
        return made

    def read(
        self, name: str, places: np.ndarray, turn: int, ranks: Sequence[int] | None = None
    ) -> tuple[Drawn, np.ndarray]:
        """Those of some images that can be read, and which these are (n,) bool.

        Args:
            ranks: processes whose shares these are. Where it is only this one's of several, another may have what
                can be read.

        Raises:
            BadData: none of them, and they are more than a few.
        """
        x, kept = self.views[name].batch(places)
        whole = self.world == 1 or ranks is not None
        if whole and len(places) >= GONE and not kept.any():
            raise BadData(
                f"none of the {len(places)} images of a batch of {self.images.name} can be read; if their folder was "
                "moved, put it back and resume"
            )
        rows, labels = places[kept], self.labels[name]
        drawn = Drawn(x, None if labels is None else labels[torch.from_numpy(rows)], self.keys(name, rows, turn))
        if torch.cuda.is_available():
            drawn = Drawn(*(None if t is None else t.pin_memory() for t in drawn))  # type: ignore[arg-type]
        return drawn, kept

    def _order(self, count: int, index: int, epoch: int) -> np.ndarray:
        held = self._orders.get(index)
        if held is None or held[0] != epoch:
            held = self._orders[index] = (epoch, permutation(count, self.seed, (index, epoch)))
        return held[1]


def stream(images: Images, name: str) -> Images:
    """The training images of a stream: labelled is the source domain, unlabelled the target domain.

    Raises:
        BadData: the images do not offer it, or lack classes that they name.
    """
    if name != "unlabelled" and images.absent:
        raise BadData(
            f"{images.name} has no image of {', '.join(images.absent):.200}, so no net can learn it there: the set was "
            "opened to judge one that can. To train, leave these names out of classes=, or add images of them"
        )
    if name == "unlabelled":
        if images.target is None:
            known = f"the domains are {', '.join(images.domains)}" if images.domains else "they have no domains"
            raise BadData(
                f"the strategy reads an unlabelled stream, but {images.name} names no target domain ({known}); "
                "open them with target=..., and source=... for the labelled one"
            )
        found = images.target.part("train")
    else:
        found = images.source.part("train")
    if not len(found):
        raise BadData(f"{images.name} has no training images for the {name} stream")
    return found


def permutation(count: int, seed: int, key: tuple[int, int]) -> np.ndarray:
    """The order of `count` images in one epoch of one stream."""
    return np.random.default_rng([seed, *key]).permutation(count)


def view_keys(rows: np.ndarray, seed: int, epoch: int, index: int) -> np.ndarray:
    """One key a view (B,) int64, spread over all bits (splitmix64)."""
    with np.errstate(over="ignore"):
        z = rows.astype(np.uint64) + np.uint64((seed * 1_000_003 + epoch) * 8 + index) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return ((z ^ (z >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)


def ahead(read: Callable[[int], T], steps: range, depth: int) -> Iterator[T]:
    """`read(step)` for each step, up to `depth` of them read before they are asked for, on one thread."""
    ready: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(depth)
    left = threading.Event()

    def work() -> None:
        for step in steps:
            try:
                item: tuple[T | None, BaseException | None] = (read(step), None)
            except BaseException as error:  # raised again where the batch is asked for
                item = (None, error)
            while not left.is_set():
                try:
                    ready.put(item, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if left.is_set() or item[1] is not None:
                return

    threading.Thread(target=work, daemon=True, name="workbench-batches").start()
    try:
        for _ in steps:
            value, error = ready.get()
            if error is not None:
                raise error
            yield value  # type: ignore[misc]
    finally:
        left.set()
