"""Net of a finished run: the saved file is loaded again and compared before the training state is deleted.

The saved net gives the outputs that were validated. A strategy with logits of its own either writes what they need
into the net (`Strategy.finish`) or is saved beside it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from workbench import _paths
from workbench.errors import BadValue, RunFailed
from workbench.nets.loading.net_loader import load_net
from workbench.nets.net import Net
from workbench.plan import Plan
from workbench.runs.folder import run_files as files
from workbench.strategies import LabelSpec, Strategy, strategies
from workbench.tunings import tunings

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images
    from workbench.loop.training import Training

LOGITS_TOLERANCE = 1e-3  # relative to the logits: after loading, convolutions use another memory layout


def save_verified_net(net: Net, folder: Path) -> None:
    """Save a finished net to a run's folder, after a check that the file loads as the same net.

    Raises:
        RunFailed: it does not; the file remains under another name, and nothing is removed.
        OSError: the disk cannot be written.
    """
    path = folder / files.UNVERIFIED_WEIGHTS
    try:
        net.save(path)
        difference = find_difference(net, load_net(path))
    except OSError:
        raise
    except Exception as error:
        difference = str(error) or type(error).__name__
    if difference:
        raise RunFailed(
            f"the training is done, but the saved file does not load as the trained net: {difference}. "
            f"Nothing is removed: run.net() rebuilds the net from the training state; resume() tries again"
        )
    os.replace(path, folder / files.WEIGHTS)


@torch.no_grad()
def find_difference(net: Net, reloaded: Net) -> str:
    """Describe how a net differs from `reloaded` in tensors, classes, preprocessing or logits; empty if it does not."""
    ours, theirs = net.state_dict(), reloaded.state_dict()
    if names := sorted(set(ours) ^ set(theirs)):
        return f"{names[0]} is {'missing in it' if names[0] in ours else 'new in it'}"
    if names := [name for name, tensor in ours.items() if not has_same_values(tensor, theirs[name])]:
        return f"{names[0]} has other values in it"
    if net.classes != reloaded.classes or net.preprocessing != reloaded.preprocessing:
        return "its classes or its preprocessing differ"
    size = net.preprocessing.size
    x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    a, b = net.eval()(x), reloaded.eval()(x)
    if a.shape != b.shape or not torch.allclose(
        a, b, rtol=0.0, atol=LOGITS_TOLERANCE * max_magnitude(a), equal_nan=True
    ):
        return "its outputs differ, although all tensors are equal: layers or their settings differ"
    return ""


def has_same_values(a: Tensor, b: Tensor) -> bool:
    """True if two tensors hold the same numbers; NaN equals NaN."""
    return a.shape == b.shape and a.dtype == b.dtype and torch.allclose(a, b, rtol=0.0, atol=0.0, equal_nan=True)


def max_magnitude(logits: Tensor) -> float:
    """Return the largest magnitude of the logits, never 0."""
    return max(float(logits.nan_to_num().abs().max()), 1e-6)


def save_strategy_state(training: Training, folder: Path) -> None:
    """Save the state of a strategy beside the net, if its logits need more than the net."""
    if is_net_sufficient(type(training.strategy)):
        return
    from safetensors.torch import save

    state = {name: tensor.detach().cpu().clone() for name, tensor in training.strategy.state_dict().items()}
    _paths.write_file(folder / files.STRATEGY, save({name: tensor.contiguous() for name, tensor in state.items()}))


def is_net_sufficient(cls: type[Strategy]) -> bool:
    """True if a net trained by a strategy gives the strategy's logits without the strategy."""
    return cls.logits is Strategy.logits or cls.finish is not Strategy.finish


def make_logits_function(
    plan: Plan, net: Net, images: Images, folder: Path, state: Mapping[str, Any] | None
) -> Callable[[Net, Tensor], Tensor] | None:
    """Return the strategy's `logits` as they were validated; None if the net alone gives them.

    Args:
        net: net of the run.
        state: state of an unfinished run; None if it is done.
    """
    if is_net_sufficient(strategies[plan.strategy.name]):
        return None
    if state is None:
        from safetensors.torch import load_file

        tensors = load_file(folder / files.STRATEGY)
    else:
        tensors = best_strategy_state(state)
    return restore_strategy(plan, net, images, tensors).logits


def best_strategy_state(state: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """Return the strategy's state of the epoch whose weights the run returns."""
    return state["best"].get("strategy") or state["strategy"]


def restore_strategy(plan: Plan, net: Net, images: Images, state_dict: Mapping[str, Tensor]) -> Strategy:
    """Restore the strategy of a plan with its state, in evaluation mode."""
    strategy = strategies.create(plan.strategy)
    strategy.label_spec = LabelSpec(images.kind, tuple((name, len(classes)) for name, classes in images.tasks.items()))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        strategy.prepare(net)
    strategy.load_state_dict(dict(state_dict))
    return strategy.eval()


def apply_tuning(plan: Plan, net: Net) -> Net:
    """Apply the tuning's grafts to `net`, as at the start of a training of the plan."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        tunings.create(plan.tuning).apply(net)
    return net


def fill_from_state(plan: Plan, net: Net, images: Images, state: Mapping[str, Any]) -> Net:
    """Load the best weights of a state into an initial net, or the last ones if none are kept as best.

    Args:
        state: result of `Training.state_dict()`.

    Raises:
        BadValue: the state belongs to another net.
    """
    finished = state.get("finished", False)
    # the best weights cover the moving stages only; frozen stages are in the net
    tensors = {**state["net"], **((not finished and state["best"]["weights"]) or {})}
    strategy = None
    if set(tensors) != set(net.state_dict()) or strategies[plan.strategy.name].finish is not Strategy.finish:
        # `prepare` may add modules to the net
        strategy = restore_strategy(plan, net, images, best_strategy_state(state))
        if finished:
            strategy.finish(net)  # `finish` may add tensors too; their values are loaded below
    try:
        net.load_state_dict(tensors)
    except RuntimeError as error:
        raise BadValue(
            f"the state belongs to another net than the plan's: {str(error).splitlines()[-1].strip()}"
        ) from error
    if strategy is not None and not finished:
        strategy.finish(net)
    return net.requires_grad_(True).eval()
