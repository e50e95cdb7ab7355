"""Public functions check what they are handed, by their own type hints, before anything else happens."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from workbench.errors import BadValue, UnknownName
from workbench.kinds import Kind, hints, kind_of
from workbench.markers import shortened, shown

F = TypeVar("F", bound=Callable[..., Any])


class Door:
    """What a function accepts, read once from its signature and hints.

    Args:
        function: the function behind the door; a method's own first argument is not checked.
        values: whether values are checked; else only that the names are those of arguments.
    """

    def __init__(self, function: Callable[..., Any], values: bool = True) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        told = hints(function) if values else {}
        self.name = _spoken(function)
        self.positional = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
        self.named = tuple(p.name for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD))
        self.takes = frozenset(self.named)
        self.rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        self.further = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
        self.required = tuple(p.name for p in parameters if p.default is p.empty and p.kind < p.VAR_POSITIONAL)
        self.required += tuple(p.name for p in parameters if p.default is p.empty and p.kind is p.KEYWORD_ONLY)
        self.may_lack = frozenset(p.name for p in parameters if p.default is None)
        own = self.positional[:1] if self.positional[:1] in (("self",), ("cls",)) else ()
        self.kinds: dict[str, Kind | None] = {n: None if n in own else kind_of(h) for n, h in told.items()}
        self.own = own

    def check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Refuses arguments that the function does not take, lacks, or that are of another kind.

        Raises:
            UnknownName: an argument of that name does not exist.
            BadValue: one is missing, given twice, or of another kind than its hint.
        """
        kinds, count = self.kinds, len(args)
        placed = self.positional[:count]
        if count > len(self.positional) and self.rest is None:
            most = len(self.positional) - len(self.own)
            raise BadValue(
                f"{self.name} takes {most or 'no'} arguments without their names; got {count - len(self.own)}"
            )
        for name, value in zip(placed, args, strict=False):
            kind = kinds.get(name)
            if kind is not None and kind.problem(value) is not None:
                self._refuse(name, kind, value)
        for name, value in kwargs.items():
            if name in self.takes:
                if name in placed:
                    raise BadValue(f"{self.name} got {name} twice, once by its place and once by its name")
                kind = kinds.get(name)
            elif self.further is not None:
                kind = kinds.get(self.further)
            else:
                hint = "" if self.named[len(self.own) :] else "it takes no named arguments"
                raise UnknownName.of(f"argument of {self.name}", shortened(name), self.named[len(self.own) :], hint)
            if kind is not None and kind.problem(value) is not None:
                self._refuse(name, kind, value)
        for name in self.required:
            if name not in kwargs and name not in placed:
                kind = kinds.get(name)
                wanted = kind.wanted if kind else f"help({self.name}) says what it is"
                raise BadValue(f"{self.name} needs {name}: {wanted}")

    def check_value(self, name: str, value: Any) -> None:
        """Refuses a value of another kind than the hint of the argument `name`."""
        kind = self.kinds.get(name)
        if kind is not None and kind.problem(value) is not None:
            self._refuse(name, kind, value)

    def _refuse(self, name: str, kind: Kind, value: Any) -> None:
        if value is None and name in self.may_lack:
            return
        wrong = kind.problem(value)
        raise BadValue(f"{name} of {self.name} {wrong or f'wants {kind.wanted}; got {shown(value)}'}")


def check_arguments(function: F, values: bool = True) -> F:
    """Decorator for a public function, method or class: what its hints do not accept is refused with a sentence.

    The function itself is `__wrapped__`: whoever calls it in a loop with arguments known to be right may call that.
    Hints are read at the first call, so that decorating costs nothing when a module is imported.

    Args:
        function: what is decorated.
        values: False for a class that converts and checks the values itself; names are checked then.
    """
    if isinstance(function, type):
        function.__init__ = check_arguments(function.__init__, values)
        return function  # type: ignore[return-value]
    door: Door | None = None

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        nonlocal door
        if door is None:
            door = Door(function, values)
        door.check(args, kwargs)
        return function(*args, **kwargs)

    checked.__door__ = lambda: Door(function, values)  # type: ignore[attr-defined]
    return checked  # type: ignore[return-value]


def check_options(
    function: Callable[..., Any], options: Mapping[str, Any], owner: str, more: Sequence[str] = ()
) -> None:
    """Refuses options that are kept for a later call of `function`, as that call would.

    Args:
        function: what will be called with them.
        options: by the names of its arguments.
        owner: what messages call the one who keeps them.
        more: further names that the function takes.

    Raises:
        UnknownName: the function has no argument of that name.
        BadValue: a value of another kind than its hint.
    """
    door = Door(function)
    for name, value in options.items():
        if name not in (*door.named, *more):
            raise UnknownName.of(f"argument of {owner}", shortened(name), [*door.named, *more])
        door.check_value(name, value)


def has_door(thing: Any) -> bool:
    """Whether a function, method or class checks its arguments."""
    if isinstance(thing, type):
        thing = thing.__init__
    return hasattr(getattr(thing, "__func__", thing), "__door__")


def _spoken(function: Callable[..., Any]) -> str:
    """What messages call a function: its name, with its class."""
    return function.__qualname__.removesuffix(".__init__").rpartition("<locals>.")[2]
