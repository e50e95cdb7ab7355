"""Argument checks of public functions: what hints accept, what is refused and how, and that the whole face has them."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import workbench as wb
from workbench.annotated_types import Array, Device, Frame, HasAttributes
from workbench.argument_checks import ArgumentChecker, check_arguments, check_options, has_argument_checks
from workbench.errors import BadValue, UnknownName, WorkbenchError
from workbench.forms import Range

ROOMS = ("data", "nets", "tunings", "strategies", "loop", "runs", "ranking", "diagnosis", "storage")
NAMESPACES = ("world", "scores", "probes", "figures", "widgets")
# public to whoever writes a method, though no namespace lists them
FURTHER = (
    "data.pixels.augmentation.augment_images",
    "data.pixels.augmentation.center_crop",
    "data.views.View",
    "strategies.Batch",
    "strategies.Examples",
    "strategies.Losses",
    "strategies.Update",
    "tunings.MovingWeights",
    "tunings.find_moving_weights",
    "tunings.find_moving_weights_by_epoch",
    "tunings.select_moving_weights",
)
# what torch, plotly and matplotlib call, not a person; a net's own call has a check of its own
INSIDE = {
    *{"forward", "features", "forward_features", "forward_head", "normalize", "logits", "cache_stages", "extra_repr"},
    *{"draw", "set"},
}
WRONG = {
    "None": None,
    "a long text": "x" * 300,
    "a number": 3,
    "below zero": -1,
    "NaN": float("nan"),
    "an object": object(),
    "an empty list": [],
    "an empty mapping": {},
    "an array of NaN": np.array([np.nan, 1.0]),
    "a ragged list": [[1, 2], [3]],
    "a class": nn.Linear,
    "a huge number": 10**400,
}


@check_arguments
def brew(
    cups: Annotated[int, Range(1, 8)],
    kind: Literal["green", "black"] = "green",
    *,
    heat: float = 90.0,
    net: wb.Net | None = None,
    names: Sequence[str] = (),
    by_name: Mapping[str, int] | None = None,
    place: str | Path = "kitchen",
    pair: tuple[int, int] = (1, 2),
    watch: Callable[[int, int], None] | None = None,
    table: Annotated[Any, Array(ndim=2, finite=True)] | None = None,
    frame: Annotated[Any, Frame("leaves", columns=("leaf",), fraction_columns=("dry",), min_rows=1)] | None = None,
    like: Annotated[Any, HasAttributes("a thing that steeps", ("steep",))] | None = None,
    device: Annotated[str | torch.device | None, Device()] = None,
    strong: bool = False,
) -> int:
    """Brews tea."""
    return cups


def test_what_hints_accept_goes_through():
    frame = pd.DataFrame({"leaf": ["a"], "dry": [0.5]})
    steeper = types.SimpleNamespace(steep=1)
    assert brew(2, "black", heat=80, names=["a"], by_name={"a": 1}, place=Path("hall"), pair=[3, 4]) == 2
    assert brew(np.int64(2), heat=np.float32(1), table=[[1, 2]], frame=frame, like=steeper, device="cpu") == 2
    assert brew(2, watch=lambda a, b: None, table=torch.zeros(2, 2), names=np.array(["a"]), strong=np.True_) == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "brew needs cups: a whole number between 1 and 8"),
        ({"cups": 9}, "cups of brew must be between 1 and 8; got 9"),
        ({"cups": True}, "cups of brew wants a whole number between 1 and 8; got True"),
        ({"cups": 2.0}, "got 2.0"),
        ({"kind": "grean"}, "must be one of green, black; got 'grean'; did you mean green?"),
        ({"heat": float("nan")}, "heat of brew must be a finite number; got nan"),
        ({"heat": 10**400}, "is too large"),
        ({"net": "resnet18"}, 'net of brew wants a net, as from wb.load_net("resnet18", classes=images.classes)'),
        ({"net": nn.Linear(1, 1)}, "got a Linear"),
        ({"net": wb.Net}, "got the class Net itself"),
        ({"names": "ab"}, "names of brew wants a list (each item a string); got 'ab'"),
        ({"names": ["a", 3]}, "at index 1 wants a string; got 3"),
        ({"by_name": {"a": "b"}}, "at 'a' wants a whole number; got 'b'"),
        ({"place": "a" * 300}, "a name of 300 characters; at most 255 are allowed"),
        ({"place": "a\0b"}, "not allowed in file names"),
        ({"pair": (1, 2, 3)}, "2 values, a whole number each"),
        ({"watch": lambda a: None}, "must accept 2 arguments"),
        ({"table": [[1, 2], [3]]}, "rows of different length"),
        ({"table": np.zeros(3)}, "an array of 2 dimensions of numbers; got the shape (3,)"),
        ({"table": [[np.nan]]}, "NaN or infinity in 1 of 1 values"),
        ({"table": [["a"]]}, "must contain numbers"),
        ({"frame": pd.DataFrame({"leaf": ["a"]})}, "missing: dry"),
        ({"frame": pd.DataFrame({"leaf": ["a"], "dry": [7.0]})}, "fractions from 0 to 1 in its column dry"),
        ({"frame": pd.DataFrame({"leaf": ["a"], "dry": ["b"]})}, "numbers in its column dry"),
        ({"frame": pd.DataFrame({"leaf": [], "dry": []})}, "empty table"),
        ({"like": 3}, "a thing that steeps"),
        ({"device": "cuda:99"}, "a device of this machine, one of cpu"),
        ({"strong": 1}, "True or False"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_was_wanted_and_what_came(given, words):
    with pytest.raises(BadValue) as refused:
        brew(**({"cups": 2, **given} if given else {}))
    assert words in str(refused.value)


def test_arguments_that_are_unknown_too_many_or_given_twice_are_refused():
    with pytest.raises(UnknownName, match="no argument of brew is called 'cup'; did you mean cups"):
        brew(2, cup=3)
    with pytest.raises(BadValue, match="expected at most 2 positional arguments"):
        brew(2, "green", 3)
    with pytest.raises(BadValue, match="cups twice"):
        brew(2, cups=2)
    with pytest.raises(UnknownName, match="did you mean heat"):
        check_options(brew, {"haet": 3}, "the kettle")
    with pytest.raises(BadValue, match="heat of brew"):
        check_options(brew, {"heat": "hot"}, "the kettle")


def test_a_person_sees_the_function_itself():
    assert str(inspect.signature(brew)) == str(inspect.signature(brew.__wrapped__))
    assert brew.__doc__ == "Brews tea." and brew.__name__ == "brew" and brew.__module__ == __name__
    assert "net: 'Net', images: 'Images'" in pydoc.render_doc(wb.evaluate)
    assert list(inspect.signature(wb.Plan).parameters)[:2] == ["backbone", "data"]


def test_a_door_takes_a_few_microseconds():
    def passes(function):
        began = time.process_time()
        for _ in range(2000):
            function(2, heat=80.0, names=("a",), strong=True)
        return (time.process_time() - began) / 2000

    brew(2)
    assert min(passes(brew) for _ in range(5)) - min(passes(brew.__wrapped__) for _ in range(5)) < 40e-6


def face() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function and every public method of a public class, by name."""
    found: dict[str, Any] = {f"wb.{name}": getattr(wb, name) for name in wb.__all__}
    for room in NAMESPACES:
        names = [*wb.scores.scores] if room == "scores" else getattr(wb, room).__all__
        found |= {f"wb.{room}.{name}": getattr(getattr(wb, room), name) for name in names}
    for room in ROOMS:
        module = importlib.import_module(f"workbench.{room}")
        found |= {f"wb.{room}.{name}": getattr(module, name) for name in module.__all__}
    for path in FURTHER:
        module, _, name = path.rpartition(".")
        found[f"wb.{path}"] = getattr(importlib.import_module(f"workbench.{module}"), name)
    for name, thing in found.items():
        if inspect.isfunction(thing):
            yield name, thing
        elif isinstance(thing, type) and thing.__module__.startswith("workbench."):
            yield from methods(name, thing)


