"""Parameters of a constructor as data: fields for a form, and validation of given values."""

from __future__ import annotations

import functools
import inspect
import math
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from workbench.errors import BadValue, UnknownName

REQUIRED: Any = inspect.Parameter.empty

_TYPE_NOUNS = {
    int: "a whole number",
    float: "a number",
    str: "a string",
    bool: "True or False",
    list: "a list",
    tuple: "a list",
    Sequence: "a list",
    dict: "a mapping",
    Mapping: "a mapping",
}
# JSON turns a tuple into a list: either is accepted for the other
_CONTAINER_TYPES: dict[Any, tuple[type, ...]] = {
    list: (list, tuple),
    tuple: (list, tuple),
    Sequence: (list, tuple),
    dict: (Mapping,),
    Mapping: (Mapping,),
}


@dataclass(frozen=True)
class Range:
    """Bounds of a number, both ends included; `log` asks for a logarithmic slider."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Field:
    """Parameter of a constructor, with everything that a form row needs."""

    name: str
    type: type
    default: Any
    range: Range | None
    options: tuple[Any, ...]
    optional: bool
    help: str

    @property
    def is_required(self) -> bool:
        """True if the parameter has no default."""
        return self.default is REQUIRED


@functools.cache
def constructor_fields(cls: type) -> tuple[Field, ...]:
    """Return the parameters of the constructor of `cls` in order, with the help from `Args` in its docstring."""
    init = cls.__init__
    hints = get_type_hints(init, include_extras=True)
    helps = _parse_argument_help(inspect.getdoc(cls) or "")
    parameters = [p for p in inspect.signature(init).parameters.values() if p.name != "self"]
    named = [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return tuple(_make_field(p, hints.get(p.name, str), helps.get(p.name, "")) for p in named)


def check_params(cls: type, params: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """Convert and validate parameters for a constructor of `cls`.

    Args:
        cls: class whose constructor is called.
        params: parameter name -> value.
        owner: name of the object for messages, such as `tuning last-k`.

    Raises:
        UnknownName: a parameter that the constructor does not take.
        BadValue: a wrong type, a value out of range, or a required parameter missing.
    """
    known = {field.name: field for field in constructor_fields(cls)}
    for name in params:
        if name not in known:
            hint = "" if known else "it takes no parameters"
            raise UnknownName.of(f"parameter of {owner}", name, known, hint)
    for field in known.values():
        if field.is_required and field.name not in params:
            raise BadValue(f"{owner} needs the parameter {field.name}: {field.help or field.type.__name__}")
    return {name: _check_field(known[name], value, owner) for name, value in params.items()}


def _make_field(parameter: inspect.Parameter, hint: Any, help_: str) -> Field:
    limits, options, optional = None, (), False
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        limits = next((e for e in extras if isinstance(e, Range)), None)
    if get_origin(hint) in (Union, types.UnionType):
        parts = [a for a in get_args(hint) if a is not type(None)]
        optional = len(parts) < len(get_args(hint))
        hint = parts[0]
        if get_origin(hint) is Annotated:
            hint, *extras = get_args(hint)
            limits = next((e for e in extras if isinstance(e, Range)), limits)
    if get_origin(hint) is Literal:
        options, hint = get_args(hint), type(get_args(hint)[0])
    base = get_origin(hint) or hint
    return Field(parameter.name, base, parameter.default, limits, options, optional, help_)


def _check_field(field: Field, value: Any, owner: str) -> Any:
    where = f"{field.name} of {owner}"
    if value is None:
        if field.optional or field.default is None:
            return None
        raise BadValue(f"{where} is missing; it wants {_describe_expected(field)}")
    if field.options:
        if value not in field.options:
            raise BadValue(f"{where} must be one of {', '.join(map(str, field.options))}; got {value!r}")
        return value
    value = _convert_value(field, value, where)
    # `not (low <= value <= high)` instead of two comparisons: NaN is out of every range
    if field.range and not (field.range.low <= value <= field.range.high):
        raise BadValue(f"{where} must be between {field.range.low:.10g} and {field.range.high:.10g}; got {value!r}")
    return value


def _convert_value(field: Field, value: Any, where: str) -> Any:
    wrong = BadValue(f"{where} wants {_describe_expected(field)}; got {value!r}")
    if field.type is bool:
        if not isinstance(value, bool):
            raise wrong
        return value
    if field.type in (int, float):
        if isinstance(value, bool):
            raise wrong
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise wrong from None
        if field.type is int and number != int(number if abs(number) < 2**62 else 0):
            raise wrong
        if not math.isfinite(number):
            raise wrong
        return int(number) if field.type is int else number
    if field.type is str:
        if hasattr(value, "__fspath__"):
            return str(value.__fspath__())
        if not isinstance(value, str):
            raise wrong
    if field.type in _CONTAINER_TYPES and not isinstance(value, _CONTAINER_TYPES[field.type]):
        raise wrong
    return value


def _describe_expected(field: Field) -> str:
    if field.options:
        return "one of " + ", ".join(map(str, field.options))
    noun = _TYPE_NOUNS.get(field.type, f"a {field.type.__name__}")
    return noun + (f" between {field.range.low:.10g} and {field.range.high:.10g}" if field.range else "")


def _parse_argument_help(doc: str) -> dict[str, str]:
    """Parse the `Args:` (or `Attributes:`) block of a Google-style docstring: name -> text."""
    block = re.search(r"^(?:Args|Attributes):\n((?:[ \t]+.*\n?|\n)+)", doc, flags=re.M)
    if not block:
        return {}
    entries = re.findall(r"^ {4}(\w+): ((?:.*)(?:\n {5,}.*)*)", block.group(1), flags=re.M)
    return {name: " ".join(text.split()) for name, text in entries}
