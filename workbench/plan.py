"""Description of a whole run as plain data: frozen, comparable, converted to and from JSON."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import json
import operator
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Annotated, Any, Literal, TypedDict, Unpack

from workbench import forms
from workbench._signatures import name_options
from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, UnknownName, escape_returned_text
from workbench.forms import Range
from workbench.plan_migration import migrate_plan

__all__ = ["Choice", "Plan", "Schedule"]


@check_arguments
@dataclass(frozen=True)
class Choice:
    """Registered name, with the parameters that differ from its defaults."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @check_arguments
    def replace(self, **params: Any) -> Choice:
        """Return a copy with some parameters changed."""
        return Choice(self.name, {**self.params, **params})

    @escape_returned_text
    def __str__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.params.items())
        return f"{self.name}({inside})" if inside else self.name

    def __hash__(self) -> int:
        return hash((self.name, json.dumps(to_plain_data(self.params), sort_keys=True)))


@functools.partial(check_arguments, values=False)
@dataclass(frozen=True)
class Schedule:
    """Duration, learning rate, batches and precision of a training.

    Args:
        epochs: passes over the training images.
        batch_size: images per update.
        lr: learning rate, multiplied by the tuning's grid. None takes the tuning's own default.
        optimizer: adamw, or sgd with Nesterov momentum 0.9.
        weight_decay: decoupled decay of weight matrices; norms, biases and tokens have none.
        lr_schedule: course of the learning rate after the warm-up.
        warmup: share of all updates over which the learning rate rises from zero.
        clip_grad: maximum norm of the gradient; 0 turns clipping off.
        augment: random view of each training image: none, flip, or crop (random resized crop and flip).
        batch_norm: train: batch norm of a trained stage learns and tracks statistics; eval: none ever does.
        patience: epochs without a better validation score before the run ends early; 0 turns this off.
        select: weights that the run returns: auto as the strategy prefers, best of the best validation epoch, last of
            the last epoch.
        snapshots: epochs between snapshots of the trained weights, stored with the run in half precision for
            `run.net(epoch=...)` and for figures of the training; 0 stores none.
        precision: of forward passes; auto is bf16 on CUDA devices that support it and on CPUs where a short benchmark
            of this net finds it clearly faster, else fp32. The result is stored with the run and shown in its log.
        cache_activations: outputs of frozen layers are computed once per image and stored: auto in full precision if
            that is small, else in half precision; fp32, fp16 or bf16 always in that; off computes them in every epoch.
        augment_views: random views per image, drawn once per run, while the first stage is frozen; each epoch uses one
            of them. 0 draws new views in every epoch, whose activations cannot be cached.
        device: auto takes a free CUDA device, else MPS, else the CPU.
        threads: CPU threads of the worker; 0 leaves torch's default.
    """

    epochs: Annotated[int, Range(1, 10_000)] = 5
    batch_size: Annotated[int, Range(1, 65_536)] = 32
    lr: Annotated[float, Range(1e-7, 100.0, log=True)] | None = None
    optimizer: Literal["adamw", "sgd"] = "adamw"
    weight_decay: Annotated[float, Range(0.0, 1.0)] = 0.01
    lr_schedule: Literal["cosine", "constant"] = "cosine"
    warmup: Annotated[float, Range(0.0, 0.9)] = 0.1
    clip_grad: Annotated[float, Range(0.0, 1000.0)] = 1.0
    augment: Literal["none", "flip", "crop"] = "crop"
    batch_norm: Literal["train", "eval"] = "train"
    patience: Annotated[int, Range(0, 10_000)] = 0
    select: Literal["auto", "best", "last"] = "auto"
    snapshots: Annotated[int, Range(0, 10_000)] = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    cache_activations: Literal["auto", "fp32", "fp16", "bf16", "off"] = "auto"
    augment_views: Annotated[int, Range(0, 64)] = 4
    device: str = "auto"
    threads: Annotated[int, Range(0, 1024)] = 0

    def __post_init__(self) -> None:
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name, value in forms.check_params(Schedule, given, "the schedule").items():
            object.__setattr__(self, name, value)


class ScheduleOptions(TypedDict, total=False):
    """Fields of `Schedule` as keywords of `Plan`, for type checkers; a test compares the two."""

    epochs: int
    batch_size: int
    lr: float | None
    optimizer: str
    weight_decay: float
    lr_schedule: str
    warmup: float
    clip_grad: float
    augment: str
    batch_norm: str
    patience: int
    select: str
    snapshots: int
    precision: str
    cache_activations: str
    augment_views: int
    device: str
    threads: int


