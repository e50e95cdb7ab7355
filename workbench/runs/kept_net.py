"""The net that a run keeps: it is opened again, in the form in which a person will open it, before the state goes.

What is kept answers as it was validated. A strategy that predicts in its own way either writes that into the net
(`Strategy.finish`) or is kept beside it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from workbench import disk
from workbench.errors import BadValue, RunFailed
from workbench.nets import Net, load
from workbench.plan import Plan
from workbench.runs import folder as files
from workbench.strategies import Strategy, Target, strategies
from workbench.tunings import tunings

if TYPE_CHECKING:
    from workbench.images import Images
    from workbench.loop import Training

CLOSE = 1e-3  # of the answers' size: convolutions are computed in another layout after loading


def keep_net(net: Net, folder: Path) -> None:
    """Write a finished net to a run's folder, once it is known that the file gives the same net again.

    Raises:
        RunFailed: it does not; the file stays under another name, and nothing is removed.
        OSError: the disk cannot be written.
    """
    path = folder / files.UNPROVEN
    try:
        net.save(path)
        odd = find_difference(net, load(path))
    except OSError:
        raise
    except Exception as error:
        odd = str(error) or type(error).__name__
    if odd:
        raise RunFailed(
            f"all epochs are over, but the net cannot be opened again from the file that was to be kept: {odd}. "
            f"Nothing is removed: run.net() builds the net as the training did, from the state; resume() tries again"
        )
    os.replace(path, folder / files.WEIGHTS)


@torch.no_grad()
def find_difference(net: Net, again: Net) -> str:
    """What sets a net apart from `again`, in words: tensors, classes, pixels, answers; empty where nothing does."""
    here, there = net.state_dict(), again.state_dict()
    if odd := sorted(set(here) ^ set(there)):
        return f"{odd[0]} is {'missing in it' if odd[0] in here else 'new in it'}"
    if odd := [name for name, tensor in here.items() if not same_bits(tensor, there[name])]:
        return f"{odd[0]} is another there"
    if net.classes != again.classes or net.preprocessing != again.preprocessing:
        return "its classes or its preprocessing are others there"
    size = net.preprocessing.size
    x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    a, b = net.eval()(x), again.eval()(x)
    if a.shape != b.shape or not torch.allclose(a, b, rtol=0.0, atol=CLOSE * scale_of(a), equal_nan=True):
        return "it answers otherwise, although all tensors are the same: layers or their settings differ"
    return ""


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold the same numbers; NaN is the same as NaN."""
    return a.shape == b.shape and a.dtype == b.dtype and torch.allclose(a, b, rtol=0.0, atol=0.0, equal_nan=True)


def scale_of(answers: Tensor) -> float:
    """The size of the answers, never 0."""
    return max(float(answers.nan_to_num().abs().max()), 1e-6)


def keep_strategy(training: Training, folder: Path) -> None:
    """Write the state of a strategy that predicts in its own way beside the net."""
    if answers_alone(type(training.strategy)):
        return
    from safetensors.torch import save

    state = {name: tensor.detach().cpu().clone() for name, tensor in training.strategy.state_dict().items()}
    disk.write(folder / files.STRATEGY, save({name: tensor.contiguous() for name, tensor in state.items()}))


def answers_alone(cls: type[Strategy]) -> bool:
    """Whether a net trained by a strategy gives the strategy's predictions without it."""
    return cls.predict is Strategy.predict or cls.finish is not Strategy.finish


def make_predict(
    plan: Plan, net: Net, images: Images, folder: Path, state: Mapping[str, Any] | None
) -> Callable[[Net, Tensor], Tensor] | None:
    """The strategy's way to predict, as it was validated; None where the net gives it by itself.

    Args:
        net: of the run.
        state: of a run that is not done.
    """
    if answers_alone(strategies[plan.strategy.name]):
        return None
    if state is None:
        from safetensors.torch import load_file

        held = load_file(folder / files.STRATEGY)
    else:
        held = best_state(state)
    return make_strategy(plan, net, images, held).predict


def best_state(state: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """The strategy's state of the epoch whose weights a run gives."""
    return state["best"].get("strategy") or state["strategy"]


def make_strategy(plan: Plan, net: Net, images: Images, held: Mapping[str, Tensor]) -> Strategy:
    """The strategy of a plan with its state, in evaluation mode."""
    strategy = strategies.make(plan.strategy)
    strategy.target = Target(images.kind, tuple((name, len(classes)) for name, classes in images.tasks.items()))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        strategy.prepare(net)
    strategy.load_state_dict(dict(held))
    return strategy.eval()


def graft(plan: Plan, net: Net) -> Net:
    """`net` as a training of the plan begins with it: with what the tuning grafts on it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        tunings.make(plan.tuning).apply(net)
    return net


def fill_unfinished(plan: Plan, net: Net, images: Images, state: Mapping[str, Any]) -> Net:
    """Fill a net as it began with the best weights of a state, or with the last ones where none are kept as best.

    Args:
        state: what `Training.state()` gave.

    Raises:
        BadValue: the state is of another net.
    """
    finished = state.get("finished", False)
    # what is frozen stands in the net alone: the best weights are those of the stages that move
    held = {**state["net"], **((not finished and state["best"]["weights"]) or {})}
    strategy = None
    if set(held) != set(net.state_dict()) or strategies[plan.strategy.name].finish is not Strategy.finish:
        strategy = make_strategy(plan, net, images, best_state(state))  # `prepare` may add to the net
        if finished:
            strategy.finish(net)  # and so may this; what it wrote is filled in below
    try:
        net.load_state_dict(held)
    except RuntimeError as error:
        raise BadValue(
            f"the state is of another net than the plan makes: {str(error).splitlines()[-1].strip()}"
        ) from error
    if strategy is not None and not finished:
        strategy.finish(net)
    return net.requires_grad_(True).eval()
