"""What type hints accept: the kinds of value that a public function can ask for, each with its words."""

from __future__ import annotations

import builtins
import collections.abc
import functools
import inspect
import math
import numbers
import os
import sys
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from workbench.errors import nearest
from workbench.forms import Range
from workbench.markers import MARKERS, shortened, shown, with_article

LONGEST = 255  # bytes of one name in a path: what file systems take
MOST_TOLD = 3  # kinds of a union that are told with the call that gives them
# what of ours is wanted, and the call that gives it
GIVEN_BY = {
    "Net": 'a net, as wb.load("resnet18", classes=images.classes) gives it',
    "Images": 'images, as wb.images("folder") opens them',
    "Plan": 'a plan, as wb.Plan("wb/residual-all", images) makes it',
    "Choice": 'a choice, as wb.tuning("last-k", k=2) makes it',
    "Run": "a run, as wb.fit(plan) or wb.run(name) gives it",
    "Ranking": "a ranking, as wb.rank(backbones, images) gives it",
    "Evaluation": "an evaluation, as wb.evaluate(net, images) gives it",
    "Diagnosis": "a diagnosis, as wb.diagnose(plan) gives it",
    "Saliency": "saliency maps, as wb.probes.saliency(net, images) gives them",
    "Tuning": 'a tuning, as wb.tunings.tunings.make("full") gives it',
    "Strategy": 'a strategy, as wb.strategies.strategies.make("fine-tune") gives it',
    "Schedule": "a schedule, as wb.Schedule(epochs=5) makes it",
    "Tensor": "a tensor",
    "DataFrame": "a DataFrame of pandas",
    "ndarray": "a numpy array",
}
# classes of these packages are known by their name, so that no check imports them
_KNOWN_BY_NAME = ("workbench", "torch", "pandas", "numpy")


@dataclass(frozen=True)
class Kind:
    """The values that a hint accepts.

    Attributes:
        wanted: what they are, for the sentence that refuses another.
        problem: None where a value is accepted, "" where it is of another kind, else what is wrong with it.
    """

    wanted: str
    problem: Callable[[Any], str | None]


class _Absent(type):
    """A class that a hint names and nobody has imported: its objects are known by their class's name."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _absent(name)


@functools.cache
def _absent(name: str) -> _Absent:
    return _Absent(name, (), {})


class _Names(dict):
    """The names that a hint may use: those of its module, and classes imported for type checkers alone."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        super().__init__()
        self.known = known

    def __missing__(self, name: str) -> Any:
        if name in self.known or hasattr(builtins, name):
            raise KeyError(name)
        home = next((m for m in (typing, collections.abc) if hasattr(m, name)), None)
        return getattr(home, name) if home else sys.modules.get(name) or _absent(name)


def hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The hints of a function's parameters, without importing what its module imports for type checkers alone."""
    inner = inspect.unwrap(function)
    known = inner.__globals__
    found = inner.__annotations__.items()
    return {n: eval(h, known, _Names(known)) if isinstance(h, str) else h for n, h in found if n != "return"}


def kind_of(hint: Any) -> Kind | None:
    """The kind of value that a hint accepts; None where it accepts anything."""
    if hint in (Any, object, inspect.Parameter.empty) or isinstance(hint, TypeVar):
        return None
    if hint is None or hint is type(None):
        return Kind("None", lambda value: None if value is None else "")
    if isinstance(hint, str):
        return _of_class(_absent(hint))
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(parts[0], [p for p in parts[1:] if isinstance(p, (Range, *MARKERS))])
    if origin in (Union, types.UnionType):
        return _union(parts)
    if origin is Literal:
        return _one_of(parts)
    if origin is not None and origin is not type:
        return _container(origin, parts)
    if isinstance(hint, type) and issubclass(hint, os.PathLike):  # type: ignore[misc]
        return _PATH
    return _SIMPLE.get(hint) or _of_class(hint if origin is None else type)


def _whole(value: Any) -> str | None:
    if type(value) is int:  # asking an abstract class takes ten times as long
        return None
    return None if isinstance(value, numbers.Integral) and not isinstance(value, bool) else ""


def _number(value: Any) -> str | None:
    if type(value) is float and -math.inf < value < math.inf:
        return None
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return ""
    if isinstance(value, numbers.Integral):
        return None if abs(int(value)) < 2**1000 else f"is far too large a number; got {shown(value)}"
    return None if math.isfinite(value) else f"is a finite number; got {value}"


def _truth(value: Any) -> str | None:
    return None if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool") else ""


def path_problem(value: Any) -> str | None:
    """Says what no file system takes in a path: NUL, or a name that is too long."""
    if not isinstance(value, (str, os.PathLike)):
        return ""
    text = os.fspath(value)
    if not isinstance(text, str):
        return ""
    if "\0" in text:
        return f"holds a character that no file name may hold; got {shown(text)}"
    longest = max(text.replace("\\", "/").split("/"), key=len)
    if len(longest.encode("utf-8", "surrogateescape")) > LONGEST:
        return f"holds a name of {len(longest):,} letters; none is longer than {LONGEST}; got {shown(text)}"
    return None if len(text) < 4096 else f"is a path of {len(text):,} letters; none is longer than 4,095"


_PATH = Kind("a name or a path", path_problem)
_SIMPLE: dict[Any, Kind] = {
    int: Kind("a whole number", _whole),
    float: Kind("a number", _number),
    bool: Kind("True or False", _truth),
    str: Kind("a word", lambda value: None if isinstance(value, str) else ""),
    os.PathLike: _PATH,
}


