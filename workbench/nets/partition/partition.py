"""Partition of a net into a frozen part, evaluated once per image, and a moving part.

A net is traced once (`tracing`) and data is followed from the moving weights; everything that they do not reach is the
frozen part. The stored tensors are a minimum cut (`min_cut`), chosen with the fewest bytes. Both parts consist of the
net's own modules: training the moving part trains the net.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from workbench.nets import structure
from workbench.nets.hook_effects import describe_altering_hooks
from workbench.nets.object_text import describe_object
from workbench.nets.partition import min_cut
from workbench.nets.partition.min_cut import BatchLayout
from workbench.nets.partition.tracing import (
    Trace,
    TraceRunner,
    TraceStep,
    TrainingFlag,
    Untraceable,
    Values,
    merge_traces,
    trace_forward,
)

if TYPE_CHECKING:
    from workbench.nets.net import Net

# relative tolerance by autocast type; fp32 on an accelerator may use TF32, whose kernels depend on the batch size
TOLERANCE = {None: 1e-4, torch.bfloat16: 0.05, torch.float16: 0.01}
TF32_TOLERANCE = 5e-3


class Partition:
    """Partition of a net for one choice of moving stages.

    Args:
        net: net on the device, and with the grafts, with which it is trained.
        moving_stages: names of the moving stages.
        autocast: precision of forward passes, None for that of the weights.
        trainable: dotted names of the parameters that move; None for all of the moving stages.

    Attributes:
        last_frozen_stage: name of the last stage below every moving one.
        layouts: layout by images of each tensor that crosses.

    Raises:
        Untraceable: this net cannot be partitioned there; the message gives the reason.
    """

    def __init__(
        self,
        net: Net,
        moving_stages: Collection[str],
        autocast: torch.dtype | None = None,
        trainable: Collection[str] | None = None,
    ) -> None:
        self.net, self.autocast = net, autocast
        names = [stage.name for stage in net.stages]
        lowest = min((index for index, name in enumerate(names) if name in moving_stages), default=len(names) - 1)
        if lowest == 0:
            raise Untraceable("its first stage moves, so no part is frozen")
        self.last_frozen_stage = names[lowest - 1]
        with _eval_mode_with_reset(net), torch.no_grad(), self._autocast_context():
            self._parts: _TracedParts | None = None
            if lowest == len(names) - 1 and _is_deterministic(net):
                self.layouts = [_infer_head_input_layout(net)]  # only the input of the head is stored
            else:
                self._parts = _TracedParts(net, set(moving_stages), trainable)
                self.layouts = self._parts.layouts
            self._check_equivalence()

    def __repr__(self) -> str:
        return f"after {self.last_frozen_stage}: {self.n_values} values per image in {len(self.layouts)} tensors"

    @property
    def n_values(self) -> int:
        """Number of stored values per image."""
        return sum(torch.Size(layout.shape).numel() for layout in self.layouts)

    @functools.cached_property
    def key(self) -> str:
        """Hash of all that determines the stored tensors except the images: layers, weights, steps, precision."""
        net, traced = self.net, self._parts
        modules = {"backbone"} if traced is None else traced.module_names
        tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
        frozen = {name: t for name, t in tensors.items() if structure.is_inside(name, modules) or "." not in name}
        parts = [structure.hash_layers(net, modules), net.preprocessing, net.fixed_input_size, net.class_token]
        parts += [self.autocast, describe_altering_hooks(net), net.mean.device.type, self.layouts]
        parts += [None if traced is None else traced.steps]
        total = hashlib.blake2b(repr([*parts, *frozen]).encode(), digest_size=12)
        total.update(structure.hash_tensors(frozen.values()).encode())
        return total.hexdigest()

    @torch.no_grad()
    def forward_frozen(self, x: Tensor) -> list[Tensor]:
        """Run the frozen part: pixels x (B, 3, S, S) -> tensors to store, (B, ...) each, in the computed precision."""
        with _eval_mode_with_reset(self.net), self._autocast_context():
            if self._parts is None:
                outputs = [self.net.forward_features(x)]
            else:
                outputs = self._parts.run_frozen(self.net.normalize(x))
        return [layout.to_rows(tensor) for layout, tensor in zip(self.layouts, outputs, strict=True)]

    def forward_moving(self, rows: Sequence[Tensor]) -> Tensor:
        """Run the moving part: stored tensors in any precision -> input of the head; gradients reach moving weights."""
        # copied: a net may change its maps in place, and a strategy may pass the same batch twice
        pairs = zip(self.layouts, rows, strict=True)
        tensors = [layout.from_rows(part.to(layout.dtype, copy=True)) for layout, part in pairs]
        if self._parts is None:
            return tensors[0]
        return self.net.forward_head(self._parts.run_moving(tensors, len(rows[0])), pre_logits=True)

    def _autocast_context(self) -> torch.autocast:
        device_type = self.net.mean.device.type
        return torch.autocast(device_type, dtype=self.autocast, enabled=self.autocast is not None)

    def _check_equivalence(self) -> None:
        """Compare the two parts with the whole net, on images in another order than they were stored in.

        Raises:
            Untraceable: they differ by more than rounding.
        """
        x, order = _make_random_pixels(self.net, 4), [3, 0, 2]
        tolerance = TOLERANCE[self.autocast] if self.autocast or x.device.type == "cpu" else TF32_TOLERANCE
        expected = self.net.forward_features(x[order]).float()
        parts = [part[order] for part in self.forward_frozen(x)]
        for _ in range(2):  # the second pass detects stored tensors that were changed in place
            actual = self.forward_moving(parts).float()
            error = (actual - expected).norm() / expected.norm().clamp(min=1e-6)
            if actual.shape != expected.shape or not error <= tolerance:
                raise Untraceable("the partitioned net's output differs from the original")


class _TracedParts:
    """Frozen and moving steps of a traced net, ready to run.

    Args:
        moving_stages: names of the moving stages.
        trainable: names of the parameters that move; None for all of the moving stages.
    """

    def __init__(self, net: Net, moving_stages: set[str], trainable: Collection[str] | None) -> None:
        owner = {name: stage.name for stage in net.stages for name in stage.module_names}
        trace, larger_trace = _trace_backbone(net, owner, 2), _trace_backbone(net, owner, 3)
        with _container_train_mode(net, owner), torch.random.fork_rng():
            layouts = min_cut.infer_layouts(trace, larger_trace)
            merged = merge_traces(trace, larger_trace, _trace_backbone(net, owner, 2))
        moving_steps = _find_moving_steps(net, merged, moving_stages, trainable)
        cut = min_cut.find_min_cut(merged, moving_steps, _find_costly_steps(net, merged), layouts)
        self.layouts = [layout for ref in cut.crossing_tensors if (layout := layouts[ref])]
        self._crossing, self._output = cut.crossing_tensors, merged.output
        parts = [(side, constant) for side in (cut.frozen_steps, cut.moving_steps) for constant in (False, True)]
        runners = [
            TraceRunner(net, merged, [p for p in side if (p in cut.constant_steps) == constant])
            for side, constant in parts
        ]
        self._frozen, self._frozen_constants, self._moving, self._moving_constants = runners
        self._constants_cache: dict[tuple[bool, int], Values] = {}
        steps = [merged.steps[index] for index in cut.frozen_steps]
        self.module_names = {step.name for step in steps if step.name}
        self.steps = [
            (step.name, step.function_name, describe_object([step.function, step.flat_args, step.constant]))
            for step in steps
        ]
        self.steps.append(("", "", repr(cut.crossing_tensors)))

    def run_frozen(self, x: Tensor) -> list[Tensor]:
        """Run the frozen steps: normalized pixels -> tensors that cross."""
        values = self._frozen(len(x), {**self._compute_constants(False, len(x)), 0: [x]})
        return [values[ref.step][ref.output_index] for ref in self._crossing]

    def run_moving(self, tensors: Sequence[Tensor], batch_size: int) -> Tensor:
        """Run the moving steps: tensors that cross -> output of the backbone."""
        values = dict(self._compute_constants(True, batch_size))
        for ref, tensor in zip(self._crossing, tensors, strict=True):
            values.setdefault(ref.step, {})[ref.output_index] = tensor
        return self._moving(batch_size, values)[self._output.step][self._output.output_index]

    def _compute_constants(self, of_moving: bool, batch_size: int) -> Values:
        """Compute steps independent of images and moving weights, such as position tables, once per batch size."""
        if (of_moving, batch_size) not in self._constants_cache:
            if len(self._constants_cache) > 8:  # training uses two batch sizes; others are rare
                self._constants_cache.clear()
            with torch.no_grad():
                self._constants_cache[of_moving, batch_size] = (
                    self._moving_constants if of_moving else self._frozen_constants
                )(batch_size, {})
        return self._constants_cache[of_moving, batch_size]


def _trace_backbone(net: Net, stage_modules: Collection[str], n_images: int) -> Trace:
    return trace_forward(net, net.backbone, net.normalize(_make_random_pixels(net, n_images)), set(stage_modules))


def _find_moving_steps(net: Net, trace: Trace, moving_stages: set[str], trainable: Collection[str] | None) -> set[int]:
    """Find the steps whose output changes as the moving stages train: by weights, statistics or randomness."""
    stages = [stage for stage in net.stages if stage.name in moving_stages]
    names = {name for stage in stages for name in (*stage.tensor_names, *stage.module_names)}
    trainable_ids = {id(p) for name, p in net.named_parameters() if name in (names if trainable is None else trainable)}
    changed_steps = {
        index
        for index, step in enumerate(trace.steps)
        if step.name in names and _is_changed_by_training(net, step, trainable_ids)
    }
    return changed_steps | {
        p for p, step in enumerate(trace.steps) if any(isinstance(v, TrainingFlag) for v in step.flat_args)
    }


def _is_changed_by_training(net: Net, step: TraceStep, trainable_ids: set[int]) -> bool:
    """Return whether training changes a step's output, where the parameters with the ids in `trainable_ids` move."""
    if step.is_tensor:
        parameter = dict(net.named_parameters(remove_duplicate=False)).get(str(step.name))
        return parameter is None or id(parameter) in trainable_ids  # a buffer may be written by any module
    module = net.get_submodule(str(step.name))
    return any(id(p) in trainable_ids for p in module.parameters()) or any(
        map(_changes_without_weights, module.modules())
    )


