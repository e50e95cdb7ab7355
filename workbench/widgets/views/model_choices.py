"""Nets to choose from in a view: those given, or those of a run by epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets

from workbench.errors import BadValue

BEFORE, AFTER, NOW = "before", "after", "now"


class ModelChoices:
    """Nets by name, each loaded on first use.

    Args:
        nets: nets by name, one net, or None.
        run: run whose nets before training, at every snapshot and after it are meant; ignored if nets are given. Of a
            run under way, the last one is its last saved net.

    Attributes:
        compared_names: nets to compare: all nets given; of a run, its first and its last.
        is_single_run: True if all are nets of one run, and so have the same stages.
        is_running: True if the run may continue, so that there may be newer nets later.
    """

    def __init__(self, nets: Any = None, run: Any = None) -> None:
        self._loaders: dict[str, Callable[[], Any]] = {}
        self._nets: dict[str, Any] = {}
        self.is_single_run, self.is_running, self._epoch_note = nets is None and run is not None, False, ""
        if nets is not None:
            self._nets = to_named_nets(nets)
        elif run is not None:
            self._add_run(run)
        names = self.names
        self.compared_names = names if nets is not None else tuple(dict.fromkeys([*names[:1], *names[-1:]]))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the nets, in the order given."""
        return tuple(self._loaders or self._nets)

    def __getitem__(self, name: str) -> Any:
        if name not in self._nets:
            self._nets[name] = self._loaders[name]()
        return self._nets[name]

    def describe_epoch(self, *names: str) -> str:
        """Describe which epoch of a run is shown, if `names` contains its last net; otherwise empty."""
        return self._epoch_note if {AFTER, NOW} & set(names) else ""

    def _add_run(self, run: Any) -> None:
        status, epochs = run.status, run.plan.schedule.epochs
        self._loaders = {BEFORE: partial(run.net, epoch=0)}
        self._loaders |= {f"epoch {k}": partial(run.net, epoch=k) for k in run.snapshots if k}
        self.is_running = status.state != "done"
        epoch = (
            f"epoch {status.saved_epoch:g} of {epochs}" if status.saved_epoch is not None else "the epoch that it kept"
        )
        if not self.is_running:
            self._loaders[AFTER] = run.net
            best_note = ", its best" if status.saved_epoch is not None and status.saved_epoch < epochs else ""
            self._epoch_note = f"{AFTER} is the net of {epoch}{best_note}."
        elif status.saved_epoch is not None:
            self._loaders[NOW] = run.net
            self._epoch_note = f"The run is {status.state}: {NOW} is its net of {epoch}."


def to_named_nets(nets: Any) -> dict[str, Any]:
    """Convert a net or a mapping of nets to nets by name.

    Raises:
        BadValue: neither a net nor a mapping of nets.
    """
    named = dict(nets) if isinstance(nets, Mapping) else {"the net": nets}
    for name, net in named.items():
        if not (hasattr(net, "stages") and hasattr(net, "features")):
            raise BadValue(
                'expected a net, or several such as {"before": wb.load_net(...)}; '
                f"got {type(net).__name__} for {name}"
            )
    return {str(name): net for name, net in named.items()}


def make_newest_button(callback: Callable[[], None]) -> ipywidgets.Button:
    """Make the button that loads the net which a run under way has saved last."""
    button = ipywidgets.Button(description="Newest epoch", tooltip="show the net that the run has saved last")
    button.on_click(lambda _: callback())
    return button
