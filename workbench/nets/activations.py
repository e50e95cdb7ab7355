"""A batch of images of which stored activations stand in for the pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as tree

if TYPE_CHECKING:
    from workbench.nets.cut import Cut

aten = torch.ops.aten
# what only parts or joins batches is done to the activations; each names its batch axis by position
ALIKE = {aten.detach.default, aten.alias.default, aten.clone.default, aten.lift_fresh.default}
ALONG = {aten.slice.Tensor: 1, aten.index_select.default: 1, aten.split.Tensor: 2, aten.split_with_sizes.default: 2}
BLANK = {
    "new_zeros", "new_ones", "new_empty", "new_full", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like",
    "randn_like",
}  # fmt: skip


class Activations(Tensor):
    """Looks like pixels x (B, 3, S, S) in [0, 1], and is that as soon as anything asks for their values.

    The net whose cut it belongs to goes on from the stored tensors. Batches are parted, joined and moved as any
    tensor is; every other operation, another net's forward pass included, is given the pixels, read for it.

    Args:
        cut: made the tensors.
        parts: what crosses the cut, one tensor (B, ...) each.
        where: (B, n) int64, by which `read` finds the images.
        read: gives the pixels (B, 3, S, S) of some rows of `where`.
        shape: of the pixels.
    """

    cut: Cut
    parts: list[Tensor]
    where: Tensor
    read: Callable[[Tensor], Tensor]

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def __new__(
        cls, cut: Cut, parts: Sequence[Tensor], where: Tensor, read: Callable[[Tensor], Tensor], shape: Sequence[int]
    ) -> Activations:
        """The tensor that looks like the pixels, in channels-last order, on the device of `parts`."""
        strides = (shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1])
        made = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, tuple(shape), strides=strides, dtype=torch.float32, device=parts[0].device
        )
        made.cut, made.parts, made.where, made.read = cut, list(parts), where, read
        return made

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"Activations of {len(self)} images, cut {self.cut}"

    def onward(self) -> Tensor:
        """What the moving part makes of the stored tensors: what the net's head reads."""
        return self.cut.moving(self.parts)

    def pixels(self) -> Tensor:
        """The views themselves, read now (B, 3, S, S)."""
        return self.read(self.where).to(self.device)

    def like(self, change: Callable[[Tensor], Tensor]) -> Activations:
        """The same with something done to every tensor that has a row an image."""
        where = change(self.where)
        return Activations(self.cut, [change(p) for p in self.parts], where, self.read, (len(where), *self.shape[1:]))

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Does `func` to the activations where it only parts or joins batches, else to the pixels."""
        kwargs = kwargs or {}
        first = args[0] if args else None
        if isinstance(first, Activations):
            if func in ALIKE:
                return first.like(lambda t: t)
            if func in ALONG and _axis(func, args, kwargs) == 0:
                return _parted(func, first, args[1:], kwargs)
            if func is aten.index.Tensor and len(args[1]) == 1:
                return first.like(lambda t: t[args[1][0].to(t.device)])
            if func is aten.flip.default and list(args[1]) == [0]:
                return first.like(lambda t: t.flip(0))
            if func is aten._to_copy.default and kwargs.get("dtype") in (None, torch.float32):
                return _moved(first, kwargs.get("device"))
            if func.overloadpacket.__name__ in BLANK:
                stand_in = torch.empty((), device=first.device).expand(first.shape)
                return func(stand_in, *args[1:], **kwargs)
        if func is aten.cat.default and _axis(func, args, kwargs) == 0 and _one_kind(first):
            return _joined(first)
        args, kwargs = tree.tree_map_only(Activations, Activations.pixels, (args, kwargs))
        return func(*args, **kwargs)


def _axis(func: Any, args: Any, kwargs: Any) -> int:
    place = ALONG.get(func, 1)
    return args[place] if len(args) > place else kwargs.get("dim", 0)


def _parted(func: Any, x: Activations, rest: Any, kwargs: Any) -> Activations | list[Activations]:
    if func in (aten.split.Tensor, aten.split_with_sizes.default):
        pieces = [func(t, *rest, **kwargs) for t in (x.where, *x.parts)]
        return [
            Activations(x.cut, parts, where, x.read, (len(where), *x.shape[1:]))
            for where, *parts in zip(*pieces, strict=True)
        ]
    return x.like(lambda t: func(t, *[r.to(t.device) if isinstance(r, Tensor) else r for r in rest], **kwargs))


def _moved(x: Activations, place: torch.device | None) -> Activations:
    parts = [part.to(place or part.device) for part in x.parts]
    return Activations(x.cut, parts, x.where, x.read, x.shape)


def _one_kind(batches: Any) -> bool:
    if not all(isinstance(batch, Activations) for batch in batches):
        return False
    kinds = {(id(b.cut), b.read, b.shape[1:]) for b in batches}
    return len(kinds) == 1


def _joined(batches: Any) -> Activations:
    first = batches[0]
    parts = [torch.cat(column) for column in zip(*[b.parts for b in batches], strict=True)]
    where = torch.cat([b.where for b in batches])
    return Activations(first.cut, parts, where, first.read, (len(where), *first.shape[1:]))