def _changes_without_weights(module: nn.Module) -> bool:
    """Return whether a module changes without moving weights of its own: by dropout, or by buffers that follow data."""
    has_data_buffers = any(True for _ in module.buffers(recurse=False)) and not any(
        True for _ in module.parameters(recurse=False)
    )
    return has_data_buffers or _is_active_dropout(module)


def _is_active_dropout(module: nn.Module) -> bool:
    probabilities = [getattr(module, name, 0) for name in ("p", "prob", "drop_prob", "rate")]
    return "drop" in type(module).__name__.lower() and any(
        isinstance(probability, float) and probability > 0 for probability in probabilities
    )


def _has_weights(module: nn.Module) -> bool:
    return any(True for _ in module.parameters()) or any(True for _ in module.buffers())


def _find_costly_steps(net: Net, trace: Trace) -> set[int]:
    """Find the steps that cost time: modules with weights."""
    named = [(p, s.name) for p, s in enumerate(trace.steps) if s.name and not s.is_tensor]
    return {index for index, name in named if _has_weights(net.get_submodule(name))}


def _make_random_pixels(net: Net, n_images: int) -> Tensor:
    """Draw random pixels (B, 3, S, S) on the net's device without touching torch's global generator."""
    size, rng = net.preprocessing.size, torch.Generator().manual_seed(n_images)
    x = torch.rand(n_images, 3, size, size, generator=rng).to(net.mean)
    return x.contiguous(memory_format=torch.channels_last)


