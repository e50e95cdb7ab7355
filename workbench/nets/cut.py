"""The cut: a net parted into what stands still, evaluated once an image, and what moves.

A net is recorded once (`recording`), data is followed through it from the moving weights, and what they do not
reach is the frozen part. The tensors that cross are the boundary (`boundary`), chosen with the fewest bytes. Both
parts are the net's own modules: training the moving part trains the net.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from workbench.nets import boundary, structure
from workbench.nets.boundary import Layout
from workbench.nets.hook_effects import altering_hooks
from workbench.nets.object_text import object_text
from workbench.nets.recording import Flag, Player, Recording, Step, Unrecordable, Values, merged, record

if TYPE_CHECKING:
    from workbench.nets.net import Net

# by autocast: how far a cut may be off; fp32 on an accelerator may multiply in TF32, another way for each batch size
ROUNDING = {None: 1e-4, torch.bfloat16: 0.05, torch.float16: 0.01}
TF32 = 5e-3


class Cut:
    """A net parted for one choice of moving stages.

    Args:
        net: on the device, and with the grafts, that it is trained with.
        moving: names of the stages that move.
        autocast: precision of forward passes, None for that of the weights.
        weights: dotted names of the parameters that move; None for all of the moving stages.

    Attributes:
        after: the last stage below every moving one.
        layouts: how each tensor that crosses is parted by images.

    Raises:
        Unrecordable: this net cannot be cut there; the reason in a few words.
    """

    def __init__(
        self,
        net: Net,
        moving: Collection[str],
        autocast: torch.dtype | None = None,
        weights: Collection[str] | None = None,
    ) -> None:
        self.net, self.autocast = net, autocast
        names = [stage.name for stage in net.stages]
        lowest = min((place for place, name in enumerate(names) if name in moving), default=len(names) - 1)
        if lowest == 0:
            raise Unrecordable("its first stage moves")
        self.after = names[lowest - 1]
        with _eval(net), torch.no_grad(), self._precision():
            self._sides: _Sides | None = None
            if lowest == len(names) - 1 and _plain(net):
                self.layouts = [_layout_of_trunk(net)]  # all that is stored is what the head reads
            else:
                self._sides = _Sides(net, set(moving), weights)
                self.layouts = self._sides.layouts
            self._check()

    def __repr__(self) -> str:
        return f"after {self.after}: {self.numbers} numbers an image in {len(self.layouts)} tensors"

    @property
    def numbers(self) -> int:
        """How many numbers cross for one image."""
        return sum(torch.Size(layout.shape).numel() for layout in self.layouts)

    @functools.cached_property
    def key(self) -> str:
        """A hash of all that the stored tensors follow from, the images apart: layers, weights, course, precision."""
        net, sides = self.net, self._sides
        modules = {"backbone"} if sides is None else sides.names
        held = {**dict(net.named_parameters()), **dict(net.named_buffers())}
        below = {name: t for name, t in held.items() if structure.is_inside(name, modules) or "." not in name}
        told = [structure.layers_hash(net, modules), net.preprocessing, net.fixed, net.class_token, self.autocast]
        told += [altering_hooks(net), net.mean.device.type, self.layouts, None if sides is None else sides.course]
        total = hashlib.blake2b(repr([*told, *below]).encode(), digest_size=12)
        total.update(structure.digest(below.values()).encode())
        return total.hexdigest()

    @torch.no_grad()
    def frozen(self, x: Tensor) -> list[Tensor]:
        """Pixels x (B, 3, S, S) -> what crosses, one tensor (B, ...) each, in the precision it is computed in."""
        with _eval(self.net), self._precision():
            found = [self.net.trunk(x)] if self._sides is None else self._sides.below(self.net.normalise(x))
        return [layout.rows(tensor) for layout, tensor in zip(self.layouts, found, strict=True)]

    def moving(self, parts: Sequence[Tensor]) -> Tensor:
        """What crosses, in any precision -> what the head reads; gradients reach the moving weights."""
        # copied, since a net may change its maps in place and a strategy may pass the same batch twice
        pairs = zip(self.layouts, parts, strict=True)
        tensors = [layout.whole(part.to(layout.dtype, copy=True)) for layout, part in pairs]
        return tensors[0] if self._sides is None else self.net.joined(self._sides.above(tensors, len(parts[0])))

    def _precision(self) -> torch.autocast:
        place = self.net.mean.device.type
        return torch.autocast(place, dtype=self.autocast, enabled=self.autocast is not None)

    def _check(self) -> None:
        """Compares both parts with the whole net, on images in another order than they were stored in.

        Raises:
            Unrecordable: they differ by more than rounding.
        """
        x, order = _noise(self.net, 4), [3, 0, 2]
        near = ROUNDING[self.autocast] if self.autocast or x.device.type == "cpu" else TF32
        expected = self.net.trunk(x[order]).float()
        parts = [part[order] for part in self.frozen(x)]
        for _ in range(2):  # a second time: nothing that is kept was changed in place
            found = self.moving(parts).float()
            off = (found - expected).norm() / expected.norm().clamp(min=1e-6)
            if found.shape != expected.shape or not off <= near:
                raise Unrecordable("its two parts do not give what the whole gives")


class _Sides:
    """The frozen and the moving steps of a recorded net, ready to be carried out.

    Args:
        moving: names of the stages that move.
        weights: names of the parameters that move; None for all of the moving stages.
    """

    def __init__(self, net: Net, moving: set[str], weights: Collection[str] | None) -> None:
        owner = {name: stage.name for stage in net.stages for name in stage.modules}
        two, three = _recorded(net, owner, 2), _recorded(net, owner, 3)
        with _training(net, owner), torch.random.fork_rng():
            shapes, recording = boundary.layouts(two, three), merged(two, three, _recorded(net, owner, 2))
        border = boundary.find(recording, _moved(net, recording, moving, weights), _working(net, recording), shapes)
        self.layouts = [layout for ref in border.crossing if (layout := shapes[ref])]
        self._crossing, self._output = border.crossing, recording.output
        parts = [(side, still) for side in (border.frozen, border.moving) for still in (False, True)]
        players = [Player(net, recording, [p for p in side if (p in border.still) == still]) for side, still in parts]
        self._below, self._below_still, self._above, self._above_still = players
        self._kept: dict[tuple[bool, int], Values] = {}
        steps = [recording.steps[place] for place in border.frozen]
        self.names = {step.name for step in steps if step.name}
        self.course = [(step.name, step.called, object_text([step.call, step.flat, step.keep])) for step in steps]
        self.course.append(("", "", repr(border.crossing)))

    def below(self, x: Tensor) -> list[Tensor]:
        """Normalised pixels -> what crosses."""
        values = self._below(len(x), {**self._constants(False, len(x)), 0: [x]})
        return [values[ref.step][ref.leaf] for ref in self._crossing]

    def above(self, tensors: Sequence[Tensor], batch: int) -> Tensor:
        """What crosses -> what the backbone gives."""
        values = dict(self._constants(True, batch))
        for ref, tensor in zip(self._crossing, tensors, strict=True):
            values.setdefault(ref.step, {})[ref.leaf] = tensor
        return self._above(batch, values)[self._output.step][self._output.leaf]

    def _constants(self, above: bool, batch: int) -> Values:
        """What neither images nor moving weights reach, such as position tables: computed once for a size of batch."""
        if (above, batch) not in self._kept:
            if len(self._kept) > 8:  # batches come in two sizes; others pass
                self._kept.clear()
            with torch.no_grad():
                self._kept[above, batch] = (self._above_still if above else self._below_still)(batch, {})
        return self._kept[above, batch]


def _recorded(net: Net, owner: Collection[str], count: int) -> Recording:
    return record(net, net.backbone, net.normalise(_noise(net, count)), set(owner))


def _moved(net: Net, recording: Recording, moving: set[str], weights: Collection[str] | None) -> set[int]:
    """Steps whose result changes as the moving stages train: by their weights, their statistics or their chance."""
    stages = [stage for stage in net.stages if stage.name in moving]
    names = {name for stage in stages for name in (*stage.tensors, *stage.modules)}
    free = {id(p) for name, p in net.named_parameters() if name in (names if weights is None else weights)}
    own = {place for place, step in enumerate(recording.steps) if step.name in names and _alters(net, step, free)}
    return own | {p for p, step in enumerate(recording.steps) if any(isinstance(v, Flag) for v in step.flat)}


def _alters(net: Net, step: Step, free: set[int]) -> bool:
    """Whether training changes what a step gives, where the parameters with the ids in `free` move."""
    if step.is_tensor:
        held = dict(net.named_parameters(remove_duplicate=False)).get(str(step.name))
        return held is None or id(held) in free  # of a buffer it is not known what writes to it
    module = net.get_submodule(str(step.name))
    return any(id(p) in free for p in module.parameters()) or any(map(_strays, module.modules()))


def _strays(module: nn.Module) -> bool:
    """Whether a module changes without a weight of its own that moves: by chance, or by what its buffers follow."""
    follows = any(True for _ in module.buffers(recurse=False)) and not any(
        True for _ in module.parameters(recurse=False)
    )
    return follows or _drops(module)


def _drops(module: nn.Module) -> bool:
    odds = [getattr(module, name, 0) for name in ("p", "prob", "drop_prob", "rate")]
    return "drop" in type(module).__name__.lower() and any(isinstance(odd, float) and odd > 0 for odd in odds)


def _weighs(module: nn.Module) -> bool:
    return any(True for _ in module.parameters()) or any(True for _ in module.buffers())


def _working(net: Net, recording: Recording) -> set[int]:
    """Steps that cost time: modules with weights."""
    named = [(p, s.name) for p, s in enumerate(recording.steps) if s.name and not s.is_tensor]
    return {place for place, name in named if _weighs(net.get_submodule(name))}


def _noise(net: Net, count: int) -> Tensor:
    """Random pixels (B, 3, S, S) on the net's device, drawn without touching torch's own generator."""
    size, source = net.preprocessing.size, torch.Generator().manual_seed(count)
    x = torch.rand(count, 3, size, size, generator=source).to(net.mean)
    return x.contiguous(memory_format=torch.channels_last)


def _plain(net: Net) -> bool:
    """Whether nothing outside of the stages' own modules is left to chance in training."""
    owner = {name for stage in net.stages for name in stage.modules}
    still = net.trunk(x := _noise(net, 4))
    with _training(net, owner), torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.equal(net.trunk(x), still)


def _layout_of_trunk(net: Net) -> Layout:
    layout = boundary.layout(net.trunk(_noise(net, 2)), net.trunk(_noise(net, 3)), 2, 3)
    if layout is None:
        raise Unrecordable("what its head reads cannot be parted by images")
    return layout


@contextlib.contextmanager
def _eval(net: nn.Module) -> Iterator[None]:
    """Evaluation mode for a moment; the modes are put back module by module."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        yield
    finally:
        net.train()  # some nets keep tables in evaluation, which this makes them forget
        for module, mode in modes.items():
            module.training = mode


@contextlib.contextmanager
def _training(net: nn.Module, single: Collection[str]) -> Iterator[None]:
    """Training mode for what holds modules of several stages, whose own code may read it; no statistics move."""
    outer = [module for name, module in net.named_modules() if name not in single]
    for module in outer:
        module.training = True
    try:
        yield
    finally:
        for module in outer:
            module.training = False
