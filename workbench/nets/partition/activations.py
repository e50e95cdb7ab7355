"""Batch of images in which stored activations replace the pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as tree

if TYPE_CHECKING:
    from workbench.nets.partition.partition import Partition

aten = torch.ops.aten
# ops that only split or concatenate batches act on the activations; each with the position of its axis argument
UNCHANGED_OPS = {aten.detach.default, aten.alias.default, aten.clone.default, aten.lift_fresh.default}
BATCH_AXIS_OPS = {
    aten.slice.Tensor: 1,
    aten.index_select.default: 1,
    aten.split.Tensor: 2,
    aten.split_with_sizes.default: 2,
}
FACTORY_OPS = {
    "new_zeros", "new_ones", "new_empty", "new_full", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like",
    "randn_like",
}  # fmt: skip


class Activations(Tensor):
    """Stored activations shaped like pixels x (B, 3, S, S) in [0, 1]; the pixels are read when an operation needs them.

    The net whose partition it belongs to continues from the stored tensors. Batches are split, concatenated and moved
    like any tensor; every other operation, also another net's forward pass, receives the pixels, which are read for it.

    Args:
        partition: partition that computed the tensors.
        tensors: tensors that cross the partition, (B, ...) each.
        image_index: (B, n) int64, the key by which `read_pixels` finds the images.
        read_pixels: function from rows of `image_index` to pixels (B, 3, S, S).
        shape: shape of the pixels.
    """

    partition: Partition
    tensors: list[Tensor]
    image_index: Tensor
    read_pixels: Callable[[Tensor], Tensor]

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def __new__(
        cls,
        partition: Partition,
        tensors: Sequence[Tensor],
        image_index: Tensor,
        read_pixels: Callable[[Tensor], Tensor],
        shape: Sequence[int],
    ) -> Activations:
        """Create the tensor with the shape of the pixels, in channels-last order, on the device of `tensors`."""
        strides = (shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1])
        batch = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, tuple(shape), strides=strides, dtype=torch.float32, device=tensors[0].device
        )
        batch.partition, batch.tensors = partition, list(tensors)
        batch.image_index, batch.read_pixels = image_index, read_pixels
        return batch

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"Activations of {len(self)} images, cut {self.partition}"

    def forward_moving(self) -> Tensor:
        """Run the moving part on the stored tensors; returns the input of the net's head."""
        return self.partition.forward_moving(self.tensors)

    def load_pixels(self) -> Tensor:
        """Read the pixels (B, 3, S, S) of these images."""
        return self.read_pixels(self.image_index).to(self.device)

    def map_tensors(self, function: Callable[[Tensor], Tensor]) -> Activations:
        """Apply a function to every tensor that has one row per image, and return the result as activations."""
        image_index = function(self.image_index)
        tensors = [function(tensor) for tensor in self.tensors]
        shape = (len(image_index), *self.shape[1:])
        return Activations(self.partition, tensors, image_index, self.read_pixels, shape)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Apply `func` to the activations if it only splits or concatenates batches, otherwise to the pixels."""
        kwargs = kwargs or {}
        first = args[0] if args else None
        if isinstance(first, Activations):
            if func in UNCHANGED_OPS:
                return first.map_tensors(lambda t: t)
            if func in BATCH_AXIS_OPS and _get_batch_axis(func, args, kwargs) == 0:
                return _split_batch(func, first, args[1:], kwargs)
            if func is aten.index.Tensor and len(args[1]) == 1:
                return first.map_tensors(lambda t: t[args[1][0].to(t.device)])
            if func is aten.flip.default and list(args[1]) == [0]:
                return first.map_tensors(lambda t: t.flip(0))
            if func is aten._to_copy.default and kwargs.get("dtype") in (None, torch.float32):
                return _move_to_device(first, kwargs.get("device"))
            if func.overloadpacket.__name__ in FACTORY_OPS:
                stand_in = torch.empty((), device=first.device).expand(first.shape)
                return func(stand_in, *args[1:], **kwargs)
        if func is aten.cat.default and _get_batch_axis(func, args, kwargs) == 0 and _is_one_source(first):
            return _concatenate_batches(first)
        args, kwargs = tree.tree_map_only(Activations, Activations.load_pixels, (args, kwargs))
        return func(*args, **kwargs)


def _get_batch_axis(func: Any, args: Any, kwargs: Any) -> int:
    position = BATCH_AXIS_OPS.get(func, 1)
    return args[position] if len(args) > position else kwargs.get("dim", 0)


def _split_batch(func: Any, x: Activations, rest: Any, kwargs: Any) -> Activations | list[Activations]:
    if func in (aten.split.Tensor, aten.split_with_sizes.default):
        pieces = [func(t, *rest, **kwargs) for t in (x.image_index, *x.tensors)]
        return [
            Activations(x.partition, tensors, image_index, x.read_pixels, (len(image_index), *x.shape[1:]))
            for image_index, *tensors in zip(*pieces, strict=True)
        ]
    return x.map_tensors(lambda t: func(t, *[r.to(t.device) if isinstance(r, Tensor) else r for r in rest], **kwargs))


def _move_to_device(x: Activations, device: torch.device | None) -> Activations:
    tensors = [tensor.to(device or tensor.device) for tensor in x.tensors]
    return Activations(x.partition, tensors, x.image_index, x.read_pixels, x.shape)


def _is_one_source(batches: Any) -> bool:
    if not all(isinstance(batch, Activations) for batch in batches):
        return False
    sources = {(id(b.partition), b.read_pixels, b.shape[1:]) for b in batches}
    return len(sources) == 1


def _concatenate_batches(batches: Any) -> Activations:
    first = batches[0]
    tensors = [torch.cat(column) for column in zip(*[b.tensors for b in batches], strict=True)]
    image_index = torch.cat([b.image_index for b in batches])
    return Activations(first.partition, tensors, image_index, first.read_pixels, (len(image_index), *first.shape[1:]))
