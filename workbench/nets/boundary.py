"""Where a recorded pass is cut: the tensors with the fewest bytes between what stands still and what moves."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.nets.recording import Recording, Ref, Unrecordable

ENDLESS = 1 << 60


@dataclass(frozen=True)
class Boundary:
    """A cut through a recording.

    Attributes:
        crossing: the tensors to be stored, an image at a time.
        frozen: steps that give them, in order.
        moving: steps that go on from them to the output, in order.
        still: among `moving` and `frozen`, steps that neither the images nor any moving weight reach.
    """

    crossing: tuple[Ref, ...]
    frozen: tuple[int, ...]
    moving: tuple[int, ...]
    still: frozenset[int]


def find(recording: Recording, moves: set[int], works: set[int], shapes: dict[Ref, Layout | None]) -> Boundary:
    """The boundary with the fewest bytes such that no step in `works` is carried out twice.

    Args:
        moves: steps whose own weights or buffers move.
        works: steps that cost time: modules with weights.
        shapes: how each tensor lies in memory, image by image; None where it cannot be parted by images.

    Raises:
        Unrecordable: no tensor on the way can be stored.
    """
    seen, moving = _reached(recording, {0}), _reached(recording, moves)
    goal = recording.output
    if goal.step not in moving:  # everything stands still: what the head reads is stored
        return _described(recording, {goal}, seen, moving)
    readers = _readers(recording, _needed(recording, {goal.step}, frozenset()))
    network = _Network()
    network.add("images", 0, ENDLESS)
    for ref in (ref for ref in readers if ref.step in seen and ref.step not in moving):
        layout = shapes[ref]
        network.add(ref.step, ref, layout.bytes if layout and ref.step else ENDLESS)
        if ref.step in works:
            network.add("images", ref.step, ENDLESS)
        for reader in readers[ref]:
            network.add(ref, "moving" if reader in moving else reader, ENDLESS)
            if reader not in moving:  # what is computed for the store needs its own inputs computed
                network.add(reader, ref.step, ENDLESS)
    below = network.cut("images", "moving")
    crossing = {
        place for place in network.room if isinstance(place, Ref) and place not in below and place.step in below
    }
    return _described(recording, crossing, seen, moving)


@dataclass(frozen=True)
class Layout:
    """How a tensor of a batch is parted by images: axis `axis` holds `count` entries an image.

    Attributes:
        order: of a row's axes in memory, so that a channels-last map is stored and comes back as one.
        shape: of one image's part, in that order.
        dtype: that it is computed in.
    """

    axis: int
    count: int
    order: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def bytes(self) -> int:
        """Of one image's part, in the precision it is computed in."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize

    def rows(self, x: Tensor) -> Tensor:
        """One row an image: x -> (B, *shape)."""
        rows = x.unflatten(self.axis, (-1, self.count)).movedim(self.axis, 0).movedim(self.axis + 1, 1)
        return rows.permute(0, *(place + 1 for place in self.order)).contiguous()

    def whole(self, rows: Tensor) -> Tensor:
        """What `rows` was made from: (B, *shape) -> x."""
        back = [self.order.index(place) + 1 for place in range(len(self.order))]
        rows = rows.permute(0, *back)
        return rows.movedim(1, self.axis + 1).movedim(0, self.axis).flatten(self.axis, self.axis + 1)


def layouts(two: Recording, three: Recording) -> dict[Ref, Layout | None]:
    """How every tensor of a recording is parted by images, from two batches of different sizes."""
    found: dict[Ref, Layout | None] = {}
    for place, (a, b) in enumerate(zip(two.steps, three.steps, strict=False)):
        for leaf, (x, y) in enumerate(zip(a.leaves, b.leaves, strict=False)):
            found[Ref(place, leaf)] = layout(x, y, two.batch, three.batch)
    return found


