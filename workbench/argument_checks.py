"""Validation of the arguments of public functions against their type hints, before anything else runs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from workbench.errors import BadValue, UnknownName
from workbench.formatting import format_value, truncate_middle
from workbench.type_hints import TypeCheck, make_type_check, resolve_type_hints

F = TypeVar("F", bound=Callable[..., Any])


class ArgumentChecker:
    """Parameters that a function accepts, read once from its signature and type hints.

    Args:
        function: the function to check; the `self` or `cls` of a method is not checked.
        values: whether to check values; otherwise only argument names are checked.
    """

    def __init__(self, function: Callable[..., Any], values: bool = True) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        hints = resolve_type_hints(function) if values else {}
        self.name = _qualified_name(function)
        self.positional_names = tuple(
            p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        )
        self.keyword_names = tuple(p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD))
        self.keyword_set = frozenset(self.keyword_names)
        self.var_positional = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.var_keyword = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
        self.required_names = tuple(p.name for p in parameters if p.default is p.empty and p.kind < p.VAR_POSITIONAL)
        self.required_names += tuple(p.name for p in parameters if p.default is p.empty and p.kind is p.KEYWORD_ONLY)
        self.none_defaults = frozenset(p.name for p in parameters if p.default is None)
        own = self.positional_names[:1] if self.positional_names[:1] in (("self",), ("cls",)) else ()
        self.type_checks: dict[str, TypeCheck | None] = {
            n: None if n in own else make_type_check(h) for n, h in hints.items()
        }
        self.bound_names = own

    def check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Reject unknown or missing arguments, and values of the wrong type.

        Raises:
            UnknownName: the function has no argument of that name.
            BadValue: an argument is missing, given twice, or of another type than its hint.
        """
        type_checks, count = self.type_checks, len(args)
        placed = self.positional_names[:count]
        if count > len(self.positional_names) and self.var_positional is None:
            most = len(self.positional_names) - len(self.bound_names)
            raise BadValue(
                f"expected {f'at most {most}' if most else 'no'} positional arguments of {self.name}, "
                f"got {count - len(self.bound_names)}"
            )
        for name, value in zip(placed, args, strict=False):
            type_check = type_checks.get(name)
            if type_check is not None and type_check.find_problem(value) is not None:
                self._raise_bad_value(name, type_check, value)
        for name, value in kwargs.items():
            if name in self.keyword_set:
                if name in placed:
                    raise BadValue(f"{self.name} got {name} twice, by position and by keyword")
                type_check = type_checks.get(name)
            elif self.var_keyword is not None:
                type_check = type_checks.get(self.var_keyword)
            else:
                hint = "" if self.keyword_names[len(self.bound_names) :] else "it takes no keyword arguments"
                raise UnknownName.of(
                    f"argument of {self.name}", truncate_middle(name), self.keyword_names[len(self.bound_names) :], hint
                )
            if type_check is not None and type_check.find_problem(value) is not None:
                self._raise_bad_value(name, type_check, value)
        for name in self.required_names:
            if name not in kwargs and name not in placed:
                type_check = type_checks.get(name)
                expected = type_check.expected if type_check else f"see help({self.name})"
                raise BadValue(f"{self.name} needs {name}: {expected}")

    def check_value(self, name: str, value: Any) -> None:
        """Reject a value that does not match the hint of the argument `name`."""
        type_check = self.type_checks.get(name)
        if type_check is not None and type_check.find_problem(value) is not None:
            self._raise_bad_value(name, type_check, value)

    def _raise_bad_value(self, name: str, type_check: TypeCheck, value: Any) -> None:
        if value is None and name in self.none_defaults:
            return
        wrong = type_check.find_problem(value)
        raise BadValue(f"{name} of {self.name} {wrong or f'wants {type_check.expected}; got {format_value(value)}'}")


def check_arguments(function: F, values: bool = True) -> F:
    """Decorate a public function, method or class so that its arguments are checked against its type hints.

    The undecorated function is `__wrapped__`; call it directly in a loop whose arguments are known to be valid.
    Hints are read at the first call, so that decorating costs nothing when a module is imported.

    Args:
        function: function, method or class to decorate.
        values: False for a class that converts and checks its values itself; then only names are checked.
    """
    if isinstance(function, type):
        function.__init__ = check_arguments(function.__init__, values)
        return function  # type: ignore[return-value]
    checker: ArgumentChecker | None = None

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        nonlocal checker
        if checker is None:
            checker = ArgumentChecker(function, values)
        checker.check(args, kwargs)
        return function(*args, **kwargs)

    checked.__argument_checker__ = lambda: ArgumentChecker(function, values)  # type: ignore[attr-defined]
    return checked  # type: ignore[return-value]


def check_options(
    function: Callable[..., Any], options: Mapping[str, Any], owner: str, extra_names: Sequence[str] = ()
) -> None:
    """Check options that are stored for a later call of `function`, as that call would check them.

    Args:
        function: function that will be called with the options.
        options: argument name -> value.
        owner: name of the object that stores the options, for messages.
        extra_names: further names that `function` takes.

    Raises:
        UnknownName: the function has no argument of that name.
        BadValue: a value of another type than its hint.
    """
    checker = ArgumentChecker(function)
    for name, value in options.items():
        if name not in (*checker.keyword_names, *extra_names):
            raise UnknownName.of(f"argument of {owner}", truncate_middle(name), [*checker.keyword_names, *extra_names])
        checker.check_value(name, value)


def has_argument_checks(obj: Any) -> bool:
    """Return whether a function, method or class checks its arguments."""
    if isinstance(obj, type):
        obj = obj.__init__
    return hasattr(getattr(obj, "__func__", obj), "__argument_checker__")


def _qualified_name(function: Callable[..., Any]) -> str:
    """Return the name of a function for messages, with its class."""
    return function.__qualname__.removesuffix(".__init__").rpartition("<locals>.")[2]
