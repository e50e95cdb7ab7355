"""The nets that a view sets side by side: what was given, or a run's net as it began and as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workbench.errors import BadValue


class Sides:
    """Nets by name, each loaded when it is first asked for.

    Args:
        nets: nets by name, one net, or None.
        run: a run whose net before and after training are meant; unused where nets are given.
    """

    def __init__(self, nets: Any = None, run: Any = None) -> None:
        self._makers: dict[str, Callable[[], Any]] = {}
        self._made: dict[str, Any] = {}
        if nets is not None:
            self._made = named(nets)
        elif run is not None:
            self._makers = {"before": lambda: as_it_began(run), "after": run.net}

    @property
    def names(self) -> tuple[str, ...]:
        """What the nets are called, in the order given."""
        return tuple(self._makers or self._made)

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]


def named(nets: Any) -> dict[str, Any]:
    """Nets by name.

    Raises:
        BadValue: neither a net nor a mapping of them.
    """
    held = dict(nets) if isinstance(nets, Mapping) else {"the net": nets}
    for name, net in held.items():
        if not (hasattr(net, "stages") and hasattr(net, "features")):
            raise BadValue(
                f'{name} is a {type(net).__name__}; wanted is a net, or several such as {{"before": wb.load(...)}}'
            )
    return {str(name): net for name, net in held.items()}


def as_it_began(run: Any) -> Any:
    """The net of a run before its first step."""
    from workbench.runs.assembly import open_net

    return open_net(run.plan, run.images, run.folder)