def _of_class(cls: type) -> Kind:
    name = cls.__name__
    wanted = GIVEN_BY.get(name, with_article(name))

    def by_name(value: Any) -> str | None:
        own = type(value).__mro__
        return None if any(c.__name__ == name and c.__module__.startswith(_KNOWN_BY_NAME) for c in own) else ""

    def by_class(value: Any) -> str | None:
        return None if isinstance(value, cls) else ""

    return Kind(wanted, by_name if isinstance(cls, _Absent) else by_class)


def _annotated(hint: Any, markers: list[Any]) -> Kind | None:
    base = kind_of(hint)
    if not markers:
        return base
    tests = [base.problem] if base else []
    tests += [_within(m).problem if isinstance(m, Range) else m.problem for m in markers]
    words = [_within(m).wanted if isinstance(m, Range) else m.wanted for m in markers]
    wanted = f"{base.wanted} {words[0]}" if base and isinstance(markers[0], Range) else words[0]

    def problem(value: Any) -> str | None:
        for test in tests:
            wrong = test(value)
            if wrong is not None:
                return wrong
        return None

    return Kind(wanted, problem)


def _within(limits: Range) -> Kind:
    low, high = limits.low, limits.high
    unit = f"between {low:.10g} and {high:.10g}" if math.isfinite(high) else f"from {low:g}"
    # `not (low <= value <= high)` rather than two comparisons: NaN is out of every range
    return Kind(unit, lambda value: None if low <= value <= high else f"lies {unit}; got {shown(value)}")


def _union(parts: tuple[Any, ...]) -> Kind | None:
    # beside a path, a word is one
    on_disk = any(kind_of(p) is _PATH for p in parts)
    kinds = [_PATH if on_disk and p is str else kind_of(p) for p in parts]
    if any(kind is None for kind in kinds):
        return None
    held: list[Kind] = [kind for kind in kinds if kind is not None]
    words = list(dict.fromkeys(kind.wanted for kind in held))
    if len(words) > MOST_TOLD:
        words = list(dict.fromkeys(word.partition(", as ")[0] for word in words))
    wanted = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"

    def problem(value: Any) -> str | None:
        said = ""
        for kind in held:
            wrong = kind.problem(value)
            if wrong is None:
                return None
            said = said or wrong
        return said

    return Kind(wanted, problem)


def _one_of(options: tuple[Any, ...]) -> Kind:
    wanted = f"one of {', '.join(map(str, options))}"

    def problem(value: Any) -> str | None:
        if type(value) in {type(o) for o in options} and value in options:
            return None
        if not isinstance(value, str):
            return ""
        close = nearest(shortened(value), [str(o) for o in options])
        return f"is {wanted}; got {shown(value)}" + (f"; {close}" if close.startswith("did") else "")

    return Kind(wanted, problem)


def _container(origin: Any, parts: tuple[Any, ...]) -> Kind | None:
    if origin is collections.abc.Callable:
        return _function(parts[0] if parts else ...)
    if origin is os.PathLike:
        return _PATH
    if issubclass(origin, Mapping):
        return _mapping(*parts)
    if origin is tuple and parts[-1] is not Ellipsis:
        return _fixed(parts)
    if issubclass(origin, collections.abc.Iterable):
        return _several(origin, parts[0])
    return _of_class(origin)


def _function(taken: Any) -> Kind:
    wanted = "a function" + (f" of {len(taken)} values" if isinstance(taken, list) else "")

    def problem(value: Any) -> str | None:
        if not callable(value) or isinstance(value, type):
            return ""
        if not isinstance(taken, list):
            return None
        try:
            inspect.signature(value).bind(*taken)
        except TypeError:
            return f"is called with {len(taken)} values; {shown(value)} does not take them"
        except ValueError:  # of what is written in C, nothing is known
            return None
        return None

    return Kind(wanted, problem)


def _mapping(key: Any = Any, each: Any = Any) -> Kind:
    keys, values = kind_of(key), kind_of(each)
    wanted = f"a mapping of names to {values.wanted}" if values else "a mapping"

    def problem(value: Any) -> str | None:
        if not isinstance(value, Mapping):
            return ""
        for name, held in value.items():
            if keys is not None and keys.problem(name) is not None:
                return f"has keys that are {keys.wanted} each; got {shown(name)}"
            if values is not None and (wrong := values.problem(held)) is not None:
                return f"at {shown(name)} {wrong or f'wants {values.wanted}; got {shown(held)}'}"
        return None

    return Kind(wanted, problem)


def _fixed(parts: tuple[Any, ...]) -> Kind:
    kinds = [kind_of(part) for part in parts]
    each = next((kind.wanted for kind in kinds if kind), "a value")
    wanted = f"{len(parts)} values, {each} each"

    def problem(value: Any) -> str | None:
        if not isinstance(value, (list, tuple)):
            return ""
        pairs = zip(kinds, value, strict=False)
        fits = len(value) == len(kinds) and all(k is None or k.problem(v) is None for k, v in pairs)
        return None if fits else f"wants {wanted}; got {shown(value)}"

    return Kind(wanted, problem)


def _several(origin: Any, each: Any) -> Kind:
    kind = kind_of(each)
    wanted = f"a list (each item {kind.wanted})" if kind else "a list"
    once = not issubclass(origin, collections.abc.Collection)

    def problem(value: Any) -> str | None:
        if isinstance(value, (str, bytes, Mapping, type)) or not hasattr(value, "__iter__"):
            return ""
        if not hasattr(value, "__len__"):
            # what can be read once only is read by whoever asked for it
            return None if once else ""
        if getattr(value, "ndim", 1) == 0:
            return ""
        if kind is None:
            return None
        for place, held in enumerate(value):
            wrong = kind.problem(held)
            if wrong is not None:
                return f"at place {place} {wrong or f'wants {kind.wanted}; got {shown(held)}'}"
        return None

    return Kind(wanted, problem)
