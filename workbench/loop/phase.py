"""The grid obeyed: which weights may move in an epoch, and the proof that the others did not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.nets import Net
from workbench.nets.structure import digest
from workbench.tunings import MovingWeights
from workbench.tunings.moving_weights import find_still_norms


def set_phase(net: Net, moving: MovingWeights, *, norms_still: bool = False) -> None:
    """Freezes all weights but those that may move.

    A frozen stage keeps its weights and its buffers: its modules run in eval mode, so that batch norm's
    statistics stand still and dropout is off. In a moving stage batch norm whose weights may not move keeps its
    statistics too.

    Args:
        norms_still: whether batch norm stays in eval mode in moving stages too.
    """
    net.train()
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name in moving.names)
    for name, trains in modes(net, moving, norms_still).items():
        net.get_submodule(name).training = trains


def modes(net: Net, moving: MovingWeights, norms_still: bool = False) -> dict[str, bool]:
    """Whether each module that lies in one stage runs in training mode, by dotted name."""
    modules, still = dict(net.named_modules()), find_still_norms(net, moving.names)
    if norms_still:
        still |= {name for name, module in modules.items() if isinstance(module, _BatchNorm)}
    pairs = zip(net.stages, moving.rates, strict=True)
    return {name: rate > 0 and name not in still for stage, rate in pairs for name in stage.modules}


def find_frozen(net: Net, moving: MovingWeights, norms_still: bool = False) -> dict[str, list[str]]:
    """Find the weights and statistics that stand still, by stage: dotted names; all buffers of a frozen stage."""
    parameters, trains = dict(net.named_parameters()), modes(net, moving, norms_still)
    found = {}
    for stage, rate in zip(net.stages, moving.rates, strict=True):
        still = {n for n in stage.tensors if n in parameters and n not in moving.names}
        buffers = [n for n in stage.tensors if n not in parameters and not trains.get(n.rpartition(".")[0], True)]
        # of a stage whose weights all move, statistics that stand still are the schedule's affair
        held = [*still, *buffers] if still and rate > 0 else list(stage.tensors) if rate == 0 else []
        found[stage.name] = [name for name in stage.tensors if name in set(held)]
    return found


def fingerprint(net: Net, names: Sequence[str]) -> str:
    """A hash of some weights and buffers, bit for bit."""
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    return digest(tensors[name] for name in names)


class Proof:
    """Hashes of all that is frozen, before and after, stage by stage: what was said to stand still did.

    A frozen stage is hashed whole; of a moving one, the weights inside that may not move. The rows are plain data, so
    that they go on in a resumed run.

    Args:
        net: whose weights they are.
        grid: what moves in each epoch.
        norms_still: whether batch norm keeps its statistics throughout.
    """

    def __init__(self, net: Net, grid: Sequence[MovingWeights], norms_still: bool = False) -> None:
        self.net, self.grid, self.norms_still = net, grid, norms_still
        self.rows: list[dict[str, Any]] = []
        self._known: dict[object, dict[str, list[str]]] = {}

    def watch(self, epoch: int) -> None:
        """Called at the start of `epoch`: closes rows of what is frozen otherwise from now on, opens new ones."""
        for stage, names in self._frozen(epoch).items():
            row = self._open(stage)
            if row is not None and names != self._names(row):
                self._close(row, epoch)
                row = None
            if row is None and names:
                whole = self.grid[epoch].rates[list(self._frozen(epoch)).index(stage)] == 0
                begun = {"stage": stage, "whole": whole, "tensors": len(names), "from_epoch": epoch, "to_epoch": None}
                before = fingerprint(self.net, names)
                self.rows.append({**begun, "before": before, "after": None, "unchanged": None})

    def finish(self, epoch: int) -> bool:
        """Closes what is open, as the run ends before `epoch`; whether nothing that was frozen changed."""
        for row in self.rows:
            if row["to_epoch"] is None:
                self._close(row, epoch)
        return all(row["unchanged"] for row in self.rows)

    def _frozen(self, epoch: int) -> dict[str, list[str]]:
        moving = self.grid[epoch]
        if moving.phase not in self._known:
            self._known[moving.phase] = find_frozen(self.net, moving, self.norms_still)
        return self._known[moving.phase]

    def _names(self, row: dict[str, Any]) -> list[str]:
        return self._frozen(row["from_epoch"])[row["stage"]]

    def _open(self, name: str) -> dict[str, Any] | None:
        return next((row for row in self.rows if row["stage"] == name and row["to_epoch"] is None), None)

    def _close(self, row: dict[str, Any], epoch: int) -> None:
        after = fingerprint(self.net, self._names(row))
        row |= {"to_epoch": epoch, "after": after, "unchanged": after == row["before"]}


def has_batch_norm(net: nn.Module) -> bool:
    """Whether any module normalises over the batch."""
    return any(isinstance(module, _BatchNorm) for module in net.modules())
