"""Minimum cut through a traced forward pass: the tensors with the fewest bytes between frozen and moving steps."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.nets.partition.tracing import TensorRef, Trace, Untraceable

INFINITE_CAPACITY = 1 << 60


@dataclass(frozen=True)
class MinCut:
    """Cut through a trace.

    Attributes:
        crossing_tensors: tensors to be stored, one row per image.
        frozen_steps: steps that compute them, in order.
        moving_steps: steps from them to the output, in order.
        constant_steps: steps among these two that depend neither on the images nor on any moving weight.
    """

    crossing_tensors: tuple[TensorRef, ...]
    frozen_steps: tuple[int, ...]
    moving_steps: tuple[int, ...]
    constant_steps: frozenset[int]


def find_min_cut(
    trace: Trace, moving_sources: set[int], costly_steps: set[int], layouts: dict[TensorRef, BatchLayout | None]
) -> MinCut:
    """Find the cut with the fewest bytes such that no step in `costly_steps` is executed twice.

    Args:
        moving_sources: steps whose own weights or buffers move.
        costly_steps: steps that cost time: modules with weights.
        layouts: layout of each tensor, split by images; None where it cannot be split by images.

    Raises:
        Untraceable: no tensor on the way can be stored.
    """
    image_steps, moving_steps = _find_reachable_steps(trace, {0}), _find_reachable_steps(trace, moving_sources)
    output = trace.output
    if output.step not in moving_steps:  # everything is frozen: the input of the head is stored
        return _make_min_cut(trace, {output}, image_steps, moving_steps)
    readers = _map_readers(trace, _find_needed_steps(trace, {output.step}, frozenset()))
    network = _FlowNetwork()
    network.add_edge("images", 0, INFINITE_CAPACITY)
    for ref in (ref for ref in readers if ref.step in image_steps and ref.step not in moving_steps):
        layout = layouts[ref]
        network.add_edge(ref.step, ref, layout.n_bytes if layout and ref.step else INFINITE_CAPACITY)
        if ref.step in costly_steps:
            network.add_edge("images", ref.step, INFINITE_CAPACITY)
        for reader in readers[ref]:
            network.add_edge(ref, "moving" if reader in moving_steps else reader, INFINITE_CAPACITY)
            if reader not in moving_steps:  # a step on the frozen side needs its inputs on that side too
                network.add_edge(reader, ref.step, INFINITE_CAPACITY)
    source_side = network.find_source_side("images", "moving")
    crossing = {
        node
        for node in network.capacity
        if isinstance(node, TensorRef) and node not in source_side and node.step in source_side
    }
    return _make_min_cut(trace, crossing, image_steps, moving_steps)


@dataclass(frozen=True)
class BatchLayout:
    """Layout of a batch tensor split by images: axis `axis` holds `count` entries per image.

    Attributes:
        axis_order: memory order of a row's axes, so that a channels-last map is stored and restored as one.
        shape: shape of one image's row, in that order.
        dtype: type in which it is computed.
    """

    axis: int
    count: int
    axis_order: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def n_bytes(self) -> int:
        """Bytes of one image's row, in the precision in which it is computed."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize

    def to_rows(self, x: Tensor) -> Tensor:
        """Split a batch tensor into one row per image: x -> (B, *shape)."""
        rows = x.unflatten(self.axis, (-1, self.count)).movedim(self.axis, 0).movedim(self.axis + 1, 1)
        return rows.permute(0, *(axis + 1 for axis in self.axis_order)).contiguous()

    def from_rows(self, rows: Tensor) -> Tensor:
        """Invert `to_rows`: (B, *shape) -> x."""
        inverse = [self.axis_order.index(axis) + 1 for axis in range(len(self.axis_order))]
        rows = rows.permute(0, *inverse)
        return rows.movedim(1, self.axis + 1).movedim(0, self.axis).flatten(self.axis, self.axis + 1)


def infer_layouts(trace: Trace, larger_trace: Trace) -> dict[TensorRef, BatchLayout | None]:
    """Infer the layout of every tensor of a trace from two batches of different sizes."""
    layouts: dict[TensorRef, BatchLayout | None] = {}
    for index, (a, b) in enumerate(zip(trace.steps, larger_trace.steps, strict=False)):
        for output_index, (x, y) in enumerate(zip(a.outputs, b.outputs, strict=False)):
            layouts[TensorRef(index, output_index)] = infer_layout(x, y, trace.batch_size, larger_trace.batch_size)
    return layouts


