"""Type checks built from type hints, each with a description of the values that it accepts."""

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

from workbench.annotated_types import MARKERS
from workbench.errors import suggest_names
from workbench.formatting import add_article, format_value, join_names, truncate_middle
from workbench.forms import Range

MAX_NAME_BYTES = 255  # bytes of one name in a path, the limit of common file systems
MAX_UNION_DETAILS = 3  # members of a union that are described with the call that makes them; more are named only
# class name -> description of the expected object, with the call that makes it
EXPECTED_OBJECTS = {
    "Net": 'a net, as from wb.load_net("resnet18", classes=images.classes)',
    "Images": 'images, as from wb.load_images("folder")',
    "Plan": 'a plan, as from wb.Plan("wb/residual-all", images)',
    "Choice": 'a choice, as from wb.tuning("last-k", k=2)',
    "Run": "a run, as from wb.fit(plan) or wb.load_run(name)",
    "Ranking": "a ranking, as from wb.rank_backbones(backbones, images)",
    "Evaluation": "an evaluation, as from wb.evaluate(net, images)",
    "Diagnosis": "a diagnosis, as from wb.diagnose(plan)",
    "Saliency": "saliency maps, as from wb.probes.saliency(net, images)",
    "Tuning": 'a tuning, as from workbench.tunings.tunings.create("full")',
    "Strategy": 'a strategy, as from workbench.strategies.strategies.create("fine-tune")',
    "Schedule": "a schedule, as from wb.Schedule(epochs=5)",
    "Tensor": "a tensor",
    "DataFrame": "a pandas DataFrame",
    "ndarray": "a numpy array",
}
# classes of these packages are recognized by name, so that no check imports them
_CHECKED_BY_NAME = ("workbench", "torch", "pandas", "numpy")


@dataclass(frozen=True)
class TypeCheck:
    """Check for the values that a type hint accepts.

    Attributes:
        expected: description of these values, for messages.
        find_problem: returns None for an accepted value, "" for a value of another type, else what is wrong with it.
    """

    expected: str
    find_problem: Callable[[Any], str | None]


class _UnimportedClass(type):
    """Metaclass of stand-ins for classes that have not been imported; their instances are recognized by class name."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _stub_class(name)


@functools.cache
def _stub_class(name: str) -> _UnimportedClass:
    return _UnimportedClass(name, (), {})


class _HintNamespace(dict):
    """Namespace for evaluating hints: names of the function's module, and classes imported only for type checkers."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        super().__init__()
        self.known = known

    def __missing__(self, name: str) -> Any:
        if name in self.known or hasattr(builtins, name):
            raise KeyError(name)
        home = next((m for m in (typing, collections.abc) if hasattr(m, name)), None)
        return getattr(home, name) if home else sys.modules.get(name) or _stub_class(name)


def resolve_type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the type hints of a function's parameters, without the imports that are only for type checkers."""
    inner = inspect.unwrap(function)
    known = inner.__globals__
    annotations = inner.__annotations__.items()
    return {
        n: eval(h, known, _HintNamespace(known)) if isinstance(h, str) else h for n, h in annotations if n != "return"
    }


def make_type_check(hint: Any) -> TypeCheck | None:
    """Build the check for a type hint; None if the hint accepts any value."""
    if hint in (Any, object, inspect.Parameter.empty) or isinstance(hint, TypeVar):
        return None
    if hint is None or hint is type(None):
        return TypeCheck("None", lambda value: None if value is None else "")
    if isinstance(hint, str):
        return _make_class_check(_stub_class(hint))
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _make_annotated_check(parts[0], [p for p in parts[1:] if isinstance(p, (Range, *MARKERS))])
    if origin in (Union, types.UnionType):
        return _make_union_check(parts)
    if origin is typing.Unpack:
        return None  # options by name: the function checks their values
    if origin is Literal:
        return _make_literal_check(parts)
    if origin is not None and origin is not type:
        return _make_container_check(origin, parts)
    if isinstance(hint, type) and issubclass(hint, os.PathLike):  # type: ignore[misc]
        return _PATH_CHECK
    return _BUILTIN_CHECKS.get(hint) or _make_class_check(hint if origin is None else type)


