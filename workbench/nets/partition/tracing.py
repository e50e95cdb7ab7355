"""Trace of one forward pass: the modules and functions that ran, their arguments and their outputs.

The pass is a real one, so whatever a net's own code decides (by sizes, options, missing masks) is decided as usual,
and no construct is untraceable as such. Modules entirely inside one stage are single steps. Numbers that
depend on the batch size are found by tracing two batches of different sizes.
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
class TensorRef:
    """Reference to a tensor of the trace: output number `output_index` of step `step`."""

    step: int
    output_index: int


@dataclass(frozen=True)
class BatchSizeNumber:
    """Whole number that depends linearly on the batch size: `slope` times the size, plus `offset`."""

    slope: int
    offset: int


@dataclass(frozen=True)
class TrainingFlag:
    """Training mode of the net, as its own code passes it to a function such as dropout."""

    is_inverted: bool


@dataclass
class TraceStep:
    """Step of a trace: a module by name, a function, or nothing that runs (the input, a weight, a constant).

    Attributes:
        name: name of the module, or of the weight or buffer.
        function: the function, None otherwise.
        flat_args: arguments, flattened; tensors as `TensorRef`.
        args_spec: structure by which the arguments are unflattened.
        outputs: tensors of the output.
        constant: tensor that no step computed, where the step is a constant.
    """

    name: str | None
    function: Callable[..., Any] | None
    flat_args: list[Any]
    args_spec: Any
    outputs: list[Tensor]
    constant: Tensor | None = None

    @property
    def is_tensor(self) -> bool:
        """True if the step is the input, a weight, a buffer or a constant, which do not run."""
        return self.args_spec is None

    @property
    def function_name(self) -> str:
        """Name of the function; empty where none ran."""
        return str(getattr(self.function, "__name__", self.function or ""))

    @property
    def inputs(self) -> list[TensorRef]:
        """Tensors that the step reads."""
        return [value for value in self.flat_args if isinstance(value, TensorRef)]


@dataclass
class Trace:
    """Steps of a pass in the order they ran; the first is the input, `output` the last tensor."""

    steps: list[TraceStep]
    output: TensorRef
    batch_size: int


Values = dict[int, Any]  # tensors of each step, by its index


class Untraceable(Exception):
    """Failure to trace a net's forward pass, with the reason in a few words."""


def trace_forward(net: nn.Module, forward: Callable[[Tensor], Tensor], x: Tensor, atomic_modules: set[str]) -> Trace:
    """Trace the pass `forward(x)`, x (B, ...) -> one tensor.

    Args:
        net: net whose module and tensor names are used.
        atomic_modules: names of the modules that are single steps wherever they are called from outside.

    Raises:
        Untraceable: the output is not a tensor that a step computed.
    """
    with torch.no_grad(), _Tracer(net, x) as tracer, _module_step_hooks(net, atomic_modules, tracer):
        output = forward(x)
    ref = tracer.refs.get(id(output)) if isinstance(output, Tensor) else None
    if ref is None:
        raise Untraceable("its output is not a tensor that its layers computed")
    return Trace(tracer.steps, ref, len(x))


class _Tracer(TorchFunctionMode):
    def __init__(self, net: nn.Module, x: Tensor) -> None:
        super().__init__()
        self.steps: list[TraceStep] = [TraceStep("", None, [], None, [x])]
        self.refs: dict[int, TensorRef] = {id(x): TensorRef(0, 0)}
        tensors = [*net.named_parameters(remove_duplicate=False), *net.named_buffers(remove_duplicate=False)]
        self.names = {id(tensor): name for name, tensor in tensors}
        self.module_depth = 0  # nesting of calls of single-step modules
        self._alive: list[Any] = []  # keeps tensors alive, so that their ids stay unique

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.module_depth:
            return func(*args, **kwargs)
        flat, shape = self.flatten_args(args, kwargs)
        out = func(*args, **kwargs)
        if getattr(func, "__name__", "") == "__setitem__":
            self.add_step(None, set_item, flat, shape, args[0])
        elif any(isinstance(leaf, Tensor) for leaf in tree.tree_leaves(out)):
            self.add_step(None, func, flat, shape, out)
        return out

    def flatten_args(self, args: Any, kwargs: Any) -> tuple[list[Any], Any]:
        """Flatten the arguments before the call, which may change them in place."""
        flat, shape = tree.tree_flatten((tuple(args), dict(kwargs)))
        return [self._get_ref(value) if isinstance(value, Tensor) else value for value in flat], shape

    def add_step(self, name: str | None, function: Any, flat_args: list[Any], args_spec: Any, output: Any) -> None:
        leaves = tree.tree_leaves(output)
        tensors = [leaf if isinstance(leaf, Tensor) else None for leaf in leaves]
        self.steps.append(TraceStep(name, function, flat_args, args_spec, tensors))  # type: ignore[arg-type]
        self._alive.append(output)
        for index, tensor in enumerate(tensors):
            if tensor is not None:
                self.refs[id(tensor)] = TensorRef(len(self.steps) - 1, index)

    def _get_ref(self, tensor: Tensor) -> TensorRef:
        if id(tensor) not in self.refs:
            name = self.names.get(id(tensor))
            self.steps.append(TraceStep(name, None, [], None, [tensor], None if name else tensor))
            self.refs[id(tensor)] = TensorRef(len(self.steps) - 1, 0)
            self._alive.append(tensor)
        return self.refs[id(tensor)]


