"""Freezing: sets which weights may move in an epoch, and checks by hash that the others did not change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.nets.net import Net
from workbench.nets.structure import hash_tensors
from workbench.tunings import MovingWeights
from workbench.tunings.moving_weights import find_frozen_norms


def freeze_all_but(net: Net, moving: MovingWeights, *, norms_in_eval: bool = False) -> None:
    """Freeze all weights except those that may move.

    A frozen stage keeps its weights and its buffers: its modules run in eval mode, so that batch norm's statistics are
    fixed and dropout is off. In a moving stage, batch norm whose weights may not move keeps its statistics too.

    Args:
        norms_in_eval: whether batch norm stays in eval mode in moving stages too.
    """
    net.train()
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name in moving.names)
    for name, trains in training_modes(net, moving, norms_in_eval).items():
        net.get_submodule(name).training = trains


def training_modes(net: Net, moving: MovingWeights, norms_in_eval: bool = False) -> dict[str, bool]:
    """Return for each module inside a stage, by dotted name, whether it runs in training mode."""
    modules, in_eval = dict(net.named_modules()), find_frozen_norms(net, moving.names)
    if norms_in_eval:
        in_eval |= {name for name, module in modules.items() if isinstance(module, _BatchNorm)}
    pairs = zip(net.stages, moving.lr_multipliers, strict=True)
    return {name: rate > 0 and name not in in_eval for stage, rate in pairs for name in stage.module_names}


def find_frozen_tensors(net: Net, moving: MovingWeights, norms_in_eval: bool = False) -> dict[str, list[str]]:
    """Find the frozen weights and statistics of each stage, by dotted name; for a frozen stage, all its buffers too."""
    parameters, trains = dict(net.named_parameters()), training_modes(net, moving, norms_in_eval)
    frozen_by_stage = {}
    for stage, rate in zip(net.stages, moving.lr_multipliers, strict=True):
        frozen = {n for n in stage.tensor_names if n in parameters and n not in moving.names}
        buffers = [n for n in stage.tensor_names if n not in parameters and not trains.get(n.rpartition(".")[0], True)]
        # if all weights of a stage move, its fixed statistics follow from the schedule and are not checked
        names = [*frozen, *buffers] if frozen and rate > 0 else list(stage.tensor_names) if rate == 0 else []
        frozen_by_stage[stage.name] = [name for name in stage.tensor_names if name in set(names)]
    return frozen_by_stage


def hash_named_tensors(net: Net, names: Sequence[str]) -> str:
    """Return a hash of the named weights and buffers, bit for bit."""
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    return hash_tensors(tensors[name] for name in names)


class FrozenCheck:
    """Check by hash, stage by stage, that frozen tensors did not change.

    All tensors of a frozen stage are hashed; of a moving stage, the weights that may not move. The rows are plain data,
    so that they continue in a resumed run.

    Args:
        net: net whose weights are checked.
        grid: moving weights of each epoch.
        norms_in_eval: whether batch norm keeps its statistics throughout.
    """

    def __init__(self, net: Net, grid: Sequence[MovingWeights], norms_in_eval: bool = False) -> None:
        self.net, self.grid, self.norms_in_eval = net, grid, norms_in_eval
        self.rows: list[dict[str, Any]] = []
        self._frozen_by_phase: dict[object, dict[str, list[str]]] = {}

    def begin_epoch(self, epoch: int) -> None:
        """Start `epoch`: close the rows of stages that are frozen differently from now on, and open new ones."""
        for stage, names in self._frozen_tensors(epoch).items():
            row = self._find_open_row(stage)
            if row is not None and names != self._tensor_names(row):
                self._close_row(row, epoch)
                row = None
            if row is None and names:
                whole = self.grid[epoch].lr_multipliers[list(self._frozen_tensors(epoch)).index(stage)] == 0
                row_start = {
                    "stage": stage,
                    "whole": whole,
                    "tensors": len(names),
                    "from_epoch": epoch,
                    "to_epoch": None,
                }
                before = hash_named_tensors(self.net, names)
                self.rows.append({**row_start, "before": before, "after": None, "unchanged": None})

    def finish(self, epoch: int) -> bool:
        """Close the open rows as the run ends before `epoch`; return whether all that was frozen is unchanged."""
        for row in self.rows:
            if row["to_epoch"] is None:
                self._close_row(row, epoch)
        return all(row["unchanged"] for row in self.rows)

    def _frozen_tensors(self, epoch: int) -> dict[str, list[str]]:
        moving = self.grid[epoch]
        if moving.phase not in self._frozen_by_phase:
            self._frozen_by_phase[moving.phase] = find_frozen_tensors(self.net, moving, self.norms_in_eval)
        return self._frozen_by_phase[moving.phase]

    def _tensor_names(self, row: dict[str, Any]) -> list[str]:
        return self._frozen_tensors(row["from_epoch"])[row["stage"]]

    def _find_open_row(self, name: str) -> dict[str, Any] | None:
        return next((row for row in self.rows if row["stage"] == name and row["to_epoch"] is None), None)

    def _close_row(self, row: dict[str, Any], epoch: int) -> None:
        after = hash_named_tensors(self.net, self._tensor_names(row))
        row |= {"to_epoch": epoch, "after": after, "unchanged": after == row["before"]}


def has_batch_norm(net: nn.Module) -> bool:
    """True if any module normalizes over the batch."""
    return any(isinstance(module, _BatchNorm) for module in net.modules())
