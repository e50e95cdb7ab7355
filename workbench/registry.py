"""Registry of classes by name, filled by importing every module of a package: a new method needs only a new file."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from workbench import forms
from workbench.errors import UnknownName
from workbench.plan import Choice, to_choice, to_plain_data

T = TypeVar("T")


class Registry(Generic[T]):
    """Classes of one kind (tunings, strategies) by name.

    Args:
        kind: singular noun for messages, such as `strategy`.
        package: dotted name of the package whose modules register their classes when imported.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind, self.package = kind, package
        self._classes: dict[str, type[T]] = {}
        self._walked = False

    def add(self, name: str) -> Callable[[type[T]], type[T]]:
        """Decorate a class to register it under `name`, a kebab-case term from its paper."""

        def register(cls: type[T]) -> type[T]:
            if self._classes.get(name, cls).__qualname__ != cls.__qualname__:
                raise ValueError(f"two {self.kind} classes are registered as {name!r}")
            cls.name = name  # type: ignore[attr-defined]
            self._classes[name] = cls
            return cls

        return register

    def classes(self) -> Mapping[str, type[T]]:
        """Return all classes by name, sorted; the first call imports every module below the package."""
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

    def make_choice(self, value: Any, **params: Any) -> Choice:
        """Build a validated choice: the name exists, and every parameter is known and within its range.

        Args:
            value: a name, a `Choice`, or a mapping with `name` and `params`.
            params: further parameters, which override those of `value`.

        Raises:
            UnknownName: no such name or parameter.
            BadValue: a parameter of the wrong type or out of range.
        """
        choice = to_choice(value, self.kind)
        wanted = to_plain_data({**choice.params, **params})
        cls = self[choice.name]
        checked = forms.check_params(cls, wanted, f"{self.kind} {choice.name}")
        defaults = {field.name: field.default for field in forms.constructor_fields(cls)}
        return Choice(choice.name, {k: v for k, v in checked.items() if v != defaults[k]})

    def create(self, value: Any, **params: Any) -> T:
        """Create an object of the chosen class."""
        choice = self.make_choice(value, **params)
        return self[choice.name](**choice.params)

    def describe(self) -> Any:
        """Describe the classes in a frame: name, purpose, paper, parameters with their defaults."""
        import pandas as pd

        rows = [
            {
                "name": name,
                "description": (inspect.getdoc(cls) or "").partition("\n")[0],
                "paper": getattr(cls, "paper", ""),
                "parameters": ", ".join(_format_field(field) for field in forms.constructor_fields(cls)),
            }
            for name, cls in self.classes().items()
        ]
        return pd.DataFrame(rows, columns=["name", "description", "paper", "parameters"])


def _format_field(field: forms.Field) -> str:
    return field.name if field.is_required else f"{field.name}={field.default!r}"
