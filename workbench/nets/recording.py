"""One pass through a net written down: which modules and functions ran, on what, and what they gave.

The pass is a real one, so that whatever a net's own code decides (by sizes, options, missing masks) is decided as
always; there is nothing that cannot be traced. Modules that lie wholly inside one stage are single steps. Numbers
that came from the batch's size are found by recording two batches of different sizes.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as tree


@dataclass(frozen=True)
class Ref:
    """A tensor of the recording: the `leaf`-th one that step `step` gave."""

    step: int
    leaf: int


@dataclass(frozen=True)
class Linear:
    """A whole number that grows with the batch: `slope` times its size, plus `rest`."""

    slope: int
    rest: int


@dataclass(frozen=True)
class Flag:
    """Whether the net trains, as its own code passed it on to a function, such as dropout's."""

    inverse: bool


@dataclass
class Step:
    """What ran: a module by name, a function, or nothing (the input, a weight, a constant).

    Attributes:
        name: of the module, or of the weight or buffer.
        call: the function, None otherwise.
        flat: the arguments, flattened; tensors as `Ref`.
        shape: how the arguments are unflattened.
        leaves: the tensors of the output.
        keep: a tensor that no step gave, where the step is a constant.
    """

    name: str | None
    call: Callable[..., Any] | None
    flat: list[Any]
    shape: Any
    leaves: list[Tensor]
    keep: Tensor | None = None

    @property
    def is_tensor(self) -> bool:
        """Whether the step is the input, a weight, a buffer or a constant: nothing runs."""
        return self.shape is None

    @property
    def called(self) -> str:
        """The function's name; empty where none ran."""
        return str(getattr(self.call, "__name__", self.call or ""))

    @property
    def inputs(self) -> list[Ref]:
        """The tensors that the step reads."""
        return [value for value in self.flat if isinstance(value, Ref)]


@dataclass
class Recording:
    """The steps of a pass in the order they ran; the first is the input, `output` the last tensor."""

    steps: list[Step]
    output: Ref
    batch: int


Values = dict[int, Any]  # the tensors of each step, by place


class Unrecordable(Exception):
    """A net whose pass cannot be written down, with the reason in a few words."""


def record(net: nn.Module, run: Callable[[Tensor], Tensor], x: Tensor, single: set[str]) -> Recording:
    """The pass `run(x)`, x (B, ...) -> one tensor.

    Args:
        net: whose modules and tensors are named.
        single: names of the modules that are steps of their own wherever they are called from outside.

    Raises:
        Unrecordable: the output is no tensor that a step gave.
    """
    with torch.no_grad(), _Recorder(net, x) as recorder, _brackets(net, single, recorder):
        output = run(x)
    ref = recorder.known.get(id(output)) if isinstance(output, Tensor) else None
    if ref is None:
        raise Unrecordable("its output is not what its layers gave")
    return Recording(recorder.steps, ref, len(x))