def _is_deterministic(net: Net) -> bool:
    """Return whether training has no randomness outside of the stages' own modules."""
    stage_modules = {name for stage in net.stages for name in stage.module_names}
    expected = net.forward_features(x := _make_random_pixels(net, 4))
    with _container_train_mode(net, stage_modules), torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.equal(net.forward_features(x), expected)


def _infer_head_input_layout(net: Net) -> BatchLayout:
    layout = min_cut.infer_layout(
        net.forward_features(_make_random_pixels(net, 2)), net.forward_features(_make_random_pixels(net, 3)), 2, 3
    )
    if layout is None:
        raise Untraceable("the input of its head cannot be split by images")
    return layout


@contextlib.contextmanager
def _eval_mode_with_reset(net: nn.Module) -> Iterator[None]:
    """Switch to evaluation mode temporarily; each module's mode is restored."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        yield
    finally:
        net.train()  # makes nets that cache tables in evaluation mode discard them
        for module, mode in modes.items():
            module.training = mode


@contextlib.contextmanager
def _container_train_mode(net: nn.Module, stage_modules: Collection[str]) -> Iterator[None]:
    """Set training mode temporarily on modules that span several stages, whose code may read it; statistics stay."""
    outer = [module for name, module in net.named_modules() if name not in stage_modules]
    for module in outer:
        module.training = True
    try:
        yield
    finally:
        for module in outer:
            module.training = False
