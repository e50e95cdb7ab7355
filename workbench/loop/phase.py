"""The grid obeyed: which weights may move in an epoch, and the proof that the others did not."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from workbench.nets import Net, Stage
from workbench.nets.structure import digest


def set_phase(net: Net, rates: list[float], eligible: dict[str, bool], *, norms_still: bool = False) -> None:
    """Freezes stages whose rate is 0 and lets the others move.

    A frozen stage keeps its weights and its buffers: its modules run in eval mode, so that batch norm's
    statistics stand still and dropout is off.

    Args:
        rates: one multiplier a stage, as the tuning says.
        eligible: by parameter name, whether the tuning lets it move at all.
        norms_still: whether batch norm stays in eval mode in moving stages too.
    """
    net.train()
    modules = dict(net.named_modules())
    parameters = dict(net.named_parameters())
    for stage, rate in zip(net.stages, rates, strict=True):
        for name in stage.tensors:
            if name in parameters:
                parameters[name].requires_grad_(rate > 0 and eligible[name])
        for name in stage.modules:
            module = modules[name]
            module.training = rate > 0 and not (norms_still and isinstance(module, _BatchNorm))


def fingerprint(net: Net, stage: Stage) -> str:
    """A hash of a stage's weights and buffers, bit for bit."""
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    return digest(tensors[name] for name in stage.tensors)


class Proof:
    """Hashes of every stage before it is frozen and after: what was said to stand still did.

    Its state is plain data, so that it goes on in a resumed run.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def watch(self, net: Net, rates: list[float], epoch: int) -> None:
        """Called at the start of `epoch`: opens a row for stages that freeze, closes those that thaw."""
        for stage, rate in zip(net.stages, rates, strict=True):
            row = self._open(stage.name)
            if rate == 0 and row is None:
                row = {"stage": stage.name, "from_epoch": epoch, "to_epoch": None, "before": fingerprint(net, stage)}
                self.rows.append({**row, "after": None, "unchanged": None})
            elif rate > 0 and row is not None:
                self._close(row, net, stage, epoch)

    def finish(self, net: Net, epoch: int) -> bool:
        """Closes what is open, as the run ends before `epoch`; whether no frozen stage changed."""
        for stage in net.stages:
            row = self._open(stage.name)
            if row is not None:
                self._close(row, net, stage, epoch)
        return all(row["unchanged"] for row in self.rows)

    def _open(self, name: str) -> dict[str, object] | None:
        return next((row for row in self.rows if row["stage"] == name and row["to_epoch"] is None), None)

    @staticmethod
    def _close(row: dict[str, object], net: Net, stage: Stage, epoch: int) -> None:
        after = fingerprint(net, stage)
        row |= {"to_epoch": epoch, "after": after, "unchanged": after == row["before"]}


def has_batch_norm(net: nn.Module) -> bool:
    """Whether any module normalises over the batch."""
    return any(isinstance(module, _BatchNorm) for module in net.modules())