class _Recorder(TorchFunctionMode):
    def __init__(self, net: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.steps: list[Step] = [Step("", None, [], None, [x])]
        self.known: dict[int, Ref] = {id(x): Ref(0, 0)}
        tensors = [*net.named_parameters(remove_duplicate=False), *net.named_buffers(remove_duplicate=False)]
        self.names = {id(tensor): name for name, tensor in tensors}
        self.depth = 0  # of modules that are single steps
        self._alive: list[Any] = []  # an id is a name only as long as its tensor lives

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.depth:
            return func(*args, **kwargs)
        flat, shape = self.read(args, kwargs)
        out = func(*args, **kwargs)
        if getattr(func, "__name__", "") == "__setitem__":
            self.note(None, put, flat, shape, args[0])
        elif any(isinstance(leaf, Tensor) for leaf in tree.tree_leaves(out)):
            self.note(None, func, flat, shape, out)
        return out

    def read(self, args: Any, kwargs: Any) -> tuple[list[Any], Any]:
        """The arguments as they stand before the call, which may change them in place."""
        flat, shape = tree.tree_flatten((tuple(args), dict(kwargs)))
        return [self._ref(value) if isinstance(value, Tensor) else value for value in flat], shape

    def note(self, name: str | None, call: Any, flat: list[Any], shape: Any, out: Any) -> None:
        leaves = tree.tree_leaves(out)
        tensors = [leaf if isinstance(leaf, Tensor) else None for leaf in leaves]
        self.steps.append(Step(name, call, flat, shape, tensors))  # type: ignore[arg-type]
        self._alive.append(out)
        for place, tensor in enumerate(tensors):
            if tensor is not None:
                self.known[id(tensor)] = Ref(len(self.steps) - 1, place)

    def _ref(self, tensor: Tensor) -> Ref:
        if id(tensor) not in self.known:
            name = self.names.get(id(tensor))
            self.steps.append(Step(name, None, [], None, [tensor], None if name else tensor))
            self.known[id(tensor)] = Ref(len(self.steps) - 1, 0)
            self._alive.append(tensor)
        return self.known[id(tensor)]


def put(x: Tensor, index: Any, value: Any) -> Tensor:
    """`x[index] = value`, which as a statement would give nothing back."""
    x[index] = value
    return x


@contextlib.contextmanager
def _brackets(net: nn.Module, single: set[str], recorder: _Recorder) -> Iterator[None]:
    """Hooks that make one step of each call of a module in `single`."""
    waiting: list[tuple[list[Any], Any]] = []

    def before(_module: nn.Module, args: Any, kwargs: Any) -> None:
        if recorder.depth == 0:
            waiting.append(recorder.read(args, kwargs))
        recorder.depth += 1

    def after(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _args: Any, _kwargs: Any, out: Any) -> None:
            recorder.depth -= 1
            if recorder.depth == 0:
                recorder.note(name, None, *waiting.pop(), out)

        return hook

    hooks = []
    for name, module in net.named_modules():
        if name in single:
            hooks.append(module.register_forward_pre_hook(before, with_kwargs=True))
            hooks.append(module.register_forward_hook(after(name), with_kwargs=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def merged(two: Recording, three: Recording, training: Recording) -> Recording:
    """The first recording, with the numbers that follow the batch's size as `Linear`, and the training flag as `Flag`.

    Args:
        two, three: of batches of different sizes, in evaluation.
        training: of a batch of the first size, in training.

    Raises:
        Unrecordable: the passes differ in more than that.
    """
    steps = []
    for other, why in ((three, "with the size of the batch"), (training, "between training and evaluation")):
        if len(two.steps) != len(other.steps) or two.output != other.output:
            raise Unrecordable(f"its course changes {why}")
        if any(
            (a.name, a.called, len(a.flat)) != (b.name, b.called, len(b.flat))
            for a, b in zip(two.steps, other.steps, strict=True)
        ):
            raise Unrecordable(f"its course changes {why}")
    for a, b, c in zip(two.steps, three.steps, training.steps, strict=True):
        flat = [_sized(v, w, two.batch, three.batch) for v, w in zip(a.flat, b.flat, strict=True)]
        flat = [f if isinstance(f, Linear) else _flagged(f, w) for f, w in zip(flat, c.flat, strict=True)]
        steps.append(dataclasses.replace(a, flat=flat, leaves=[]))
    return Recording(steps, two.output, two.batch)


def _sized(a: Any, b: Any, first: int, second: int) -> Any:
    if type(a) is not int or type(b) is not int or a == b:
        return _same(a, b, "with the size of the batch")
    slope, left = divmod(b - a, second - first)
    if left:
        raise Unrecordable("a number in its course follows the size of the batch in its own way")
    return Linear(slope, a - slope * first)


def _flagged(a: Any, b: Any) -> Any:
    if type(a) is bool and type(b) is bool and a != b:
        return Flag(inverse=a)
    return _same(a, b, "between training and evaluation")


def _same(a: Any, b: Any, why: str) -> Any:
    if type(a) is not type(b) or (isinstance(a, (Ref, bool, int, float, str, torch.dtype)) and a != b):
        raise Unrecordable(f"its course changes {why}")
    return a


class Player:
    """Carries out some steps of a recording, with the net's own modules and weights.

    Args:
        steps: places of the steps to carry out, in order.
    """

    def __init__(self, net: nn.Module, recording: Recording, steps: Sequence[int]) -> None:
        modules = dict(net.named_modules())
        tensors = dict(net.named_parameters(remove_duplicate=False)) | dict(net.named_buffers(remove_duplicate=False))
        self._net = net
        self._tensors: Values = {}
        self._work: list[tuple[int, Callable[..., Any], list[Any], Any]] = []
        for place in steps:
            step = recording.steps[place]
            if step.is_tensor:
                self._tensors[place] = [tensors[step.name] if step.name else step.keep]
            else:
                self._work.append((place, step.call or modules[str(step.name)], step.flat, step.shape))

    def __call__(self, batch: int, values: Values) -> Values:
        """Everything in `values` (tensors by step), and what these steps give for a batch of `batch` images."""
        values = {**self._tensors, **values}
        for place, call, flat, shape in self._work:
            args, kwargs = tree.tree_unflatten([self._given(value, batch, values) for value in flat], shape)
            values[place] = tree.tree_leaves(call(*args, **kwargs))
        return values

    def _given(self, value: Any, batch: int, values: Values) -> Any:
        if isinstance(value, Ref):
            return values[value.step][value.leaf]
        if isinstance(value, Flag):
            return self._net.training != value.inverse
        return value.slope * batch + value.rest if isinstance(value, Linear) else value
