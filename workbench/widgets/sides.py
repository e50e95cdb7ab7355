"""The nets that a view sets side by side: what was given, or a run's net as it began, went on and is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets

from workbench.errors import BadValue

BEFORE, AFTER, NOW = "before", "after", "now"


class Sides:
    """Nets by name, each loaded when it is first asked for.

    Args:
        nets: nets by name, one net, or None.
        run: a run whose net before, in between (of every snapshot) and after are meant; unused where nets are given.
            Of a run under way, the last is its net as it was saved last.

    Attributes:
        ends: what is compared: all nets given; of a run, the net it began with and the last.
        course: whether all are one run's net, so that they have the same stages.
        live: whether the run may still move on, so that there may be more to see later.
    """

    def __init__(self, nets: Any = None, run: Any = None) -> None:
        self._makers: dict[str, Callable[[], Any]] = {}
        self._made: dict[str, Any] = {}
        self.course, self.live, self._words = nets is None and run is not None, False, ""
        if nets is not None:
            self._made = named(nets)
        elif run is not None:
            self._open(run)
        held = self.names
        self.ends = held if nets is not None else tuple(dict.fromkeys([*held[:1], *held[-1:]]))

    @property
    def names(self) -> tuple[str, ...]:
        """What the nets are called, in the order given."""
        return tuple(self._makers or self._made)

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def told(self, *names: str) -> str:
        """Which epoch of a run is shown, in a sentence where one of `names` is its last net; else nothing."""
        return self._words if {AFTER, NOW} & set(names) else ""

    def _open(self, run: Any) -> None:
        status, epochs = run.status, run.plan.schedule.epochs
        self._makers = {BEFORE: partial(run.net, epoch=0)}
        self._makers |= {f"epoch {k}": partial(run.net, epoch=k) for k in run.snapshots if k}
        self.live = status.state != "done"
        known = f"epoch {status.saved:g} of {epochs}" if status.saved is not None else "the epoch that it kept"
        if not self.live:
            self._makers[AFTER] = run.net
            best = ", its best" if status.saved is not None and status.saved < epochs else ""
            self._words = f"{AFTER} is the net of {known}{best}."
        elif status.saved is not None:
            self._makers[NOW] = run.net
            self._words = f"The run is {status.state}: {NOW} is its net of {known}."


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


def newest(refresh: Callable[[], None]) -> ipywidgets.Button:
    """The button that asks a run under way for what it saved since."""
    button = ipywidgets.Button(description="Newest epoch", tooltip="the run goes on: show what it saved last")
    button.on_click(lambda _: refresh())
    return button