class PlanOptions(ScheduleOptions, total=False):
    """Keywords of `Plan.replace`, for type checkers."""

    backbone: Any
    data: Any
    tuning: Any
    strategy: Any
    schedule: Schedule | Mapping[str, Any]
    seed: int
    size: int | None


MAX_NESTING = 32  # levels of nested lists and mappings in a parameter
SCHEDULE_FIELDS = tuple(f.name for f in dataclasses.fields(Schedule))


@dataclass(frozen=True, init=False)
class Plan:
    """Description of a whole run as plain data.

    Args:
        backbone: a name that `wb.load_net` takes, a `Choice` with its arguments, or a net.
        data: a name or path that `wb.load_images` takes, a `Choice` with its options, or images.
        tuning: which weights are trained: a name, `{"name", "params"}` or a `Choice`.
        strategy: which loss is minimized, in the same form.
        schedule: duration and learning rate; its fields may also be given one by one.
        seed: seed of the order of images, the head, the views and everything else random.
        size: shorthand for the backbone's argument `size`, in pixels.
        settings: fields of the schedule by name, such as `epochs=5, lr=1e-3`.

    Raises:
        UnknownName: a tuning, strategy or field that does not exist.
        BadValue: a value of the wrong type or out of range.
    """

    backbone: Choice
    data: Choice
    tuning: Choice
    strategy: Choice
    schedule: Schedule
    seed: int
    # objects that cannot be loaded by name (arrays, a net in memory): stored with the run
    in_memory: Mapping[str, Any] = field(compare=False, repr=False)

    @check_arguments
    def __init__(
        self,
        backbone: Any,
        data: Any,
        tuning: Any = "full",
        strategy: Any = "fine-tune",
        schedule: Schedule | Mapping[str, Any] | None = None,
        seed: int = 0,
        size: int | None = None,
        **settings: Unpack[ScheduleOptions],
    ) -> None:
        in_memory = {k: v for k, v in (("backbone", backbone), ("data", data)) if is_in_memory(v)}
        backbone = to_choice(backbone, "backbone")
        if size is not None:
            backbone = backbone.replace(size=size)
        values = {
            "backbone": backbone,
            "data": to_choice(data, "data"),
            "tuning": _check_registered("tunings", tuning),
            "strategy": _check_registered("strategies", strategy),
            "schedule": _merge_schedule(schedule, dict(settings)),
            "seed": _check_seed(seed),
            "in_memory": in_memory,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @check_arguments
    def replace(self, **changes: Unpack[PlanOptions]) -> Plan:
        """Return a copy with some constructor arguments changed; fields of the schedule are accepted too."""
        kept = {name: getattr(self, name) for name in ("backbone", "data", "tuning", "strategy", "schedule", "seed")}
        merged: dict[str, Any] = {**kept, **changes}
        plan = Plan(**merged)
        held = {name: value for name, value in self.in_memory.items() if name not in changes}
        object.__setattr__(plan, "in_memory", {**held, **plan.in_memory})
        return plan

    @check_arguments
    def to_json(self) -> str:
        """Convert the plan to indented JSON."""
        data = {name: _choice_to_dict(getattr(self, name)) for name in ("backbone", "data", "tuning", "strategy")}
        return json.dumps({**data, "schedule": dataclasses.asdict(self.schedule), "seed": self.seed}, indent=1)

    @classmethod
    @check_arguments
    def from_json(cls, text: str) -> Plan:
        """Build the plan from the output of `to_json`.

        Raises:
            BadValue: the text is not a plan.
        """
        try:
            data = json.loads(text)
            if not isinstance(data, dict) or not {"backbone", "data"} <= set(data):
                raise BadValue("this is not a plan: the backbone or the data is missing")
            return cls(**migrate_plan(data))
        except RecursionError as error:
            raise BadValue("this is not a plan: its brackets are nested too deeply to be read") from error
        except (json.JSONDecodeError, TypeError) as error:
            raise BadValue(f"this is not a plan: {error}") from error

    @check_arguments
    def to_code(self) -> str:
        """Return Python code that makes this plan and launches it."""
        defaults = Schedule()
        parts = [f"backbone={_choice_literal(self.backbone)}", f"data={_choice_literal(self.data)}"]
        parts += [f"tuning={_choice_literal(self.tuning)}", f"strategy={_choice_literal(self.strategy)}"]
        changed = [n for n in SCHEDULE_FIELDS if getattr(self.schedule, n) != getattr(defaults, n)]
        parts += [f"{n}={getattr(self.schedule, n)!r}" for n in dict.fromkeys(["epochs", *changed])]
        return f"plan = wb.Plan({', '.join([*parts, f'seed={self.seed}'])})\nrun = wb.launch(plan)"

    @property
    def summary(self) -> str:
        """Description in one line, without the folders of its parts."""
        backbone, data = PurePath(self.backbone.name).name, PurePath(self.data.name).name
        tuning = "custom learning-rate grid" if self.tuning.name == "grid" else str(self.tuning)
        epochs = f"{self.schedule.epochs} epoch{'s' if self.schedule.epochs > 1 else ''}"
        return f"{self.strategy} of {backbone} on {data}, {tuning}, {epochs}, seed {self.seed}"

    @escape_returned_text
    def __str__(self) -> str:
        return f"{self.strategy} of {self.backbone}, {self.tuning}, {self.schedule.epochs} epochs, seed {self.seed}"


class _Unchanged:
    """Default of what `Plan.replace` leaves as it is, as `help` shows it."""

    def __repr__(self) -> str:
        return "unchanged"


name_options(Plan.__init__, inspect.signature(Schedule).parameters.values())
name_options(Plan.replace, (p.replace(default=_Unchanged()) for p in inspect.signature(Plan).parameters.values()))


def is_in_memory(value: Any) -> bool:
    """Return whether an object has no recipe of its own, so that a run has to store it."""
    return hasattr(value, "store_with") and getattr(value, "is_in_memory", True)


def to_choice(value: Any, kind: str) -> Choice:
    """Convert a name, a path, a mapping `{"name", "params"}`, a choice, or an object with one, to a `Choice`.

    Raises:
        BadValue: none of these.
    """
    if isinstance(value, Choice):
        return Choice(value.name, to_plain_data(value.params))
    if isinstance(value, str):
        return Choice(value)
    if isinstance(value, Mapping) and "name" in value and not set(value) - {"name", "params"}:
        return Choice(str(value["name"]), to_plain_data(value.get("params") or {}))
    if isinstance(own := getattr(value, "choice", None), Choice):
        return to_choice(own, kind)
    if isinstance(value, os.PathLike):
        return Choice(os.fspath(value))
    raise BadValue(
        f'expected a name, {{"name": …, "params": …}}, a Choice or an object of the workbench as the {kind} of a plan; '
        f"got {type(value).__name__}"
    )


def to_plain_data(value: Any, depth: int = 0) -> Any:
    """Convert `value` to JSON types: mappings, lists, numbers, strings; paths become strings.

    Raises:
        BadValue: an object of another type, or one nested too deeply.
    """
    if depth > MAX_NESTING:
        raise BadValue(f"the parameters of a plan are nested deeper than {MAX_NESTING} levels: pass a flat mapping")
    if isinstance(value, Choice):
        return _choice_to_dict(value)
    if isinstance(value, Mapping):
        return {str(k): to_plain_data(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain_data(v, depth + 1) for v in value]
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    if hasattr(value, "__fspath__"):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return value.tolist()
    raise BadValue(f"expected numbers, strings and lists in a plan; got {type(value).__name__}")


def _check_registered(room: str, value: Any) -> Choice:
    # imported by name at run time: these packages depend on the plan, not the reverse
    registry = getattr(importlib.import_module(f"workbench.{room}"), room)
    return registry.make_choice(value)


def _merge_schedule(schedule: Schedule | Mapping[str, Any] | None, settings: Mapping[str, Any]) -> Schedule:
    if schedule is not None and not isinstance(schedule, (Schedule, Mapping)):
        raise BadValue(f"expected a Schedule or a mapping of its fields as the schedule of a plan; got {schedule!r}")
    base = dataclasses.asdict(schedule) if isinstance(schedule, Schedule) else dict(schedule or {})
    merged = {**base, **settings}
    for name in merged:
        if name not in SCHEDULE_FIELDS:
            raise UnknownName.of(
                "argument of a plan", name, [*SCHEDULE_FIELDS, "backbone", "data", "tuning", "strategy"]
            )
    return Schedule(**merged)


def _check_seed(seed: Any) -> int:
    # numpy integers are accepted: seeds come from `range` and from `arange`
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= operator.index(seed) < 2**32:
        raise BadValue(f"the seed is a whole number from 0 to 2**32 - 1; got {seed!r}")
    return operator.index(seed)


def _choice_to_dict(choice: Choice) -> dict[str, Any]:
    return {"name": choice.name, "params": to_plain_data(choice.params)}


def _choice_literal(choice: Choice) -> str:
    return repr(choice.name) if not choice.params else repr(_choice_to_dict(choice))