def _check_integer(value: Any) -> str | None:
    if type(value) is int:  # isinstance with an abstract class takes ten times as long
        return None
    return None if isinstance(value, numbers.Integral) and not isinstance(value, bool) else ""


def _check_number(value: Any) -> str | None:
    if type(value) is float and -math.inf < value < math.inf:
        return None
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return ""
    if isinstance(value, numbers.Integral):
        return None if abs(int(value)) < 2**1000 else f"is too large; got {format_value(value)}"
    return None if math.isfinite(value) else f"must be a finite number; got {value}"


def _check_bool(value: Any) -> str | None:
    return None if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool") else ""


def find_path_problem(value: Any) -> str | None:
    """Describe what no file system accepts in a path: nothing at all, a NUL character, or a name that is too long."""
    if not isinstance(value, (str, os.PathLike)):
        return ""
    text = os.fspath(value)
    if not isinstance(text, str):
        return ""
    if not text.strip():
        return f"is empty; expected a name or a path, got {text!r}"
    if "\0" in text:
        return f"contains a character that is not allowed in file names; got {format_value(text)}"
    longest = max(text.replace("\\", "/").split("/"), key=len)
    if len(longest.encode("utf-8", "surrogateescape")) > MAX_NAME_BYTES:
        return (
            f"contains a name of {len(longest):,} characters; at most {MAX_NAME_BYTES} are allowed; got "
            f"{format_value(text)}"
        )
    return None if len(text) < 4096 else f"is a path of {len(text):,} characters; at most 4,095 are allowed"


_PATH_CHECK = TypeCheck("a name or a path", find_path_problem)
_BUILTIN_CHECKS: dict[Any, TypeCheck] = {
    int: TypeCheck("a whole number", _check_integer),
    float: TypeCheck("a number", _check_number),
    bool: TypeCheck("True or False", _check_bool),
    str: TypeCheck("a string", lambda value: None if isinstance(value, str) else ""),
    os.PathLike: _PATH_CHECK,
}


def _make_class_check(cls: type) -> TypeCheck:
    name = cls.__name__
    expected = EXPECTED_OBJECTS.get(name, add_article(name))

    def by_name(value: Any) -> str | None:
        own = type(value).__mro__
        return None if any(c.__name__ == name and c.__module__.startswith(_CHECKED_BY_NAME) for c in own) else ""

    def by_class(value: Any) -> str | None:
        return None if isinstance(value, cls) else ""

    return TypeCheck(expected, by_name if isinstance(cls, _UnimportedClass) else by_class)


def _make_annotated_check(hint: Any, markers: list[Any]) -> TypeCheck | None:
    base = make_type_check(hint)
    if not markers:
        return base
    tests = [base.find_problem] if base else []
    tests += [_make_range_check(m).find_problem if isinstance(m, Range) else m.find_problem for m in markers]
    descriptions = [_make_range_check(m).expected if isinstance(m, Range) else m.expected for m in markers]
    expected = f"{base.expected} {descriptions[0]}" if base and isinstance(markers[0], Range) else descriptions[0]

    def problem(value: Any) -> str | None:
        for test in tests:
            wrong = test(value)
            if wrong is not None:
                return wrong
        return None

    return TypeCheck(expected, problem)


def _make_range_check(limits: Range) -> TypeCheck:
    low, high = limits.low, limits.high
    unit = f"between {low:.10g} and {high:.10g}" if math.isfinite(high) else f"from {low:g}"
    # `not (low <= value <= high)` instead of two comparisons: NaN is out of every range
    return TypeCheck(unit, lambda value: None if low <= value <= high else f"must be {unit}; got {format_value(value)}")


def _make_union_check(parts: tuple[Any, ...]) -> TypeCheck | None:
    # in a union with a path, a string is a path
    on_disk = any(make_type_check(p) is _PATH_CHECK for p in parts)
    checks = [_PATH_CHECK if on_disk and p is str else make_type_check(p) for p in parts]
    if any(check is None for check in checks):
        return None
    known_checks: list[TypeCheck] = [check for check in checks if check is not None]
    descriptions = list(dict.fromkeys(check.expected for check in known_checks))
    if len(descriptions) > MAX_UNION_DETAILS:
        descriptions = list(dict.fromkeys(text.partition(", as ")[0] for text in descriptions))
    expected = join_names(descriptions, "or")

    def problem(value: Any) -> str | None:
        first_problem = ""
        for check in known_checks:
            wrong = check.find_problem(value)
            if wrong is None:
                return None
            first_problem = first_problem or wrong
        return first_problem

    return TypeCheck(expected, problem)


