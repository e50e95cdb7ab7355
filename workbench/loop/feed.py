"""What the batches of a phase are made of: pixels, or stored activations of the layers that stand still."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.images import Images, View
from workbench.images.batches import AHEAD, Batches, Drawn, ahead
from workbench.nets import Net
from workbench.nets.activations import Activations
from workbench.nets.cut import Cut
from workbench.nets.recording import Unrecordable
from workbench.plan import Schedule
from workbench.storage import keys
from workbench.storage.reading import Fetched, Reading, fetch, filled
from workbench.storage.source import Source
from workbench.strategies import Examples
from workbench.tunings import MovingWeights

log = logging.getLogger("workbench")

WIDEST = 8  # times the bytes of an image's own pixels, up to which activations are worth reading


class Feed:
    """The batches of one phase of a training, and the views that validate it.

    Args:
        moving: what moves in the phase.
        place: the device of the run.
        autocast: precision of forward passes.
    """

    def __init__(
        self,
        net: Net,
        batches: Batches,
        schedule: Schedule,
        moving: MovingWeights,
        place: torch.device,
        autocast: torch.dtype | None,
    ) -> None:
        self.net, self.batches, self.schedule, self.place = net, batches, schedule, place
        self.phase = moving.phase
        frozen = moving.rates[0] == 0
        self.cut = self._cut(moving, autocast) if frozen and schedule.store != "off" else None
        # without the store the same views are shown, so that the result is the same; a net that cannot be cut has
        # nothing to gain from few of them
        self.views = schedule.views if self.cut is not None or (frozen and schedule.store == "off") else 0
        if schedule.augment == "none":
            self.views = 1
        self.stores = self.cut is not None and self.views > 0  # the training views; centres are stored in any case
        self._sources: dict[str, Source] = {}
        self._told = False

    def turn(self, epoch: int) -> int:
        """Which views of the images an epoch shows."""
        return epoch % self.views if self.views else epoch

    def epoch(self, epoch: int, start: int = 0) -> Iterator[dict[str, Examples]]:
        """The batches of an epoch from step `start` on, as a strategy sees them."""
        turn, batches = self.turn(epoch), self.batches
        if not self.stores:
            with contextlib.closing(batches.epoch(epoch, start, turn)) as stream:  # type: ignore[type-var]
                for drawn in stream:
                    yield shown(drawn, self.place, batches.size, self.schedule.augment)
            return
        steps = range(start, batches.steps)
        streams = {name: self._stream(name, turn) for name in batches.parts}
        fetched = ahead(
            lambda step: {n: s.fetch(batches.places(n, epoch, step)) for n, s in streams.items()}, steps, AHEAD
        )
        with contextlib.closing(fetched):  # type: ignore[type-var]
            for parts in fetched:
                yield {name: streams[name].examples(part) for name, part in parts.items()}

    def again(self, epoch: int, step: int, ranks: Sequence[int]) -> dict[str, Examples]:
        """A batch as made of the shares of some processes, read now."""
        turn, batches = self.turn(epoch), self.batches
        if not self.stores:
            return shown(batches.batch(epoch, step, turn, ranks), self.place, batches.size, self.schedule.augment)
        streams = {name: self._stream(name, turn) for name in batches.parts}
        return {n: s.examples(s.fetch(batches.places(n, epoch, step, ranks), ranks)) for n, s in streams.items()}

    def reading(self, part: Images) -> Reading | None:
        """Where the centre views of a part come from, for evaluation; None where that is its pixels."""
        if self.cut is None:
            return None
        pre = self.net.preprocessing
        view = part.view(**pre.view_options)
        return Reading(self._source(view, keys.of_view(view), part.name))

    def flush(self) -> None:
        """Puts on disk what was stored."""
        for source in self._sources.values():
            source.flush()

    def _stream(self, name: str, turn: int) -> Stream:
        batches, kind = self.batches, self.schedule.augment
        index = list(batches.parts).index(name)
        view = batches.views[name]
        looked = keys.of_view(view, kind, batches.seed, turn, index)
        return Stream(self._source(view, looked, batches.parts[name].name), self, name, turn)

    def _source(self, view: View, looked: str, images: str) -> Source:
        # one of a kind: rows that were added are known to all that read them
        name = f"{looked} {len(view)} {hash(view.rows.tobytes())}"
        if name not in self._sources:
            assert self.cut is not None
            words = {"net": str(self.net.choice), "cut": f"after {self.cut.after}", "images": images, "view": looked}
            self._sources[name] = Source(self.cut, view, looked, self.schedule.store, self.place, words)
        return self._sources[name]

    def _cut(self, moving: MovingWeights, autocast: torch.dtype | None) -> Cut | None:
        stages = {stage.name for stage, rate in zip(self.net.stages, moving.rates, strict=True) if rate > 0}
        view = self.batches.views[self.batches.lead]
        try:
            cut = Cut(self.net, stages, autocast, moving.names)
        except Unrecordable as error:
            log.info("frozen layers are computed in every epoch: this net cannot be cut there, %s", error)
            return None
        if 2 * cut.numbers > WIDEST * 3 * view.stored**2:
            log.info("frozen layers are computed in every epoch: %d numbers an image cross to what moves", cut.numbers)
            return None
        views = self.schedule.views
        told = f"{views} views an image" if views else "training views are fresh and not stored (views=0)"
        told = "the centre view" if self.schedule.augment == "none" else told
        log.info("frozen layers are computed once: cut after %s, %d numbers an image, %s", cut.after, cut.numbers, told)
        return cut

    def pixels(self, where: Tensor) -> Tensor:
        """Pixels (B, 3, S, S) of some rows of `where`: stream, place and key of a view."""
        if not self._told:
            self._told = True
            log.info("the strategy looks at pixels too: they are read beside the stored activations")
        x = torch.zeros(len(where), 3, self.batches.size, self.batches.size, device=self.place)
        for index, name in enumerate(self.batches.parts):
            rows = torch.nonzero(where[:, 0] == index).flatten()
            if not len(rows):
                continue
            places, views = where[rows, 1].numpy(), where[rows, 2]
            squares, kept = self.batches.views[name].batch(places)
            good = torch.from_numpy(kept)
            drawn = Drawn(squares, None, views[good])
            x[rows[good].to(self.place)] = drawn.show(self.place, self.batches.size, self.schedule.augment)[0]
        return x.contiguous(memory_format=torch.channels_last)


class Stream:
    """One stream of a strategy's batches.

    Args:
        name: of the stream.
        turn: which views of the images.
    """

    def __init__(self, source: Source, feed: Feed, name: str, turn: int) -> None:
        self.source, self.feed, self.name, self.turn = source, feed, name, turn

    def fetch(self, places: np.ndarray, ranks: Sequence[int] | None = None) -> Fetched:
        """What the store has of some images, and the pixels of the others.

        Args:
            ranks: processes whose shares these are, as `Batches.read` is told them.
        """
        return fetch(self.source, places, lambda rows: self.feed.batches.read(self.name, rows, self.turn, ranks))

    def examples(self, fetched: Fetched) -> Examples:
        """The images as a strategy sees them."""
        feed, batches = self.feed, self.feed.batches
        flat = filled(self.source, fetched, batches.size, feed.schedule.augment, batches.batch_size)
        places, labels = torch.from_numpy(fetched.places), batches.labels[self.name]
        y = None if labels is None else labels[places].to(feed.place, non_blocking=True)
        if flat is None:
            return Examples(torch.zeros(0, 3, batches.size, batches.size, device=feed.place), y)
        index = torch.full_like(places, list(batches.parts).index(self.name))
        where = torch.stack([index, places, batches.keys(self.name, fetched.places, self.turn)], dim=1)
        shape = (len(places), 3, batches.size, batches.size)
        return Examples(Activations(self.source.cut, self.source.parts(flat), where, feed.pixels, shape), y)


def shown(drawn: dict[str, Drawn], place: torch.device, size: int, kind: str) -> dict[str, Examples]:
    """The batch as pixels: views on the device, in [0, 1], channels last."""
    pairs = {name: stream.show(place, size, kind) for name, stream in drawn.items()}
    return {name: Examples(x.contiguous(memory_format=torch.channels_last), y) for name, (x, y) in pairs.items()}