def set_item(x: Tensor, index: Any, value: Any) -> Tensor:
    """Execute `x[index] = value` as a function that returns x."""
    x[index] = value
    return x


@contextlib.contextmanager
def _module_step_hooks(net: nn.Module, atomic_modules: set[str], tracer: _Tracer) -> Iterator[None]:
    """Register hooks that record each call of a module in `atomic_modules` as one step."""
    open_calls: list[tuple[list[Any], Any]] = []

    def before(_module: nn.Module, args: Any, kwargs: Any) -> None:
        if tracer.module_depth == 0:
            open_calls.append(tracer.flatten_args(args, kwargs))
        tracer.module_depth += 1

    def after(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _args: Any, _kwargs: Any, out: Any) -> None:
            tracer.module_depth -= 1
            if tracer.module_depth == 0:
                tracer.add_step(name, None, *open_calls.pop(), out)

        return hook

    hooks = []
    for name, module in net.named_modules():
        if name in atomic_modules:
            hooks.append(module.register_forward_pre_hook(before, with_kwargs=True))
            hooks.append(module.register_forward_hook(after(name), with_kwargs=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def merge_traces(trace: Trace, larger_trace: Trace, training_trace: Trace) -> Trace:
    """Merge traces into the first, with numbers that depend on the batch size and the training mode as symbols.

    Args:
        trace, larger_trace: traces of batches of different sizes, in evaluation mode.
        training_trace: trace of a batch of the first size, in training mode.

    Raises:
        Untraceable: the passes differ in more than that.
    """
    steps = []
    for other, reason in ((larger_trace, "with the batch size"), (training_trace, "between training and evaluation")):
        if len(trace.steps) != len(other.steps) or trace.output != other.output:
            raise Untraceable(f"its computation changes {reason}")
        if any(
            (a.name, a.function_name, len(a.flat_args)) != (b.name, b.function_name, len(b.flat_args))
            for a, b in zip(trace.steps, other.steps, strict=True)
        ):
            raise Untraceable(f"its computation changes {reason}")
    for a, b, c in zip(trace.steps, larger_trace.steps, training_trace.steps, strict=True):
        flat = [
            _merge_number(v, w, trace.batch_size, larger_trace.batch_size)
            for v, w in zip(a.flat_args, b.flat_args, strict=True)
        ]
        flat = [
            f if isinstance(f, BatchSizeNumber) else _merge_flag(f, w) for f, w in zip(flat, c.flat_args, strict=True)
        ]
        steps.append(dataclasses.replace(a, flat_args=flat, outputs=[]))
    return Trace(steps, trace.output, trace.batch_size)


def _merge_number(a: Any, b: Any, n_images_a: int, n_images_b: int) -> Any:
    if type(a) is not int or type(b) is not int or a == b:
        return _check_equal(a, b, "with the batch size")
    slope, left = divmod(b - a, n_images_b - n_images_a)
    if left:
        raise Untraceable("a number in its computation depends on the batch size, but not linearly")
    return BatchSizeNumber(slope, a - slope * n_images_a)


def _merge_flag(value: Any, training_value: Any) -> Any:
    if type(value) is bool and type(training_value) is bool and value != training_value:
        return TrainingFlag(is_inverted=value)
    return _check_equal(value, training_value, "between training and evaluation")


def _check_equal(a: Any, b: Any, reason: str) -> Any:
    if type(a) is not type(b) or (isinstance(a, (TensorRef, bool, int, float, str, torch.dtype)) and a != b):
        raise Untraceable(f"its computation changes {reason}")
    return a


class TraceRunner:
    """Executor of some steps of a trace, with the net's own modules and weights.

    Args:
        steps: indices of the steps to execute, in order.
    """

    def __init__(self, net: nn.Module, trace: Trace, steps: Sequence[int]) -> None:
        modules = dict(net.named_modules())
        tensors = dict(net.named_parameters(remove_duplicate=False)) | dict(net.named_buffers(remove_duplicate=False))
        self._net = net
        self._tensors: Values = {}
        self._calls: list[tuple[int, Callable[..., Any], list[Any], Any]] = []
        for index in steps:
            step = trace.steps[index]
            if step.is_tensor:
                self._tensors[index] = [tensors[step.name] if step.name else step.constant]
            else:
                self._calls.append((index, step.function or modules[str(step.name)], step.flat_args, step.args_spec))

    def __call__(self, batch_size: int, values: Values) -> Values:
        """Execute the steps for `batch_size` images; returns `values` (tensors by step) with their outputs."""
        values = {**self._tensors, **values}
        for index, function, flat, shape in self._calls:
            args, kwargs = tree.tree_unflatten(
                [self._resolve_value(value, batch_size, values) for value in flat], shape
            )
            values[index] = tree.tree_leaves(function(*args, **kwargs))
        return values

    def _resolve_value(self, value: Any, batch_size: int, values: Values) -> Any:
        if isinstance(value, TensorRef):
            return values[value.step][value.output_index]
        if isinstance(value, TrainingFlag):
            return self._net.training != value.is_inverted
        return value.slope * batch_size + value.offset if isinstance(value, BatchSizeNumber) else value