def layout(x: Tensor | None, y: Tensor | None, first: int, second: int) -> Layout | None:
    """How a tensor is parted by images, from two of them: of `first` images and of `second`."""
    if x is None or y is None or x.ndim != y.ndim or not x.is_floating_point():
        return None
    axes = [axis for axis in range(x.ndim) if x.shape[axis] != y.shape[axis]]
    if len(axes) != 1:
        return None
    (axis,) = axes
    count, left = divmod(x.shape[axis], first)
    if left or y.shape[axis] != count * second:
        return None
    rest = [place for place in range(x.ndim) if place != axis]
    # the entries of an image come first, then the other axes from the widest stride to the narrowest
    order = (0, *(rest.index(place) + 1 for place in sorted(rest, key=lambda place: (-x.stride(place), place))))
    sizes = (count, *(x.shape[place] for place in rest))
    return Layout(axis, count, order, tuple(sizes[place] for place in order), x.dtype)


def _reached(recording: Recording, sources: set[int]) -> set[int]:
    """Steps that data from `sources` flows into, these included."""
    found = set(sources)
    for place, step in enumerate(recording.steps):
        if any(ref.step in found for ref in step.inputs):
            found.add(place)
    return found


def _needed(recording: Recording, ends: set[int], given: frozenset[int]) -> list[int]:
    """Steps that must be carried out for `ends`, where those in `given` are at hand; in order."""
    wanted = set(ends)
    for place in range(len(recording.steps) - 1, -1, -1):
        if place in wanted and place not in given:
            wanted |= {ref.step for ref in recording.steps[place].inputs}
    return sorted(wanted)


def _readers(recording: Recording, needed: list[int]) -> dict[Ref, list[int]]:
    found: dict[Ref, list[int]] = {}
    for place in needed:
        for ref in recording.steps[place].inputs:
            found.setdefault(ref, []).append(place)
    return found


def _described(recording: Recording, crossing: set[Ref], seen: set[int], moving: set[int]) -> Boundary:
    """The steps on either side; a step some of whose tensors are stored is not carried out again."""
    ordered = tuple(sorted(crossing, key=lambda ref: (ref.step, ref.leaf)))
    given = frozenset(ref.step for ref in ordered)
    frozen = _needed(recording, set(given), frozenset())
    after = [place for place in _needed(recording, {recording.output.step}, given) if place not in given]
    if 0 in after:
        raise Unrecordable("its moving layers read the images themselves")
    still = frozenset({*frozen, *after} - seen - moving)
    return Boundary(ordered, tuple(place for place in frozen if place), tuple(after), still)


class _Network:
    """Pipes between places, and the cheapest set of pipes that parts two of them (Edmonds and Karp 1972)."""

    def __init__(self) -> None:
        self.room: dict[object, dict[object, int]] = {}

    def add(self, a: object, b: object, room: int) -> None:
        self.room.setdefault(a, {})
        self.room.setdefault(b, {}).setdefault(a, 0)
        self.room[a][b] = min(self.room[a].get(b, 0) + room, ENDLESS)

    def cut(self, start: object, end: object) -> set[object]:
        """The places on the side of `start`: as many as can be, among cheapest cuts.

        Raises:
            Unrecordable: nothing but endless pipes parts them.
        """
        while (path := self._path(start, end)) is not None:
            flow = min(self.room[a][b] for a, b in itertools.pairwise(path))
            if flow >= ENDLESS:
                raise Unrecordable("what crosses from its frozen to its moving layers cannot be parted by images")
            for a, b in itertools.pairwise(path):
                self.room[a][b] -= 0 if self.room[a][b] >= ENDLESS else flow
                self.room[b][a] += 0 if self.room[b][a] >= ENDLESS else flow
        left = self._leading_to(end)
        return set(self.room) - left

    def _path(self, start: object, end: object) -> list[object] | None:
        before: dict[object, object] = {start: None}
        waiting = deque([start])
        while waiting:
            place = waiting.popleft()
            if place == end:
                path = [place]
                while (place := before[place]) is not None:
                    path.append(place)
                return path[::-1]
            for further, room in self.room.get(place, {}).items():
                if room > 0 and further not in before:
                    before[further] = place
                    waiting.append(further)
        return None

    def _leading_to(self, end: object) -> set[object]:
        """Places from which something can still flow to `end`."""
        found, waiting = {end}, deque([end])
        while waiting:
            place = waiting.popleft()
            for earlier in self.room.get(place, {}):
                if earlier not in found and self.room[earlier].get(place, 0) > 0:
                    found.add(earlier)
                    waiting.append(earlier)
        return found