def methods(name: str, cls: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The methods that a class of ours adds, and its constructor where a person calls it."""
    if issubclass(cls, WorkbenchError) or getattr(cls, "_is_protocol", False):
        return
    if "Args:\n" in (inspect.getdoc(cls) or "") and "__init__" in vars(cls):
        yield name, cls
    for own, value in vars(cls).items():
        function = getattr(value, "__func__", value)
        inherited = any(own in vars(base) for base in cls.__mro__[1:] if not base.__module__.startswith("workbench."))
        if not own.startswith("_") and inspect.isfunction(function) and not inherited and own not in INSIDE:
            yield f"{name}.{own}", function


FACE = dict(face())


def test_the_face_is_walked():
    assert len(FACE) > 200
    assert {"wb.fit", "wb.probes.cka", "wb.scores.gbc", "wb.figures.saliency_maps", "wb.Run.net", "wb.Plan"} <= {*FACE}


def test_every_public_callable_has_a_door():
    assert [name for name, thing in FACE.items() if not has_argument_checks(thing) and not abstract(name)] == []


def abstract(name: str) -> bool:
    """Whether it is written by whoever adds a method, and called by the loop."""
    return name.startswith(("wb.strategies.Strategy", "wb.tunings.Tuning"))


@pytest.mark.parametrize("name", [name for name, thing in FACE.items() if has_argument_checks(thing)])
def test_what_a_door_does_not_accept_is_a_sentence(name):
    thing = FACE[name]
    door = ArgumentChecker(inspect.unwrap(thing.__init__ if isinstance(thing, type) else thing))
    for parameter, kind in door.type_checks.items():
        if kind is None or parameter in (door.var_positional, door.var_keyword):
            continue
        for what, value in WRONG.items():
            if kind.find_problem(value) is None or (value is None and parameter in door.none_defaults):
                continue
            with pytest.raises(BadValue) as refused:
                door.check_value(parameter, value)
            sentence = str(refused.value)
            assert sentence.startswith(f"{parameter} of "), f"{what}: {sentence}"
            assert len(sentence.split()) >= 4 and len(sentence) < 600, f"{what}: {sentence}"
