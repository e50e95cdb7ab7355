"""A whole run as plain data: frozen, comparable, JSON both ways."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import operator
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Annotated, Any, Literal

from workbench import forms
from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName, printable_text
from workbench.forms import Range


@check_arguments
@dataclass(frozen=True)
class Choice:
    """A registered name and what differs from its defaults."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @check_arguments
    def but(self, **params: Any) -> Choice:
        """The same choice with some parameters changed."""
        return Choice(self.name, {**self.params, **params})

    @printable_text
    def __str__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.params.items())
        return f"{self.name}({inside})" if inside else self.name

    def __hash__(self) -> int:
        return hash((self.name, json.dumps(plain(self.params), sort_keys=True)))


@functools.partial(check_arguments, values=False)
@dataclass(frozen=True)
class Schedule:
    """How long, how fast and on what the moving weights are trained.

    Args:
        epochs: passes over the training images.
        batch_size: images an update.
        lr: base learning rate; the tuning's grid multiplies it. None takes the tuning's own default.
        optimizer: adamw, or sgd with Nesterov momentum 0.9.
        weight_decay: decoupled decay of weight matrices; norms, biases and tokens are spared.
        shape: course of the rate after the warm-up.
        warmup: share of all updates over which the rate rises from zero.
        clip: largest norm of the gradient; 0 turns clipping off.
        augment: random view of each training image: none, flip, or crop (random resized crop and flip).
        batch_norm: follow: batch norm of a moving stage learns and tracks statistics; still: none ever does.
        patience: epochs without a better validation score before the run ends early; 0 turns this off.
        keep: which weights the run gives back: those of the best validation epoch, or the last.
        snapshots: epochs from one snapshot of what moves to the next, kept with the run in half precision, so that
            `run.net(epoch=...)` and views of its course have them; 0 keeps none.
        precision: of forward passes; auto is bf16 on CUDA devices that have it and on CPUs where a short trial of this
            very net finds it clearly faster, else fp32. The choice is kept with the run, and shown in its log.
        store: what frozen layers make of an image is computed once and kept: auto in full precision where that is
            small and else in half, fp32, fp16 or bf16 always in that; off computes it in every epoch.
        views: random views an image, drawn once a run, while the first stage is frozen; each epoch shows one of
            them. 0 draws fresh views in every epoch, of which nothing can be stored.
        device: auto takes a free CUDA device, else MPS, else the CPU.
        threads: CPU threads of the worker; 0 leaves torch's choice.
    """

    epochs: Annotated[int, Range(1, 10_000)] = 5
    batch_size: Annotated[int, Range(1, 65_536)] = 32
    lr: Annotated[float, Range(1e-7, 100.0, log=True)] | None = None
    optimizer: Literal["adamw", "sgd"] = "adamw"
    weight_decay: Annotated[float, Range(0.0, 1.0)] = 0.01
    shape: Literal["cosine", "constant"] = "cosine"
    warmup: Annotated[float, Range(0.0, 0.9)] = 0.1
    clip: Annotated[float, Range(0.0, 1000.0)] = 1.0
    augment: Literal["none", "flip", "crop"] = "crop"
    batch_norm: Literal["follow", "still"] = "follow"
    patience: Annotated[int, Range(0, 10_000)] = 0
    keep: Literal["best", "last"] = "best"
    snapshots: Annotated[int, Range(0, 10_000)] = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    store: Literal["auto", "fp32", "fp16", "bf16", "off"] = "auto"
    views: Annotated[int, Range(0, 64)] = 4
    device: str = "auto"
    threads: Annotated[int, Range(0, 1024)] = 0

    def __post_init__(self) -> None:
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name, value in forms.check(Schedule, given, "the schedule").items():
            object.__setattr__(self, name, value)


DEEPEST = 32  # levels of lists and mappings in a parameter
SCHEDULE = tuple(f.name for f in dataclasses.fields(Schedule))


