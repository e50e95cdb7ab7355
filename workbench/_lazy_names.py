"""Public names of a package, loaded on first use from the modules that its `__init__.pyi` lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lazy_loader


def attach_names(
    package: str, file: str, noun: str, needs: dict[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return a package's `__getattr__`, `__dir__` and `__all__`; the stub beside `file` lists the names.

    Args:
        package: the package's `__name__`.
        file: the package's `__file__`.
        noun: what the names are, for the message about an unknown one, such as `probe`.
        needs: optional import names that the modules need, and the command that installs them.

    Returns:
        Three values to assign to `__getattr__`, `__dir__` and `__all__`.
    """
    load, list_names, names = lazy_loader.attach_stub(package, file)
    commands = needs or {}

    def get_name(name: str) -> Any:
        if name not in names:
            from workbench.errors import suggest_names

            raise AttributeError(f"there is no {noun} {name!r}; {suggest_names(name, names)}")
        try:
            return load(name)
        except ModuleNotFoundError as error:
            missing = (error.name or "").split(".")[0]
            if missing not in commands:
                raise
            from workbench.errors import Unavailable

            raise Unavailable(
                f"the {noun} {name} needs {missing}, which is not installed; install it with: {commands[missing]}"
            ) from error

    return get_name, list_names, names