def infer_layout(x: Tensor | None, y: Tensor | None, n_images_x: int, n_images_y: int) -> BatchLayout | None:
    """Infer the layout of a tensor from two instances: one of `n_images_x` images and one of `n_images_y`."""
    if x is None or y is None or x.ndim != y.ndim or not x.is_floating_point():
        return None
    axes = [axis for axis in range(x.ndim) if x.shape[axis] != y.shape[axis]]
    if len(axes) != 1:
        return None
    (axis,) = axes
    count, left = divmod(x.shape[axis], n_images_x)
    if left or y.shape[axis] != count * n_images_y:
        return None
    rest = [other for other in range(x.ndim) if other != axis]
    # the entries of an image come first, then the other axes from the widest stride to the narrowest
    order = (0, *(rest.index(other) + 1 for other in sorted(rest, key=lambda other: (-x.stride(other), other))))
    sizes = (count, *(x.shape[other] for other in rest))
    return BatchLayout(axis, count, order, tuple(sizes[other] for other in order), x.dtype)


def _find_reachable_steps(trace: Trace, sources: set[int]) -> set[int]:
    """Return the steps that data from `sources` flows into, including the sources."""
    reachable = set(sources)
    for index, step in enumerate(trace.steps):
        if any(ref.step in reachable for ref in step.inputs):
            reachable.add(index)
    return reachable


def _find_needed_steps(trace: Trace, targets: set[int], available: frozenset[int]) -> list[int]:
    """Return, in order, the steps that must be executed for `targets` when the outputs of `available` are at hand."""
    needed = set(targets)
    for index in range(len(trace.steps) - 1, -1, -1):
        if index in needed and index not in available:
            needed |= {ref.step for ref in trace.steps[index].inputs}
    return sorted(needed)


def _map_readers(trace: Trace, steps: list[int]) -> dict[TensorRef, list[int]]:
    readers: dict[TensorRef, list[int]] = {}
    for index in steps:
        for ref in trace.steps[index].inputs:
            readers.setdefault(ref, []).append(index)
    return readers


def _make_min_cut(
    trace: Trace, crossing_tensors: set[TensorRef], image_steps: set[int], moving_steps: set[int]
) -> MinCut:
    """Divide the steps at the crossing tensors; a step with a stored output is not executed again."""
    ordered = tuple(sorted(crossing_tensors, key=lambda ref: (ref.step, ref.output_index)))
    available = frozenset(ref.step for ref in ordered)
    frozen = _find_needed_steps(trace, set(available), frozenset())
    after = [index for index in _find_needed_steps(trace, {trace.output.step}, available) if index not in available]
    if 0 in after:
        raise Untraceable("its moving layers read the pixels directly")
    constant = frozenset({*frozen, *after} - image_steps - moving_steps)
    return MinCut(ordered, tuple(index for index in frozen if index), tuple(after), constant)


class _FlowNetwork:
    """Flow network, and its minimum cut between two nodes (Edmonds and Karp 1972)."""

    def __init__(self) -> None:
        self.capacity: dict[object, dict[object, int]] = {}

    def add_edge(self, a: object, b: object, capacity: int) -> None:
        self.capacity.setdefault(a, {})
        self.capacity.setdefault(b, {}).setdefault(a, 0)
        self.capacity[a][b] = min(self.capacity[a].get(b, 0) + capacity, INFINITE_CAPACITY)

    def find_source_side(self, source: object, sink: object) -> set[object]:
        """Return the nodes on the source's side of a minimum cut: the largest such side.

        Raises:
            Untraceable: only edges of infinite capacity separate source and sink.
        """
        while (path := self._find_augmenting_path(source, sink)) is not None:
            flow = min(self.capacity[a][b] for a, b in itertools.pairwise(path))
            if flow >= INFINITE_CAPACITY:
                raise Untraceable("the tensors between its frozen and its moving layers cannot be split by images")
            for a, b in itertools.pairwise(path):
                self.capacity[a][b] -= 0 if self.capacity[a][b] >= INFINITE_CAPACITY else flow
                self.capacity[b][a] += 0 if self.capacity[b][a] >= INFINITE_CAPACITY else flow
        sink_side = self._find_reaching_nodes(sink)
        return set(self.capacity) - sink_side

    def _find_augmenting_path(self, source: object, sink: object) -> list[object] | None:
        previous: dict[object, object] = {source: None}
        queue = deque([source])
        while queue:
            node = queue.popleft()
            if node == sink:
                path = [node]
                while (node := previous[node]) is not None:
                    path.append(node)
                return path[::-1]
            for neighbor, capacity in self.capacity.get(node, {}).items():
                if capacity > 0 and neighbor not in previous:
                    previous[neighbor] = node
                    queue.append(neighbor)
        return None

    def _find_reaching_nodes(self, sink: object) -> set[object]:
        """Return the nodes from which flow can still reach `sink`."""
        reaching, queue = {sink}, deque([sink])
        while queue:
            node = queue.popleft()
            for earlier in self.capacity.get(node, {}):
                if earlier not in reaching and self.capacity[earlier].get(node, 0) > 0:
                    reaching.add(earlier)
                    queue.append(earlier)
        return reaching
