"""Names for classes, found by walking a folder: a new method is a new file, and nothing else changes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from workbench import forms
from workbench.errors import UnknownName
from workbench.plan import Choice, plain, to_choice

T = TypeVar("T")


class Registry(Generic[T]):
    """The classes of one kind (tunings, strategies) by name.

    Args:
        kind: the singular noun used in messages, such as `strategy`.
        package: dotted name of the package whose modules register themselves when imported.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind, self.package = kind, package
        self._classes: dict[str, type[T]] = {}
        self._walked = False

    def add(self, name: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: registers the class under `name`, a kebab-case word from its paper."""

        def register(cls: type[T]) -> type[T]:
            if self._classes.get(name, cls).__qualname__ != cls.__qualname__:
                raise ValueError(f"two {self.kind} classes want the name {name!r}")
            cls.name = name  # type: ignore[attr-defined]
            self._classes[name] = cls
            return cls

        return register

    def classes(self) -> Mapping[str, type[T]]:
        """All classes by name, sorted; imports every module below the package once."""
        if not self._walked:
            package = importlib.import_module(self.package)
            for module in pkgutil.walk_packages(package.__path__, self.package + "."):
                importlib.import_module(module.name)
            self._walked = True
        return dict(sorted(self._classes.items()))

    def __getitem__(self, name: str) -> type[T]:
        classes = self.classes()
        if not isinstance(name, str) or name not in classes:
            raise UnknownName.of(self.kind, name, classes)
        return classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.classes())

    def choice(self, value: Any, **params: Any) -> Choice:
        """A checked choice: the name exists, every parameter is known and within its range.

        Args:
            value: a name, a `Choice`, or a mapping with `name` and `params`.
            params: further parameters, over those of `value`.

        Raises:
            UnknownName: no such name or parameter.
            BadValue: a parameter of the wrong type or out of range.
        """
        choice = to_choice(value, self.kind)
        wanted = plain({**choice.params, **params})
        cls = self[choice.name]
        checked = forms.check(cls, wanted, f"{self.kind} {choice.name}")
        defaults = {field.name: field.default for field in forms.fields(cls)}
        return Choice(choice.name, {k: v for k, v in checked.items() if v != defaults[k]})

    def make(self, value: Any, **params: Any) -> T:
        """An object of the chosen class."""
        choice = self.choice(value, **params)
        return self[choice.name](**choice.params)

    def table(self) -> Any:
        """The classes as a frame: name, what it is for, source, parameters with their defaults."""
        import pandas as pd

        rows = [
            {
                "name": name,
                "what": (inspect.getdoc(cls) or "").partition("\n")[0],
                "source": getattr(cls, "source", ""),
                "parameters": ", ".join(_shown(field) for field in forms.fields(cls)),
            }
            for name, cls in self.classes().items()
        ]
        return pd.DataFrame(rows, columns=["name", "what", "source", "parameters"])


def _shown(field: forms.Field) -> str:
    return field.name if field.required else f"{field.name}={field.default!r}"