def _make_literal_check(options: tuple[Any, ...]) -> TypeCheck:
    expected = f"one of {', '.join(map(str, options))}"

    def problem(value: Any) -> str | None:
        if type(value) in {type(o) for o in options} and value in options:
            return None
        if not isinstance(value, str):
            return ""
        close = suggest_names(truncate_middle(value), [str(o) for o in options])
        return f"must be {expected}; got {format_value(value)}" + (f"; {close}" if close.startswith("did") else "")

    return TypeCheck(expected, problem)


def _make_container_check(origin: Any, parts: tuple[Any, ...]) -> TypeCheck | None:
    if origin is collections.abc.Callable:
        return _make_callable_check(parts[0] if parts else ...)
    if origin is os.PathLike:
        return _PATH_CHECK
    if issubclass(origin, Mapping):
        return _make_mapping_check(*parts)
    if origin is tuple and parts[-1] is not Ellipsis:
        return _make_tuple_check(parts)
    if issubclass(origin, collections.abc.Iterable):
        return _make_sequence_check(origin, parts[0])
    return _make_class_check(origin)


def _make_callable_check(arguments: Any) -> TypeCheck:
    expected = "a function" + (f" of {len(arguments)} arguments" if isinstance(arguments, list) else "")

    def problem(value: Any) -> str | None:
        if not callable(value) or isinstance(value, type):
            return ""
        if not isinstance(arguments, list):
            return None
        try:
            inspect.signature(value).bind(*arguments)
        except TypeError:
            return f"must accept {len(arguments)} arguments; {format_value(value)} does not"
        except ValueError:  # the signature of a function written in C is unknown
            return None
        return None

    return TypeCheck(expected, problem)


def _make_mapping_check(key: Any = Any, each: Any = Any) -> TypeCheck:
    keys, values = make_type_check(key), make_type_check(each)
    expected = f"a mapping of names to {values.expected}" if values else "a mapping"

    def problem(value: Any) -> str | None:
        if not isinstance(value, Mapping):
            return ""
        for name, item in value.items():
            if keys is not None and keys.find_problem(name) is not None:
                return f"must have keys that are {keys.expected} each; got {format_value(name)}"
            if values is not None and (wrong := values.find_problem(item)) is not None:
                return f"at {format_value(name)} {wrong or f'wants {values.expected}; got {format_value(item)}'}"
        return None

    return TypeCheck(expected, problem)


def _make_tuple_check(parts: tuple[Any, ...]) -> TypeCheck:
    checks = [make_type_check(part) for part in parts]
    each = next((check.expected for check in checks if check), "a value")
    expected = f"{len(parts)} values, {each} each"

    def problem(value: Any) -> str | None:
        if not isinstance(value, (list, tuple)):
            return ""
        pairs = zip(checks, value, strict=False)
        fits = len(value) == len(checks) and all(k is None or k.find_problem(v) is None for k, v in pairs)
        return None if fits else f"wants {expected}; got {format_value(value)}"

    return TypeCheck(expected, problem)


def _make_sequence_check(origin: Any, each: Any) -> TypeCheck:
    check = make_type_check(each)
    expected = f"a list (each item {check.expected})" if check else "a list"
    once = not issubclass(origin, collections.abc.Collection)

    def problem(value: Any) -> str | None:
        if isinstance(value, (str, bytes, Mapping, type)) or not hasattr(value, "__iter__"):
            return ""
        if not hasattr(value, "__len__"):
            # an iterator can be read only once: reading it is left to the function
            return None if once else ""
        if getattr(value, "ndim", 1) == 0:
            return ""
        if check is None:
            return None
        for index, item in enumerate(value):
            wrong = check.find_problem(item)
            if wrong is not None:
                return f"at index {index} {wrong or f'wants {check.expected}; got {format_value(item)}'}"
        return None

    return TypeCheck(expected, problem)