@dataclass(frozen=True, init=False)
class Plan:
    """A whole run as plain data.

    Args:
        backbone: a name that `wb.load` takes, a `Choice` with its arguments, or a net.
        data: what `wb.images` takes as source, a `Choice` with its options, or images.
        tuning: which weights move: a name, `{"name", "params"}` or a `Choice`.
        strategy: what is minimised, likewise.
        schedule: how long and how fast; its fields may also be given one by one.
        seed: of the split's draw order, the head, the views and everything else random.
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
    # objects that have no recipe of their own (arrays, a net in memory): stored with the run
    held: Mapping[str, Any] = field(compare=False, repr=False)

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
        **settings: Any,
    ) -> None:
        held = {k: v for k, v in (("backbone", backbone), ("data", data)) if hasattr(v, "store_with")}
        backbone = to_choice(backbone, "backbone")
        if size is not None:
            backbone = backbone.but(size=size)
        values = {
            "backbone": backbone,
            "data": to_choice(data, "data"),
            "tuning": _registered("tunings", tuning),
            "strategy": _registered("strategies", strategy),
            "schedule": _schedule(schedule, settings),
            "seed": _seed(seed),
            "held": held,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @check_arguments
    def but(self, **changes: Any) -> Plan:
        """A variant: any argument of the constructor, the schedule's fields included, changed."""
        kept = {name: getattr(self, name) for name in ("backbone", "data", "tuning", "strategy", "schedule", "seed")}
        plan = Plan(**{**kept, **changes})
        held = {name: value for name, value in self.held.items() if name not in changes}
        object.__setattr__(plan, "held", {**held, **plan.held})
        return plan

    @check_arguments
    def to_json(self) -> str:
        """The plan as indented JSON."""
        data = {name: _choice_json(getattr(self, name)) for name in ("backbone", "data", "tuning", "strategy")}
        return json.dumps({**data, "schedule": dataclasses.asdict(self.schedule), "seed": self.seed}, indent=1)

    @classmethod
    @check_arguments
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote.

        Raises:
            BadValue: the text is not a plan.
        """
        try:
            data = json.loads(text)
            if not isinstance(data, dict) or not {"backbone", "data"} <= set(data):
                raise BadValue("this is not a plan: it names no backbone and no data")
            return cls(**data)
        except RecursionError as error:
            raise BadValue("this is not a plan: its brackets are nested too deeply to be read") from error
        except (json.JSONDecodeError, TypeError) as error:
            raise BadValue(f"this is not a plan: {error}") from error

    @check_arguments
    def code(self) -> str:
        """The lines of Python that make this plan: whatever was clicked can be typed."""
        defaults = Schedule()
        parts = [f"backbone={_literal(self.backbone)}", f"data={_literal(self.data)}"]
        parts += [f"tuning={_literal(self.tuning)}", f"strategy={_literal(self.strategy)}"]
        changed = [n for n in SCHEDULE if getattr(self.schedule, n) != getattr(defaults, n)]
        parts += [f"{n}={getattr(self.schedule, n)!r}" for n in dict.fromkeys(["epochs", *changed])]
        return f"plan = wb.Plan({', '.join([*parts, f'seed={self.seed}'])})\nrun = wb.launch(plan)"

    @property
    def brief(self) -> str:
        """In words short enough for one line, without the folders that its parts lie in."""
        backbone, data = PurePath(self.backbone.name).name, PurePath(self.data.name).name
        tuning = "painted grid" if self.tuning.name == "grid" else str(self.tuning)
        epochs = f"{self.schedule.epochs} epoch{'s' if self.schedule.epochs > 1 else ''}"
        return f"{self.strategy} of {backbone} on {data}, {tuning}, {epochs}, seed {self.seed}"

    @printable_text
    def __str__(self) -> str:
        return f"{self.strategy} of {self.backbone}, {self.tuning}, {self.schedule.epochs} epochs, seed {self.seed}"


def to_choice(value: Any, kind: str) -> Choice:
    """A `Choice` from a name, a path, a mapping `{"name", "params"}`, a choice, or an object that has one.

    Raises:
        BadValue: none of these.
    """
    if isinstance(value, Choice):
        return Choice(value.name, plain(value.params))
    if isinstance(value, str):
        return Choice(value)
    if isinstance(value, Mapping) and "name" in value and not set(value) - {"name", "params"}:
        return Choice(str(value["name"]), plain(value.get("params") or {}))
    if isinstance(own := getattr(value, "choice", None), Choice):
        return to_choice(own, kind)
    if isinstance(value, os.PathLike):
        return Choice(os.fspath(value))
    raise BadValue(
        f'the {kind} of a plan is a name, {{"name": …, "params": …}}, a Choice or an object of the workbench; '
        f"got {type(value).__name__}"
    )


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON holds it: mappings, lists, numbers, words; paths become words.

    Raises:
        BadValue: another kind of object, or one nested too deeply.
    """
    if depth > DEEPEST:
        raise BadValue(f"the parameters of a plan are nested deeper than {DEEPEST} levels: hand in a flat mapping")
    if isinstance(value, Choice):
        return _choice_json(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v, depth + 1) for v in value]
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    if hasattr(value, "__fspath__"):
        return os.fspath(value)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return value.tolist()
    raise BadValue(f"a plan holds numbers, words and lists; got {type(value).__name__}")


def _registered(room: str, value: Any) -> Choice:
    # looked up by name at run time: the rooms stand on a higher floor than the plan
    registry = getattr(importlib.import_module(f"workbench.{room}"), room)
    return registry.choice(value)


def _schedule(schedule: Schedule | Mapping[str, Any] | None, settings: Mapping[str, Any]) -> Schedule:
    if schedule is not None and not isinstance(schedule, (Schedule, Mapping)):
        raise BadValue(f"the schedule of a plan is a Schedule or its fields by name; got {schedule!r}")
    base = dataclasses.asdict(schedule) if isinstance(schedule, Schedule) else dict(schedule or {})
    merged = {**base, **settings}
    for name in merged:
        if name not in SCHEDULE:
            raise UnknownName.of("argument of a plan", name, [*SCHEDULE, "backbone", "data", "tuning", "strategy"])
    return Schedule(**merged)


def _seed(seed: Any) -> int:
    # numpy's whole numbers are welcome: seeds come from `range` and from `arange`
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= operator.index(seed) < 2**32:
        raise BadValue(f"the seed is a whole number from 0 to 2**32 - 1; got {seed!r}")
    return operator.index(seed)


def _choice_json(choice: Choice) -> dict[str, Any]:
    return {"name": choice.name, "params": plain(choice.params)}


def _literal(choice: Choice) -> str:
    return repr(choice.name) if not choice.params else repr(_choice_json(choice))
